"""The processes that a server of the tests has started."""
import pathlib


def children(server):
    """{process: the words of its command line}."""
    found = {}
    for status in pathlib.Path("/proc").glob("[0-9]*/status"):
        try:
            parent = next(line for line in status.read_text().splitlines() if line.startswith("PPid:")).split()[1]
            words = (status.parent / "cmdline").read_bytes().decode().split("\0")
        except (OSError, StopIteration):
            continue  # it ended meanwhile
        if int(parent) == server.process.pid:
            found[int(status.parent.name)] = words
    return found
