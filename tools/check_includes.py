#!/usr/bin/env python3
"""Checks who includes whom against tools/include_rules.toml.

Prints one line per offence: file, line, what it includes and why it may not. Exit code 0 when there is none, 1 when
there are some, 2 when the rules themselves are wrong or no source was found. Needs Python >= 3.11, nothing else.
"""

import argparse
import pathlib
import re
import sys
import tomllib

SUFFIXES = {".h", ".hpp", ".inc", ".c", ".cc", ".cpp"}
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


class Rules:
    """The table of rooms, with the rooms that each may include worked out."""

    def __init__(self, table):
        self.rooms = table["rooms"]
        self.guarded = table.get("guarded", [])
        for name, room in self.rooms.items():
            for key in ("may_include", "tests_may_include", "never"):
                for other in room.get(key, []):
                    if other != "src/*" and other not in self.rooms:
                        raise ValueError(f"room {name}: {key} names the unknown room {other}")
        for guard in self.guarded:
            unknown = [r for r in guard["rooms"] if self.room_of(r + "/x") is None]
            if unknown:
                raise ValueError(f"guarded header {guard['header']}: unknown room {unknown[0]}")
        self.closures = {name: self._closure(room.get("may_include", [])) for name, room in self.rooms.items()}
        for name, reach in self.closures.items():
            if "src/*" in self.rooms[name].get("may_include", []):
                continue
            for other in reach:
                if name in self.closures[other]:
                    raise ValueError(f"rooms {name} and {other} may include each other: the table has a cycle")

    def _expand(self, names):
        for name in names:
            if name == "src/*":
                yield from (room for room in self.rooms if room.startswith("src/"))
            else:
                yield name

    def _closure(self, names):
        found, todo = set(), list(self._expand(names))
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                todo.extend(self._expand(self.rooms[name].get("may_include", [])))
        return found

    def room_of(self, path):
        """The room of a path relative to the root, or None."""
        matches = [name for name in self.rooms if path.startswith(name + "/")]
        return max(matches, key=len, default=None)

    def why_not(self, path, included):
        """Why file `path` may not include file `included` (both relative to the root); None if it may."""
        room, other = self.room_of(path), self.room_of(included)
        if room is None:
            return f"{path} is in no room of tools/include_rules.toml"
        if other is None:
            return f"{included} is in no room of tools/include_rules.toml"
        if other == "include/edgeml":
            return None
        rule = self.rooms[room]
        is_test = pathlib.PurePath(path).stem.endswith(("_test", "_bench"))
        tests = self._closure(rule.get("tests_may_include", [])) if is_test else set()
        if room == other:
            mine, theirs = (p[len(room) + 1 :].split("/") for p in (path, included))
            apart = len(mine) > 1 and len(theirs) > 1 and mine[0] != theirs[0]
            if rule.get("separate") and apart and room not in tests:
                return f"the folders inside {room} do not include each other"
            return None
        if other in rule.get("never", []):
            return f"{room} may never include {other}"
        if other in self.closures[room] or other in tests:
            return None
        allowed = ", ".join(rule.get("may_include", [])) or "only include/edgeml"
        return f"{room} may not include {other} (it may include: {allowed}, and what those may)"

    def guard_of(self, path, header):
        """Why file `path` may not include a guarded library header; None if it may."""
        is_test = pathlib.PurePath(path).stem.endswith(("_test", "_bench"))
        for guard in self.guarded:
            name = guard["header"]
            if is_test and guard.get("tests_may"):
                continue
            if header == name or (name.endswith("/") and header.startswith(name)):
                if not any(path.startswith(room + "/") for room in guard["rooms"]):
                    return guard["reason"]
        return None


def includes(text):
    """Yields (line number, name, quoted) for each include; those in comments at the line's start do not match."""
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match[1] or match[2], match[1] is not None


def resolve(root, path, name):
    """The path of an included file of this repository relative to the root, or None for others."""
    for base in ((root / path).parent, root, root / "include"):
        candidate = (base / name).resolve()
        if candidate.is_file() and candidate.is_relative_to(root):
            return candidate.relative_to(root).as_posix()
    if name.startswith("src/"):
        return name  # made during the build
    return None


def check(root, rules):
    """Returns (number of files read, list of offences)."""
    root = root.resolve()
    tops = sorted({name.split("/")[0] for name in rules.rooms})
    count, offences = 0, []
    for top in tops:
        for file in sorted((root / top).rglob("*")):
            path = file.relative_to(root).as_posix()
            if file.suffix not in SUFFIXES or not file.is_file():
                continue
            count += 1
            for number, name, quoted in includes(file.read_text(encoding="utf-8")):
                why = rules.guard_of(path, name)
                if why is None:
                    included = resolve(root, path, name)
                    if included is None and quoted and "/" in name and name.split("/")[0] in tops:
                        why = "no such file"
                    elif included is not None:
                        why = rules.why_not(path, included)
                if why:
                    offences.append(f"{path}:{number}: includes {name}: {why}")
    return count, offences


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--root", type=pathlib.Path, default=root)
    parser.add_argument("--rules", type=pathlib.Path, default=root / "tools" / "include_rules.toml")
    args = parser.parse_args()
    try:
        rules = Rules(tomllib.loads(args.rules.read_text(encoding="utf-8")))
    except (ValueError, KeyError) as error:
        print(f"check_includes: {args.rules}: {error}", file=sys.stderr)
        return 2
    count, offences = check(args.root, rules)
    print("\n".join(offences), end="\n" if offences else "")
    print(f"check_includes: {count} files, {len(offences)} offences", file=sys.stderr)
    if not count:
        return 2
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
