import check_docs
import pytest


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("see `src/none.cc`", "src/none.cc, which does not exist"),
        ("see [there](docs/none.md)", "docs/none.md, which does not exist"),
        ("see `src/none/<op>.cc`", "src/none/<op>.cc, which does not exist"),
        ("pip install --index https://" + "pypi" + ".org/simple", "registry host"),
    ],
)
def test_offence_is_reported_with_its_line(tree, text, reason):
    root = tree({"README.md": f"# Title\n\n{text}\n"})
    found = check_docs.check_text(root, "README.md", f"# Title\n\n{text}\n")
    assert len(found) == 1
    assert found[0].startswith("README.md:3: ") and reason in found[0]


def test_sound_document_passes(tree):
    text = "`src/a.cc`, `src/ops/<op>.cc`, [b](b.md), [web](https://example.org), `edgeml run`, `a/b`\n```\nsrc/no.cc `src/no.cc`\n```\n"
    root = tree({"docs/x.md": text, "docs/b.md": "", "src/a.cc": "", "src/ops/add.cc": ""})
    assert check_docs.check_text(root, "docs/x.md", text) == []


def test_untracked_and_nested_documents_are_found(tree):
    root = tree({"README.md": "", "docs/a.md": "", "src/base/README.md": "", ".gitignore": "build/\n", "build/x.md": ""})
    assert check_docs.documents(root) == ["README.md", "docs/a.md", "src/base/README.md"]
