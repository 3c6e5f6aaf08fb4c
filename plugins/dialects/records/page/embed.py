#!/usr/bin/env python3
"""Joins page.html, page.css and page.js into one document and writes it as C++: embed.py OUT.cc"""

import base64
import hashlib
import pathlib
import sys

HERE = pathlib.Path(__file__).parent


def source_hash(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def literal(text):
    lines = (line.encode() for line in text.splitlines(keepends=True))
    return "\n".join('    "' + "".join(
        chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in line) + '"' for line in lines)


def main():
    style = (HERE / "page.css").read_text()
    script = (HERE / "page.js").read_text()
    page = (HERE / "page.html").read_text()
    page = page.replace("<style></style>", f"<style>{style}</style>").replace("<script></script>", f"<script>{script}</script>")
    policy = (f"default-src 'none'; script-src {source_hash(script)}; style-src {source_hash(style)}; connect-src 'self'; "
              "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    pathlib.Path(sys.argv[1]).write_text(
        '// Written by embed.py.\n#include "plugins/dialects/records/page.h"\n\nnamespace slipway::records {\n\n'
        f"std::string_view page_html() {{\n  static constexpr std::string_view kText =\n{literal(page)};\n  return kText;\n}}\n\n"
        f"std::string_view page_policy() {{\n  static constexpr std::string_view kText =\n{literal(policy)};\n  return kText;\n}}\n\n"
        "}  // namespace slipway::records\n")


if __name__ == "__main__":
    main()
