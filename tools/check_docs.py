#!/usr/bin/env python3
"""Checks the paths that the documents name: README.md, docs/*.md and the README.md of each folder.

A word in backticks that looks like a path of this repository must exist, relative to the root or to the document's
folder; so must the target of a relative link. Words with placeholders (<name>, *, {a,b}, $X) are checked up to the
placeholder's folder. Addresses of package registries are refused: they belong in the machine's own settings. Code
blocks are read for registry addresses only.
"""

import argparse
import pathlib
import re
import subprocess
import sys

# A backticked word counts as a path of this repository when it begins with one of its folders or names a file there.
TOP = ("src", "include", "docs", "tools", "tests", "cmake", "benchmarks", "python", "models", "examples", "web", ".ci")
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PLACEHOLDER = re.compile(r"[<*{$…]")
# In pieces, so that this file does not hold what it looks for.
HOSTS = re.compile("|".join((
    "pypi" + r"\.org", "pythonhosted" + r"\.org", "deb" + r"\.debian\.org", "crates" + r"\.io", "npmjs" + r"\.(?:com|org)",
    "proxy" + r"\.golang\.org", "repo1?" + r"\.maven")))


def documents(root):
    out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"], cwd=root,
                         check=True, capture_output=True).stdout
    return sorted({name for name in out.decode().split("\0") if name})


def looks_like_path(word):
    if re.search(r"[\s()=:;,\"'\\]", word.rstrip("/")) or word.startswith(("/", "~", "-", "http", "../")):
        return False
    first = word.split("/")[0]
    return "/" in word and first in TOP


def exists(root, folder, word):
    """Whether a path exists from the root or from the document's folder; a placeholder is cut off with its name."""
    match = PLACEHOLDER.search(word)
    if match:
        word = word[: match.start()].rpartition("/")[0]
    word = word.split("#")[0]
    return not word or (root / word).exists() or (root / folder / word).exists()


def check_text(root, path, text):
    """Returns the offences of one document as lines."""
    folder, offences, in_block = pathlib.PurePath(path).parent, [], False
    for number, line in enumerate(text.splitlines(), 1):
        host = HOSTS.search(line)
        if host:
            offences.append(f"{path}:{number}: names the registry host {host[0]}")
        if line.lstrip().startswith("```"):
            in_block = not in_block
        if in_block:
            continue
        words = [w for w in CODE.findall(line) if looks_like_path(w)]
        links = [w for w in LINK.findall(CODE.sub("", line)) if not re.match(r"[a-z]+:|#", w)]
        for word in words + links:
            if not exists(root, folder, word):
                offences.append(f"{path}:{number}: names {word}, which does not exist")
    return offences


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    args = parser.parse_args()
    names = documents(args.root)
    offences = []
    for name in names:
        if (args.root / name).is_file():
            offences += check_text(args.root, name, (args.root / name).read_text(encoding="utf-8"))
    print("\n".join(offences), end="\n" if offences else "")
    print(f"check_docs: {len(names)} documents, {len(offences)} offences", file=sys.stderr)
    if not names:
        return 2
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
