#!/usr/bin/env python3
"""Fails when a source file is longer than the house allows: 600 lines, tests 800.

Prints the files that are too long, longest first. Looks at the files that git tracks or would track. Data, generated
lock files and licence texts are not counted: only the suffixes below are.
"""

import argparse
import pathlib
import subprocess
import sys

SUFFIXES = {".h", ".hpp", ".inc", ".c", ".cc", ".cpp", ".py", ".pyi", ".cmake", ".sh", ".js", ".ts", ".fbs", ".proto", ".md"}
LIMIT = 600
TEST_LIMIT = 800


def limit_of(path):
    """Most lines for a path, or None if it is not counted."""
    name = pathlib.PurePath(path)
    if name.suffix not in SUFFIXES and name.name != "CMakeLists.txt":
        return None
    is_test = name.stem.endswith("_test") or name.stem.startswith("test_") or name.parts[0] == "tests"
    return TEST_LIMIT if is_test else LIMIT


def tracked(root):
    out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root, check=True,
                         capture_output=True).stdout
    return sorted({name for name in out.decode().split("\0") if name})


def check(root, paths):
    """Returns (number of files counted, [(lines, limit, path)] of those that are too long)."""
    count, found = 0, []
    for path in paths:
        limit = limit_of(path)
        if limit is None or not (root / path).is_file():
            continue
        count += 1
        lines = (root / path).read_bytes().count(b"\n")
        if lines > limit:
            found.append((lines, limit, path))
    return count, sorted(found, reverse=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    args = parser.parse_args()
    count, found = check(args.root, tracked(args.root))
    for lines, limit, path in found:
        print(f"{path}: {lines} lines, more than {limit}: split it by what its parts are for")
    print(f"check_sizes: {count} files, {len(found)} too long", file=sys.stderr)
    if not count:
        return 2
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
