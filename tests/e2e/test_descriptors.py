"""A server that has few file descriptors, or none left."""

import os
import resource
import socket
import subprocess
import time

import pytest

WAIT_S = 20


def limit(process, most):
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (most, most))


def connect(server):
    host, port = server.address.split(":")
    return socket.create_connection((host, int(port)), timeout=WAIT_S)


def processor_seconds(process):
    fields = open(f"/proc/{process.pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def asks(connection):
    """True when a request on this connection is answered; False when the server has closed it."""
    try:
        connection.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    except (BrokenPipeError, ConnectionResetError):
        return False


def test_clients_are_turned_away_and_come_back(serve, wine):
    server = serve(wine.folder / "model.onnx")
    early = connect(server)
    assert asks(early)
    in_use = max(int(name) for name in os.listdir(f"/proc/{server.process.pid}/fd"))
    limit(server.process, in_use + 6)
    many = [connect(server) for _ in range(20)]
    answered = [asks(one) for one in many]
    assert 0 < sum(answered) < len(many)
    assert asks(early)
    waiting = [connect(server) for _ in range(20)]  # the listener stays readable
    before = processor_seconds(server.process)
    early.settimeout(2)
    with pytest.raises(TimeoutError):
        early.recv(1)
    early.settimeout(WAIT_S)
    assert processor_seconds(server.process) - before < 0.5, "the server spins"
    for one in [*many, *waiting]:
        one.close()
    until = time.monotonic() + WAIT_S
    while not asks(connect(server)):
        assert time.monotonic() < until
    assert asks(early)


@pytest.mark.parametrize("most", [16, 18, 20, 22, 23, 25])
def test_a_model_that_finds_none_says_so(slipway, wine, most):
    limits = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    words = [slipway.program, "serve", wine.folder / "model.onnx", "--port", "0", "--admin", "127.0.0.1:0", "--loops", "1"]
    done = subprocess.run(words, env=slipway.env, text=True, capture_output=True, timeout=WAIT_S, check=False,
                          preexec_fn=limits)
    assert done.returncode != 0
    assert "too many open files" in done.stderr.lower()
