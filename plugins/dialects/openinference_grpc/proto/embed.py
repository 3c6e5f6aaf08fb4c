#!/usr/bin/env python3
"""embed.py SET SOURCE: writes a compiled descriptor set as bytes in C++."""

import pathlib
import sys


def main():
    data = pathlib.Path(sys.argv[1]).read_bytes()
    rows = [", ".join(f"0x{byte:02x}" for byte in data[at:at + 20]) for at in range(0, len(data), 20)]
    pathlib.Path(sys.argv[2]).write_text(
        '// Written by embed.py.\n#include "plugins/dialects/openinference_grpc/descriptor.h"\n\n'
        "namespace slipway::openinference_grpc {\n\n"
        "ByteView descriptor_set() {\n  static constexpr unsigned char kBytes[] = {\n      " + ",\n      ".join(rows) +
        "};\n  return std::as_bytes(std::span(kBytes));\n}\n\n}  // namespace slipway::openinference_grpc\n",
        encoding="ascii")


if __name__ == "__main__":
    main()
