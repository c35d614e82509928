#!/usr/bin/env python3
"""Writes the header that makes a build hold only the operators of given models.

    tools/select_ops.py --output selected_ops.inc model.tflite...

Prints the operators, one line. Needs nothing but Python: the operator codes are read from the FlatBuffer directly.
CMake calls it for -DEDGEML_OPS_FROM; docs/building.md says more.
"""

import argparse
import pathlib
import re
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CUSTOM = 32  # the number of the builtin CUSTOM


class Damaged(Exception):
    pass


class Table:
    """A table of a FlatBuffer: fields by number, in file order of the schema."""

    def __init__(self, data, at):
        self.data, self.at = data, at
        self.vtable = at - self.number("<i", at)
        self.fields = (self.number("<H", self.vtable) - 4) // 2

    def number(self, form, at):
        if at < 0 or at + struct.calcsize(form) > len(self.data):
            raise Damaged("an offset leads outside of the file")
        return struct.unpack_from(form, self.data, at)[0]

    def place(self, field):
        offset = self.number("<H", self.vtable + 4 + 2 * field) if field < self.fields else 0
        return self.at + offset if offset else None

    def scalar(self, field, form, default=0):
        at = self.place(field)
        return default if at is None else self.number(form, at)

    def follow(self, field):
        at = self.place(field)
        return None if at is None else at + self.number("<I", at)

    def text(self, field):
        at = self.follow(field)
        return "" if at is None else self.data[at + 4:at + 4 + self.number("<I", at)].decode("utf-8", "replace")

    def tables(self, field):
        at = self.follow(field)
        count = 0 if at is None else self.number("<I", at)
        if at is not None and at + 4 + 4 * count > len(self.data):
            raise Damaged("a vector is longer than the file")
        for i in range(count):
            place = at + 4 + 4 * i
            yield Table(self.data, place + self.number("<I", place))


    def numbers(self, field):
        """A vector of int32."""
        at = self.follow(field)
        count = 0 if at is None else self.number("<I", at)
        return [self.number("<i", at + 4 + 4 * i) for i in range(count)]


def constants(schema, enum):
    """{number: name} of an enumeration of the schema."""
    body = re.search(rf"enum {enum}[^{{]*\{{(.*?)\}}", schema, re.S)[1]
    return {int(number): name for name, number in re.findall(r"(\w+)\s*=\s*(\d+)", body)}


def operators_of(path):
    """Pairs of an operator and a type of its tensors. Builtins are named by the schema, custom ones by their own."""
    data = path.read_bytes()
    if data[4:8] != b"TFL3":
        raise Damaged("not a TFLite model")
    schema = (ROOT / "src/formats/tflite/tflite.fbs").read_text()
    names, types = constants(schema, "BuiltinOperator"), constants(schema, "TensorType")
    model = Table(data, struct.unpack_from("<I", data)[0])
    codes = []
    for code in model.tables(1):
        builtin = max(code.scalar(0, "<b"), code.scalar(3, "<i"))  # deprecated_builtin_code, builtin_code
        codes.append(code.text(1) if builtin == CUSTOM else names.get(builtin, f"builtin {builtin}"))
    found = set()
    for graph in model.tables(2):
        tensors = [types.get(tensor.scalar(1, "<b"), "INVALID") for tensor in graph.tables(0)]
        for node in graph.tables(3):
            used = node.numbers(1) + node.numbers(2) + node.numbers(8)  # inputs, outputs, intermediates
            found |= {(codes[node.scalar(0, "<I")], tensors[i]) for i in used if i >= 0}
            found.add((codes[node.scalar(0, "<I")], "INVALID"))  # so that one without tensors is listed
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    options = parser.parse_args()
    listed = dict((text, name) for name, text in
                  re.findall(r'OP\((\w+), "([^"]+)"\)', (ROOT / "src/ir/attributes.h").read_text()))
    wanted = set()
    for path in options.models:
        try:
            wanted |= operators_of(path)
        except (OSError, Damaged, struct.error, IndexError) as error:
            sys.exit(f"select_ops: {path}: {error}")
    unknown = sorted({name for name, _ in wanted} - set(listed))
    if unknown:
        print("select_ops: left to custom operators: " + ", ".join(unknown), file=sys.stderr)
    spelled = {name[1:].upper(): name for name in
               re.findall(r"^  (k\w+) = \d+,", (ROOT / "include/edgeml/dtype.h").read_text(), re.M)}
    pairs = sorted((listed.get(name, "Custom"), spelled.get(kind, "kInvalid")) for name, kind in wanted)
    text = "".join(f"{{OpCode::k{op}, DType::{kind}}},\n" for op, kind in pairs)
    chosen = sorted({name for name, _ in wanted} & set(listed))
    if not options.output.exists() or options.output.read_text() != text:
        options.output.write_text(text)
    print(" ".join(chosen))


if __name__ == "__main__":
    main()
