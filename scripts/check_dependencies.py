#!/usr/bin/env python3
"""Compares docs/dependencies.md with the table cmake/dependencies.txt; with --write, writes it anew."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEAD = """# Dependencies

Written by `scripts/check_dependencies.py --write` from `cmake/dependencies.txt`; do not edit. `scripts/get-dependencies` installs them.
The versions are those of Debian 12; newer ones are fine where a package, not a checksum, brings the part.

"""
GROUPS = {"build": "To build", "test": "To test", "lint": "To format, lint and fuzz"}
SOURCES = {"apt": "Debian", "pypi": "PyPI wheel, checked by SHA-256", "deb": "Debian, unpacked, not installed",
           "go": "Go modules, checked by `tests/go/go.sum`; optional"}


def render():
    out = HEAD
    rows = []
    for line in (ROOT / "cmake/dependencies.txt").read_text().splitlines():
        fields = [field.strip() for field in line.split("|")]
        if line.startswith("#") or len(fields) != 7:
            continue
        rows.append(fields)
    for group, title in GROUPS.items():
        out += f"## {title}\n\n| part | version | licence | what for | owner | from |\n|---|---|---|---|---|---|\n"
        for kind, source, version, licence, owner, _, purpose in rows:
            if kind != group:
                continue
            origin, name = source.split(":", 1)
            folder = ", ".join("tests" if o == "tests" else f"`{o}`" for o in owner.split()) if owner != "-" else ""
            names = ", ".join(word.split("/")[0] for word in name.split())
            out += f"| {names} | {version} | {licence} | {purpose} | {folder} | {SOURCES[origin]} |\n"
        out += "\n"
    return out.rstrip("\n") + "\n"


def main():
    path = ROOT / "docs/dependencies.md"
    text = render()
    if "--write" in sys.argv[1:]:
        path.write_text(text)
    elif not path.exists() or path.read_text() != text:
        print("docs/dependencies.md is not what cmake/dependencies.txt says; run scripts/check_dependencies.py --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
