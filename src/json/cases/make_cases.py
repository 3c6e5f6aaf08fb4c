#!/usr/bin/env python3
"""Writes python.tsv: random documents, whole and damaged, with what Python's json module reads from them.

Each line: the document in hexadecimal, a tab, then "!" where Python refuses it, else one event per value:
{ } [ ] open and close, k and s a key and a string (UTF-8 in hexadecimal), i an integer, d a double (its bits), t f n.
"""

import json
import math
import pathlib
import random
import struct


def refuse(token):
    raise ValueError(token)


def events(value, out):
    if isinstance(value, Members):
        out.append("{")
        for key, member in value.pairs:
            out.append("k" + key.encode().hex())
            events(member, out)
        out.append("}")
    elif isinstance(value, list):
        out.append("[")
        for element in value:
            events(element, out)
        out.append("]")
    elif isinstance(value, bool):
        out.append("t" if value else "f")
    elif value is None:
        out.append("n")
    elif isinstance(value, str):
        out.append("s" + value.encode().hex())
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise ValueError("beyond 64 bits")
        out.append(f"i{value}")
    else:
        if math.isinf(value):
            raise ValueError("beyond a double")
        out.append("d" + struct.pack(">d", value).hex())
    return out


class Members:
    def __init__(self, pairs):
        self.pairs = pairs


def read(document):
    try:
        value = json.loads(document.decode("utf-8"), object_pairs_hook=Members, parse_constant=refuse)
        return " ".join(events(value, []))
    except (ValueError, UnicodeError, RecursionError):  # a lone surrogate fails in encode(): refused as well
        return "!"


def text(rng):
    alphabet = ["a", "b", "Z", " ", "/", '"', "\\", "\n", "\t", "\x01", "\x7f", "\u00e9", "\u00df", "\u6f22", "\U0001f600", "\u2028"]
    return "".join(rng.choice(alphabet) for _ in range(rng.choice([0, 1, 3, 9])))


def number(rng):
    kind = rng.randrange(6)
    if kind == 0:
        return rng.randrange(-10, 11)
    if kind == 1:
        return rng.choice([2**63 - 1, -(2**63), 2**63, 2**64 - 1, 2**53, -(2**53) - 1, 0])
    if kind == 2:
        value = struct.unpack(">d", rng.randbytes(8))[0]
        return value if math.isfinite(value) else 0.5
    if kind == 3:
        return rng.choice([0.1, -0.0, 1e22, 1e23, 5e-324, 1.7976931348623157e308, 2.2250738585072014e-308, 1e16, 3.0])
    return round(rng.uniform(-1000, 1000), rng.randrange(7))


def value(rng, depth):
    kind = rng.randrange(8 if depth < 5 else 5)
    if kind >= 7:
        return {text(rng): value(rng, depth + 1) for _ in range(rng.randrange(5))}
    if kind >= 5:
        return [value(rng, depth + 1) for _ in range(rng.randrange(5))]
    return [None, rng.random() < 0.5, text(rng), number(rng), number(rng)][kind]


def damage(rng, document):
    data = bytearray(document)
    for _ in range(rng.choice([1, 1, 2])):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            del data[at:]
        elif kind == 1 and at < len(data):
            data[at] = rng.choice(b'{}[],:"0-+.eE1tn\\ \x00\x80\xff')
        elif kind == 2:
            data[at:at] = rng.choice([b",", b"}", b"]", b'"', b"0", b"e5", b"\\u12", b"\\ud800", b"\xed\xa0\x80", b"nan"])
        elif at < len(data):
            del data[at]
    return bytes(data) or b" "


def main():
    rng = random.Random(20260817)
    rows = []
    for i in range(240):
        separators = rng.choice([(",", ":"), (", ", ": "), (" ,\n ", "\t: ")])
        top = rng.choice([[], {}]) if i < 4 else value(rng, 0 if i % 4 else 3)
        document = json.dumps(top, ensure_ascii=rng.random() < 0.5, separators=separators).encode()
        if len(document) > 400:
            continue
        rows.append(document)
        rows.append(damage(rng, document))
    lines = [f"{row.hex()}\t{read(row)}\n" for row in dict.fromkeys(rows)]
    pathlib.Path(__file__).with_name("python.tsv").write_text("".join(lines))


if __name__ == "__main__":
    main()
