from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

def convert(
    path: str,
    batch: Optional[int] = None,
    input_shapes: Sequence[Tuple[str, Sequence[int]]] = ...,
    verify: int = 1,
    signature: str = "",
    tags: Sequence[str] = ...,
    inputs: Sequence[str] = ...,
    outputs: Sequence[str] = ...,
    allow_custom: bool = False,
    float16: bool = False,
) -> Tuple[Optional[bytes], Union[Dict[str, Any], str]]:
    """(content, report), or (None, what is wrong)."""

class Quantizer:
    def inputs(self) -> List[Tuple[str, str, str]]:
        """For each input its name in the signature, the tensor's name, and its type."""
    def add(self, arrays: Sequence[Tuple[str, Sequence[int], bytes]]) -> str:
        """A sample: type, shape and bytes for each input. Returns what is wrong with it, or nothing."""
    def run(self, settings: Dict[str, Any]) -> Tuple[Optional[bytes], Union[Dict[str, Any], str]]:
        """(content, report), or (None, what is wrong). Once."""

def open_quantizer(
    path: str,
    batch: Optional[int] = None,
    input_shapes: Sequence[Tuple[str, Sequence[int]]] = ...,
    verify: int = 1,
    signature: str = "",
    tags: Sequence[str] = ...,
    inputs: Sequence[str] = ...,
    outputs: Sequence[str] = ...,
    allow_custom: bool = False,
) -> Tuple[Optional[Quantizer], str]:
    """(quantizer, ""), or (None, what is wrong)."""
