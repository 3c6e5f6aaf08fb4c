"""`slipway bench`: what it says it did, against what the server counted and what other servers saw."""

import http.server
import json
import re
import threading

import pytest
import requests

PROTOCOLS = {"predict": "records", "v2": "openinference", "v2-binary": "openinference", "grpc": "openinference_grpc",
             "grpc-stream": "openinference_grpc"}


@pytest.fixture
def server(slipway, serve, wine):
    slipway("pack", wine.folder)
    return serve("wine")


def counted(server, dialect):
    """Requests that the server answered well, by its own metrics."""
    page = requests.get(f"{server.admin}/metrics", timeout=20).text
    return sum(float(value) for labels, value in re.findall(r"^slipway_requests_total\{(.*)\} (\S+)$", page, re.MULTILINE)
               if f'dialect="{dialect}"' in labels and 'code="OK"' in labels)


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_is_answered_and_counted(slipway, server, protocol, http2):
    before = counted(server, PROTOCOLS[protocol])
    report = slipway.json("bench", f"{server.url}/predict/wine", "--protocol", protocol, "-c", 4, "-d", "200ms",
                          "--warm-up", "50ms", *(["--http2"] if http2 else []))
    assert report["protocol"] == protocol and report["concurrency"] == 4
    grpc = protocol.startswith("grpc")
    assert report["connections"] == (1 if http2 or grpc else 4)
    assert report["by_status"] == {"OK" if grpc else "200": report["requests_total"]} and report["requests_total"] > 0
    assert report["failures"] == report["lost"] == report["failed_connections"] == 0
    # The server also counts what came before and after the measured time.
    assert counted(server, PROTOCOLS[protocol]) - before >= report["requests_total"]
    latency = report["latency_us"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["p999"] <= latency["max"]


def test_an_open_loop_asks_at_its_rate(slipway, server):
    report = slipway.json("bench", server.url, "-c", 8, "--rate", 400, "--arrivals", "even", "-d", "500ms", code=None)
    assert report["protocol"] == "predict" and report["rate"] == 400
    assert 199 <= report["requests_total"] + report["unanswered"] <= 201
    assert report["service_us"]["p50"] <= report["latency_us"]["p50"]


def test_records_are_sent_in_turn(slipway, tmp_path):
    """Against a server that is not ours, which notes what it is sent."""
    seen = []

    class Noting(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, body):
            text = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self):
            self.answer({"name": "plus", "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}]})

        def do_POST(self):
            seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.answer({"outputs": []})

        def log_message(self, *_):
            pass

    records = tmp_path / "records.jsonl"
    records.write_text('{"x": [1.5, 2]}\n{"x": [3, -4]}\n')
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Noting) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        try:
            report = slipway.json("bench", f"http://127.0.0.1:{other.server_port}/v2/models/plus", "--records", records,
                                  "-d", "200ms", "--warm-up", "0ms")
        finally:
            other.shutdown()
            thread.join()
    assert report["requests_total"] > 0
    data = [request["inputs"][0] for request in seen]
    assert all(one["datatype"] == "FP32" and one["shape"] == [1, 2] and one["name"] == "x" for one in data)
    assert [one["data"] for one in data[:4]] == [[1.5, 2], [3, -4]] * 2


def test_failures_are_told(slipway, server, tmp_path):
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"records": [{"alcohol": "strong"}]}')
    done = slipway("bench", f"{server.url}/predict/wine", "--body", wrong, "-d", "100ms", code=1)
    assert re.search(r"\d+ answers were 400", done.stdout) and "first error: " in done.stdout


@pytest.mark.parametrize("words, code, says", [
    (["--rate", "-1"], 1, "--rate"),
    (["-c", "0"], 1, "--concurrency"),
    (["-c", "4", "--connections", "8"], 1, "--connections"),
    (["-c", "4", "--connections", "2"], 1, "--http2"),
    (["--http2", "-c", "5", "--connections", "2"], 1, "multiple"),
    (["--protocol", "carrier-pigeon"], 2, "predict"),
    (["-d", "5"], 1, "--duration"),
    (["--records", "/nowhere.csv"], 1, "/nowhere.csv"),
])
def test_what_cannot_be_asked_is_refused(slipway, server, words, code, says):
    assert says in slipway("bench", f"{server.url}/predict/wine", *words, code=code).stderr


def test_bars_are_shown_when_wanted(slipway, server):
    said = slipway("bench", f"{server.url}/predict/wine", "-d", "100ms", "--plot").stdout
    shares = [float(share) for share in re.findall(r"^  to +[0-9.]+ [mu]?s  #* +([0-9.]+) %$", said, re.MULTILINE)]
    assert len(shares) == 12 and abs(sum(shares) - 100) < 0.1
