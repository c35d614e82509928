from typing import Any, Dict, Optional, Sequence, Tuple, Union

def convert(
    path: str,
    batch: Optional[int] = None,
    input_shapes: Sequence[Tuple[str, Sequence[int]]] = ...,
    verify: int = 1,
    signature: str = "",
    tags: Sequence[str] = ...,
    inputs: Sequence[str] = ...,
    outputs: Sequence[str] = ...,
    float16: bool = False,
    allow_custom: bool = False,
) -> Tuple[Optional[bytes], Union[Dict[str, Any], str]]:
    """(content, report), or (None, what is wrong)."""
