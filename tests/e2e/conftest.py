"""What the end-to-end tests share: the program, a store of their own, and running servers.

The program is $SLIPWAY_BINARY, else the newest build of the presets dev and release. Every test has a SLIPWAY_HOME of its
own, every server ports of its own that it chooses itself.
"""

import json
import os
import pathlib
import re
import select
import signal
import subprocess
import time
import types

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_S = 60  # generous: a loaded machine is slow to start a server, and a started one answers at once


def find_program():
    if os.environ.get("SLIPWAY_BINARY"):
        return pathlib.Path(os.environ["SLIPWAY_BINARY"])
    built = [p for p in (ROOT / f"build/{preset}/bin/slipway" for preset in ("dev", "release")) if p.exists()]
    if not built:
        raise SystemExit("build the program first: cmake --preset dev && cmake --build --preset dev --target slipway")
    return max(built, key=lambda path: path.stat().st_mtime)


def go_tool(name):
    """A program that scripts/get-dependencies builds where Go is installed; elsewhere the test is skipped."""
    deps = os.environ.get("SLIPWAY_DEPS", pathlib.Path.home() / ".cache/slipway/deps")
    program = pathlib.Path(os.environ.get("SLIPWAY_GO_TOOLS", f"{deps}/go-tools")) / name
    if not program.exists():
        pytest.skip(f"{program} is built where Go is installed")
    return program


class Slipway:
    """The program as a person runs it, with a home of its own."""

    def __init__(self, home):
        self.program = find_program()
        self.home = home
        self.env = {**os.environ, "SLIPWAY_HOME": str(home), "NO_COLOR": "1"}

    def __call__(self, *words, code=0, cwd=ROOT, input=None, timeout=120):
        """Runs the program, expects its exit code (None: any), and gives what it wrote."""
        done = subprocess.run([self.program, *map(str, words)], cwd=cwd, env=self.env, input=input or "", text=True,
                              capture_output=True, timeout=timeout)
        said = f"$ slipway {' '.join(map(str, words))}\n{done.stdout}{done.stderr}"
        assert code in (None, done.returncode), f"exit code {done.returncode}, expected {code}\n{said}"
        return done

    def json(self, *words, **options):
        return json.loads(self(*words, "--json", **options).stdout)


class Server:
    """A running `slipway serve`. Leaves no process behind."""

    def __init__(self, slipway, *words, cwd=ROOT, ports=True):
        """`ports` is false where the words say where it listens."""
        self.words = [slipway.program, "serve", *map(str, words)]
        if ports and "--listen" not in words:
            self.words += ["--port", "0"]
        if ports and "--admin" not in words:
            self.words += ["--admin", "127.0.0.1:0"]
        self.process = subprocess.Popen(self.words, cwd=cwd, env=slipway.env, text=True, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.output = ""
        try:
            self.url, self.admin = self.wait_for(r"^serving on ([^\s,]+).*, admin on (\S+)\n").groups()
        except BaseException:
            self.process.kill()  # nobody else knows of it yet
            self.process.communicate()
            raise

    def wait_for(self, pattern):
        """Reads what the server says until a line fits the pattern. The addresses come when its models are loaded."""
        end = time.monotonic() + START_S
        while not (found := re.search(pattern, self.output, re.MULTILINE)):
            assert time.monotonic() < end, f"{pattern!r} not within {START_S} s:\n{self.output}"
            if not select.select([self.process.stdout], [], [], 0.5)[0]:
                continue
            said = os.read(self.process.stdout.fileno(), 65536).decode()
            assert said, f"the server ended with {self.process.wait()}:\n{self.output}"
            self.output += said
        return found

    @property
    def address(self):
        """Host and port, as clients of other servers want it."""
        return self.url.removeprefix("http://")

    def stop(self, signal_number=signal.SIGTERM):
        """Stops it and gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        try:
            rest, _ = self.process.communicate(timeout=30)
            self.output += rest or ""
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise AssertionError(f"the server did not end within 30 s of the signal:\n{self.output}")
        return self.process.returncode


@pytest.fixture
def slipway(tmp_path):
    return Slipway(tmp_path / "home")


@pytest.fixture
def serve(slipway):
    """serve(WORDS...) starts a server, which the end of the test stops; it must then end with 0 unless it has ended."""
    servers = []

    def start(*words, **options):
        servers.append(Server(slipway, *words, **options))
        return servers[-1]

    yield start
    faults = []
    for server in servers:
        if server.process.poll() is None and server.stop() != 0:
            faults.append(server.output)
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="session")
def wine():
    """The example's folder, its sample as text rows, and scikit-learn's answers."""

    folder = ROOT / "examples/wine"
    header, *lines = [line.split(",") for line in (folder / "sample.csv").read_text().splitlines()]
    rows = [[float(value) for value in line] for line in lines]
    return types.SimpleNamespace(
        folder=folder, columns=header, rows=rows, records=[dict(zip(header, row)) for row in rows],
        expected=json.loads((folder / "expected.json").read_text())["predictions"])
