#!/usr/bin/env python3
"""Compares every #include under src/ and plugins/ with what the folder declares.

A file may include its own folder, the modules named in its DEPS, and in tests those in TEST_DEPS. Headers of a third
party stay in the .cc files (or *_internal.h headers) of the folders that cmake/dependencies.txt names as their owner.
"""

import argparse
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
TEST_FILE = re.compile(r"(_test|_fuzz|_bench|_testing)\.(cc|h)$")
POSIX_FOLDERS = ("sys/", "linux/", "netinet/", "arpa/", "net/if")
POSIX = set("""aio.h alloca.h assert.h cpuid.h cxxabi.h ctype.h dirent.h dlfcn.h elf.h errno.h execinfo.h fcntl.h fenv.h
float.h fnmatch.h getopt.h glob.h grp.h immintrin.h inttypes.h langinfo.h libgen.h limits.h link.h locale.h malloc.h
math.h netdb.h poll.h pthread.h pwd.h regex.h sched.h semaphore.h signal.h spawn.h stdarg.h stddef.h stdint.h stdio.h
stdlib.h string.h strings.h syslog.h termios.h time.h ucontext.h unistd.h utime.h wait.h""".split())


class Part:
    def __init__(self, line):
        self.folder, self.name, self.layer, deps, test_deps = line.rstrip("\n").split("|")
        self.deps = [d for d in deps.split(";") if d]
        self.test_deps = [d for d in test_deps.split(";") if d]


def read_owners(path):
    """Pairs of an include prefix and the folders that may include it, longest prefix first."""
    owners = []
    for line in path.read_text().splitlines():
        fields = [field.strip() for field in line.split("|")]
        if line.startswith("#") or len(fields) != 7 or fields[5] == "-":
            continue
        owners += [(prefix, fields[4].split()) for prefix in fields[5].split()]
    return sorted(owners, key=lambda pair: -len(pair[0]))


def is_test(path):
    return bool(TEST_FILE.search(path.name)) or "testing" in path.parts


def header_folder(include):
    """The folder, from the root, of an include line such as "base/status.h" or "plugins/stores/file/x.h"."""
    folder = include.rsplit("/", 1)[0] if "/" in include else ""
    if folder.endswith("/testing"):
        folder = folder[: -len("/testing")]
    return folder if folder.startswith("plugins/") else "src/" + folder


def check_own(path, part, include, parts):
    """A fault in an include of this project, or None."""
    if include.startswith("testing/") and include.endswith(".gen.h"):
        return None if is_test(path) else "is for tests"
    folder = header_folder(include)
    name = include.rsplit("/", 1)[-1]
    other = parts.get(folder)
    if other is None:
        return "is in no module; write the whole path from src/"
    testing_header = name.endswith("_testing.h") or "/testing/" in include
    if testing_header and not is_test(path):
        return "is for tests"
    if other is part:
        return None
    if name.endswith("_internal.h"):
        return f"is internal to {other.folder}"
    if include.endswith(".gen.h") and part.name != other.name:
        return f"is for {other.folder} only"
    allowed = list(part.deps)
    if is_test(path):
        for dep in part.test_deps:
            allowed += [dep, re.sub("_testing$", "", dep)]
        if testing_header and other.name + "_testing" not in part.test_deps:
            return f"needs {other.name}_testing in TEST_DEPS of {part.folder}/CMakeLists.txt"
    if other.name not in allowed:
        return f"needs {other.name} in DEPS of {part.folder}/CMakeLists.txt"
    return None


def check_foreign(path, part, include, owners):
    """A fault in an include of a third party, or None."""
    for prefix, folders in owners:
        if not include.startswith(prefix):
            continue
        if "tests" in folders:
            return None if is_test(path) else "is for tests"
        if part.folder not in folders and not is_test(path):
            return f"belongs to {', '.join(folders)} (cmake/dependencies.txt)"
        if path.suffix == ".h" and not path.name.endswith("_internal.h"):
            return "may stand only in a .cc file or an *_internal.h header"
        return None
    if "." not in include and "/" not in include:
        return None
    if include in POSIX or include.startswith(POSIX_FOLDERS) or include == "experimental/":
        return None
    return "is of no dependency in cmake/dependencies.txt"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", required=True, type=pathlib.Path, help="parts.txt, written by the configure step")
    parser.add_argument("--root", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    root = arguments.root
    parts = {}
    for line in arguments.parts.read_text().splitlines():
        part = Part(line)
        parts[part.folder] = part
    owners = read_owners(root / "cmake/dependencies.txt")
    faults = []
    files = [p for top in ("src", "plugins") for p in sorted((root / top).rglob("*")) if p.suffix in (".h", ".cc")]
    for path in files:
        relative = path.relative_to(root)
        folder = relative.parent
        while folder.as_posix() not in parts and folder.parent != folder:
            folder = folder.parent
        part = parts.get(folder.as_posix())
        if part is None:
            faults.append(f"{relative}:1: is in no folder with a CMakeLists.txt")
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            quote, include = match.groups()
            if quote == '"':
                fault = check_own(relative, part, include, parts)
            else:
                fault = check_foreign(relative, part, include, owners)
            if fault:
                faults.append(f'{relative}:{number}: "{include}" {fault}')
    for fault in faults:
        print(fault)
    if faults:
        print(f"{len(faults)} includes that are not declared", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
