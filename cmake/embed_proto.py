#!/usr/bin/env python3
"""Writes a .proto file as C++ that gives its FileDescriptorProto: embed_proto.py PROTOC FILE.proto NAMESPACE::FUNCTION OUT.cc"""

import pathlib
import subprocess
import sys
import tempfile


def first_file(descriptor_set):
    """The bytes of field 1 of a FileDescriptorSet that has this one field: tag, length as varint, the file."""
    if descriptor_set[0] != 0x0A:
        sys.exit("protoc wrote no file descriptor set")
    size, at, shift = 0, 1, 0
    while True:
        byte = descriptor_set[at]
        size |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    if at + size != len(descriptor_set):
        sys.exit("protoc wrote more than one file")
    return descriptor_set[at:]


def main():
    protoc, proto, function, out = sys.argv[1:]
    namespace, _, name = function.rpartition("::")
    with tempfile.TemporaryDirectory() as folder:
        made = pathlib.Path(folder) / "set"
        subprocess.run([protoc, f"--descriptor_set_out={made}", "-I", ".", proto], check=True)
        data = first_file(made.read_bytes())
    lines = (data[at:at + 20] for at in range(0, len(data), 20))
    text = "\n".join("    " + " ".join(f"'\\{byte:o}'," for byte in line) for line in lines)
    pathlib.Path(out).write_text(
        f"// Written by embed_proto.py from {proto}.\n#include <string_view>\n\nnamespace {namespace} {{\n\n"
        f"std::string_view {name}();\nstd::string_view {name}() {{\n  static constexpr char kBytes[] = {{\n{text}\n  }};\n"
        f"  return {{kBytes, sizeof kBytes}};\n}}\n\n}}  // namespace {namespace}\n")


if __name__ == "__main__":
    main()
