#!/usr/bin/env python3
"""Writes csv.json: texts made by Python's csv module from seeded random cells, and the cells its reader gives back."""

import csv
import io
import json
import pathlib
import random

random.seed(4180)
cases = []
for number in range(60):
    columns = random.randint(2, 5)
    rows = [["".join(random.choice(["a", "Z", "7", ".", " ", ",", '"', "\n", "\r\n", "\u00e9", "'"]) for _ in range(random.randint(0, 5)))
             for _ in range(columns)] for _ in range(random.randint(1, 4))]
    out = io.StringIO()
    csv.writer(out, lineterminator=random.choice(["\n", "\r\n"]),
               quoting=random.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])).writerows(rows)
    text = out.getvalue()
    if number % 3 == 0:
        text = text.rstrip("\r\n") if not text.endswith('"\n') else text
    cases.append({"text": text, "rows": list(csv.reader(io.StringIO(text, newline=""), strict=True))})
pathlib.Path(__file__).with_name("csv.json").write_text(json.dumps(cases, indent=1) + "\n")
