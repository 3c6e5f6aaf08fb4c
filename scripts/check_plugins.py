#!/usr/bin/env python3
"""Checks what each plugin says of itself, and compares docs/plugins.md with it; with --write, writes that page anew.

A plugin's folder has `plugin.json` with exactly the keys of KEYS. The parts it takes from others are named as in
cmake/dependencies.txt, which has their versions and licences and says by its column `owner` whose they are.
"""

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
KINDS = {"backends": "backend", "dialects": "dialect", "stores": "store"}
VALUES = {
    "kind": list(KINDS.values()),
    "status": ["experimental", "beta", "stable"],
    "posture": ["hardened", "trusted_only"],
    "licence": ["Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT"],
}
KEYS = [*VALUES, "third_party"]
HEAD = """# Plugins

Written by `scripts/check_plugins.py --write` from `plugins/*/*/plugin.json`; do not edit.

- **status**: `experimental` may change or go with any release; `beta` is whole and tested, its settings may still change; `stable`
  changes only with notice.
- **posture**: `hardened` may meet bytes from anybody; `trusted_only` is for models and clients that you trust.
"""
TITLES = {"backends": "Backends: what runs models", "dialects": "Dialects: what clients speak",
          "stores": "Stores: where packages are kept"}


def dependencies():
    """part -> (version, licence, the folders that own it), for what the program is built with."""
    parts = {}
    path = ROOT / "cmake/dependencies.txt"
    for line in path.read_text().splitlines() if path.exists() else []:
        fields = [field.strip() for field in line.split("|")]
        if line.startswith("#") or len(fields) != 7 or fields[0] != "build":
            continue
        for name in fields[1].split(":", 1)[1].split():
            parts[name.split("/")[0]] = (fields[2], fields[3], fields[4].split())
    return parts


def read(path):
    """The object in the file, or a text that says what is wrong."""
    def unique(pairs):
        keys = [key for key, _ in pairs]
        if len(set(keys)) != len(keys):
            raise ValueError("a key is there twice")
        return dict(pairs)

    try:
        facts = json.loads(path.read_text(), object_pairs_hook=unique)
    except ValueError as error:
        return str(error)
    return facts if isinstance(facts, dict) else "is to be an object"


def faults_of(folder, facts, parts):
    if isinstance(facts, str):
        return [facts]
    faults = [f"the key \"{key}\" is missing" for key in KEYS if key not in facts]
    faults += [f"unknown key \"{key}\"; keys are {', '.join(KEYS)}" for key in facts if key not in KEYS]
    for key, allowed in VALUES.items():
        if key in facts and facts[key] not in allowed:
            faults.append(f"{key} is {json.dumps(facts[key])}; it is one of {', '.join(allowed)}")
    wanted = KINDS.get(folder.split("/")[1])
    if facts.get("kind") in VALUES["kind"] and facts["kind"] != wanted:
        faults.append(f"kind is \"{facts['kind']}\", but the folder's is \"{wanted}\"")
    if "third_party" in facts:
        faults += third_party_faults(folder, facts["third_party"], parts)
    return faults


def third_party_faults(folder, names, parts):
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return ["third_party is to be a list of names of cmake/dependencies.txt"]
    owned = [name for name, (_, _, owners) in parts.items() if folder in owners]
    faults = [f"third_party names \"{name}\", which {folder} does not own in cmake/dependencies.txt"
              for name in names if name not in owned]
    return faults + [f"third_party lacks \"{name}\", which cmake/dependencies.txt gives to {folder}"
                     for name in owned if name not in names]


def check(names):
    """(file, fault) for each thing that is wrong in the plugin.json among `names`."""
    parts = dependencies()
    files = sorted(name for name in names if re.fullmatch(r"plugins/[^/]+/[^/]+/plugin\.json", name))
    return [(name, fault) for name in files
            for fault in faults_of(name.rpartition("/")[0], read(ROOT / name), parts)]


def purpose(folder):
    """The first sentence of the plugin's README."""
    text = (folder / "README.md").read_text().split("\n\n")[1]
    return re.split(r"(?<=\.)\s", text.replace("\n", " "))[0].rstrip(".").replace("|", "\\|")


def render():
    parts = dependencies()
    out = HEAD
    for kind, title in TITLES.items():
        out += f"\n## {title}\n\n| name | what for | status | posture | third party | licence |\n|---|---|---|---|---|---|\n"
        for path in sorted((ROOT / "plugins" / kind).glob("*/plugin.json")):
            facts = read(path)
            third = ", ".join(f"{name} {parts[name][0]} ({parts[name][1]})" for name in facts["third_party"]) or "none"
            out += (f"| [{path.parent.name}](../plugins/{kind}/{path.parent.name}/README.md) | {purpose(path.parent)} | "
                    f"{facts['status']} | {facts['posture']} | {third} | {facts['licence']} |\n")
    return out


def main():
    faults = check(path.relative_to(ROOT).as_posix() for path in (ROOT / "plugins").glob("*/*/plugin.json"))
    if faults:
        print("\n".join(f"{name}: {fault}" for name, fault in faults))
        return 1
    path = ROOT / "docs/plugins.md"
    text = render()
    if "--write" in sys.argv[1:]:
        path.write_text(text)
    elif not path.exists() or path.read_text() != text:
        print("docs/plugins.md is not what plugins/*/*/plugin.json say; run scripts/check_plugins.py --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
