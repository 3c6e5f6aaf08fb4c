"""One server that answers in several places: IPv4, IPv6 and Unix sockets, asked with curl."""

import json
import socket
import subprocess

import onnx_models
import pytest

WAIT_S = 30  # a bound for a loaded machine


def curl(*words):
    done = subprocess.run(["curl", "-gsS", "--noproxy", "*", "--fail-with-body", "-w", " %{http_version}", *map(str, words)],
                          text=True, capture_output=True, timeout=WAIT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def model(tmp_path):
    return onnx_models.times(tmp_path / "times.onnx", 3)


def places(server):
    """The addresses that the server has said."""
    return server.wait_for(r"^serving on (.*), admin on ").group(1).replace(" and ", ", ").split(", ")


@pytest.mark.parametrize("said_by", ["flags", "file"])
def test_every_place_answers_the_same(serve, tmp_path, model, said_by):
    first, second = tmp_path / "a.sock", tmp_path / "b.sock"
    listen = ["127.0.0.1:0", f"unix:{first}", "[::1]:0", f"unix:{second}", "127.0.0.1:0"]
    log = tmp_path / "server.log"
    environment = tmp_path / "environment.yaml"
    settings = {"log": {"file": str(log), "format": "json"}, "deployments": {"times": {"package": str(model)}}}
    if said_by == "file":
        environment.write_text(json.dumps({"listen": listen, "admin": "127.0.0.1:0", **settings}))
        server = serve(environment, ports=False)
    else:
        environment.write_text(json.dumps(settings))
        server = serve(environment, "--admin", "127.0.0.1:0", *[word for one in listen for word in ("--listen", one)])
    said = places(server)
    assert [one.partition(":")[0] for one in said] == ["http", "unix", "http", "unix", "http"]
    assert said[1] == f"unix:{first}" and said[2].startswith("http://[::1]:") and said[0] != said[4]
    body = json.dumps({"records": [{"x": [1.0, 2.0]}]})
    answers = []
    for one in said:
        where = ("--unix-socket", one.removeprefix("unix:"), "http://localhost") if one.startswith("unix:") else (one,)
        *socket_words, base = where
        for version in ("--http1.1", "--http2-prior-knowledge"):
            text = curl(*socket_words, version, "-H", "Content-Type: application/json", "-d", body, f"{base}/predict/times")
            answers.append(text.rpartition(" ")[0])
            assert text.endswith(" 1.1" if version == "--http1.1" else " 2")
    assert len(answers) == 10 and len({json.dumps(json.loads(text)["predictions"]) for text in answers}) == 1
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["message"] for line in lines if line["event"] == "server.listening"] == said
    # On one connection each, kept until the server ends.
    kept = [socket.create_connection(("127.0.0.1", int(said[0].rpartition(":")[2])), WAIT_S),
            socket.create_connection(("::1", int(said[2].rpartition(":")[2])), WAIT_S)]
    unix = socket.socket(socket.AF_UNIX)
    unix.settimeout(WAIT_S)
    unix.connect(str(second))
    assert server.stop() == 0
    for connection in (*kept, unix):
        assert connection.recv(1) == b""
        connection.close()
    assert not first.exists() and not second.exists()


def test_one_that_cannot_be_opened_is_named_and_leaves_nothing(slipway, tmp_path, model):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for listen, code, says in (
                ([f"unix:{tmp_path}/a.sock", f"127.0.0.1:{port}"], 1, f"127.0.0.1:{port} is taken"),
                ([f"unix:{tmp_path}/a.sock", f"unix:{tmp_path}/none/b.sock"], 1, f"unix:{tmp_path}/none/b.sock"),
                ([f"unix:{tmp_path}/a.sock", "[::]:0"], 3, "listen is [::]:0, which other machines can reach"),
                ([f"unix:{tmp_path}/a.sock", "nonsense"], 1, "'nonsense' is no address"),
                ([f"unix:{tmp_path}/a.sock", f"unix:{tmp_path}/a.sock"], 1, "a.sock twice")):
            words = [word for one in listen for word in ("--listen", one)]
            done = slipway("serve", model, *words, "--admin", "127.0.0.1:0", code=code)
            assert says in done.stderr, done.stderr
            assert not (tmp_path / "a.sock").exists(), listen
    done = slipway("serve", model, "--listen", "127.0.0.1:0", "--listen", "[::1]:0", "--port", "0", code=1)
    assert "--port needs one listener" in done.stderr
