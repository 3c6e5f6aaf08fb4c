#!/usr/bin/env python3
"""Checks the hand-written files: sizes, full folders, ASCII, calls that belong to one place, and what each part must have.

Exceptions are in scripts/tree_allow.txt, one a line: `rule | path | count | reason`. An exception that is larger than
needed is a fault too, so the list can only shrink.
"""

import pathlib
import re
import subprocess
import sys

import check_plugins

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALLOW = ROOT / "scripts/tree_allow.txt"
SOURCES = {".cc", ".h", ".py", ".cmake", ".sh", ""}
CODE = {".cc", ".h"}
TEST_FILE = re.compile(r"(_test|_fuzz|_bench|_testing)\.(cc|h)$|(^|/)(tests|testing|fuzz|bench)/")

# rule -> (pattern, files it holds for: code | product | test, what to do instead)
CALLS = {
    "clock": (r"\b(system_clock|steady_clock|high_resolution_clock)::now|\b(gettimeofday|clock_gettime)\s*\(|"
              r"\btime\s*\(\s*(nullptr|NULL|0)\s*\)", "code", "take base/clock.h's Clock as an argument"),
    "sleep": (r"\b(sleep_for|sleep_until|usleep|nanosleep)\s*\(|(?<![\w.>:])sleep\s*\(", "code",
              "wait for the event itself"),
    "random": (r"(?<![\w.>:])(rand|srand|drand48)\s*\(|(?<![\w.>:])random\s*\(\s*\)|\brandom_device\b", "code",
               "take base/random.h's Random as an argument"),
    "shell": (r"(?<![\w.>:])(system|popen)\s*\(", "code", "call the library, or exec with an argument list"),
    "unsafe-c": (r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|alloca|atoi|atol|atof)\s*\(", "code",
                 "use std::string, fmt or base/text.h"),
    "new-delete": (r"(?<!operator )\bnew\s+[A-Za-z_:(]|(?<!= )(?<!operator )\bdelete(\[\])?\s+[A-Za-z_*]", "code",
                   "use std::make_unique"),
    "throw": (r"\bthrow\b", "code", "return base/error.h's Result"),
    "print": (r"\bstd::(cout|cerr|clog)\b|(?<![\w.>])(std::)?(printf|puts|putchar)\s*\(", "product",
              "write through the log or through app's output"),
    "exit": (r"(?<![\w.>:])(std::)?(exit|quick_exit|abort|_exit|terminate)\s*\(", "product",
             "return an Error; own invariants use SLIPWAY_CHECK"),
    "environment": (r"(?<![\w.>:])(std::)?(getenv|setenv|putenv|secure_getenv)\s*\(", "product",
                    "pass it from app as an argument"),
    "detach": (r"\.detach\s*\(\s*\)", "code", "join what was started"),
    "regex": (r"\bstd::regex\b", "code", "parse by hand; std::regex overflows the stack"),
    "using-namespace": (r"\busing\s+namespace\s+std\s*;", "code", "name what is used"),
    "fixed-port": (r"(127\.0\.0\.1|localhost|0\.0\.0\.0):[1-9]\d{2,4}\b", "test", "listen on port 0 and ask"),
}
# These rules look at strings as well, because that is where what they look for stands.
IN_STRINGS = {"fixed-port"}
UNFINISHED = re.compile("TO" + "DO|FIX" + r"ME|\bXX" + "X\\b|not (yet )?imple" + "mented", re.IGNORECASE)


def tracked_files():
    listing = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                             check=True, capture_output=True).stdout
    for name in listing.decode().split("\0"):
        path = ROOT / name
        if name and path.is_file() and not path.is_symlink():
            yield name, path


def strip(text, keep_strings):
    """The text with comments, and strings unless kept, blanked; line numbers stay."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.DOTALL)

    def blank(match):
        token = match.group(0)
        if keep_strings and not token.startswith("/"):
            return token
        return '""' + "\n" * token.count("\n") if not token.startswith("/") else "\n" * token.count("\n")

    return pattern.sub(blank, text)


def read_allow():
    allow = {}
    if ALLOW.exists():
        for line in ALLOW.read_text().splitlines():
            if line.strip() and not line.startswith("#"):
                rule, path, count, reason = [field.strip() for field in line.split("|", 3)]
                allow[(rule, path)] = int(count)
                if not reason:
                    raise SystemExit(f"scripts/tree_allow.txt: {rule} {path} needs a reason")
    return allow


def check_calls(name, text, found):
    test = bool(TEST_FILE.search(name))
    without = {keep: strip(text, keep).split("\n") for keep in (False, True)}
    for rule, (pattern, scope, instead) in CALLS.items():
        if (scope == "product" and (test or name.startswith(("bench/", "fuzz/")))) or (scope == "test" and not test):
            continue
        for number, line in enumerate(without[rule in IN_STRINGS], 1):
            if rule == "new-delete" and "_ptr" in line:
                continue  # a smart pointer over a private constructor
            if re.search(pattern, line):
                found.setdefault((rule, name), []).append((number, f"{line.strip()[:80]}: {instead}"))


def check_parts(names, found):
    """Every module and plugin says why it exists; a plugin states what it is in plugin.json."""
    for name in names:
        folder, _, file = name.rpartition("/")
        if file == "CMakeLists.txt" and folder.startswith(("src/", "plugins/")):
            needed = ["README.md"] + (["plugin.json"] if folder.startswith("plugins/") else [])
            for need in needed:
                if f"{folder}/{need}" not in names:
                    found[("part", folder)] = [(1, f"{need} is missing")]
    for name, fault in check_plugins.check(names):
        found.setdefault(("plugin", name), []).append((1, fault))


def main():
    found = {}
    names = set()
    folders = {}
    for name, path in tracked_files():
        names.add(name)
        suffix = path.suffix
        folder = name.rpartition("/")[0]
        if ".gen." in name or suffix not in SOURCES and name.rpartition("/")[2] != "CMakeLists.txt":
            continue
        if suffix == "" and not name.startswith(("scripts/", ".ci/")) and name not in ("quickstart", "run-tests"):
            continue
        raw = path.read_bytes()
        text = raw.decode("utf-8", "replace")
        lines = text.count("\n")
        limit = 900 if TEST_FILE.search(name) else 600
        if lines > limit:
            found[("size", name)] = [(1, f"{lines} lines; at most {limit}")]
        if not raw.isascii():
            number = next(i for i, line in enumerate(raw.split(b"\n"), 1) if not line.isascii())
            found[("ascii", name)] = [(number, "a character that is not ASCII")]
        for number, line in enumerate(text.split("\n"), 1):
            if UNFINISHED.search(line):
                found.setdefault(("unfinished", name), []).append((number, line.strip()[:80]))
        if suffix in CODE:
            folders[folder] = folders.get(folder, 0) + 1
            check_calls(name, text, found)
            if suffix == ".h" and "#pragma once" not in text:
                found[("header", name)] = [(1, "a header starts with #pragma once")]
    for folder, count in folders.items():
        if count > 40:
            found[("folder", folder)] = [(1, f"{count} files; split folders over 40")]
    check_parts(names, found)

    allow = read_allow()
    faults = []
    for (rule, name), places in sorted(found.items()):
        if len(places) > allow.get((rule, name), 0):
            faults += [f"{name}:{number}: {rule}: {text}" for number, text in places]
    for (rule, name), count in sorted(allow.items()):
        actual = len(found.get((rule, name), []))
        if actual < count:
            faults.append(f"scripts/tree_allow.txt: allows {count} of '{rule}' in {name}, which has {actual}; lower it")
    print("\n".join(faults) if faults else f"{len(names)} files, no faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
