"""How a server ends: what was begun is answered, readiness tells first, and nothing is cut off silently."""

import concurrent.futures
import http.client
import json
import signal
import subprocess
import time

import onnx_models
import pytest
import requests

ASK = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]})


@pytest.fixture
def drained(serve, tmp_path):
    """drained(MODEL, GRACE, DEADLINE): a server of this model as "m" whose drain is set so."""

    def start(model, grace="0s", deadline="20s"):
        (tmp_path / "environment.yaml").write_text(
            f"drain: {{grace: {grace}, deadline: {deadline}}}\ndeployments:\n  m: {{package: {model}}}\n")
        return serve("--config", tmp_path / "environment.yaml")

    return start


class Client:
    """Asks on one connection as long as the server keeps it, then on the next, until the door is shut.

    `answered` counts answers, all of which were right; `unanswered` are requests that the server took on a fresh
    connection, or after it had said that it would close, and did not answer.
    """

    def __init__(self, address):
        self.address = address
        self.answered = 0
        self.unanswered = []

    def run(self):
        while True:
            connection = http.client.HTTPConnection(self.address, timeout=20)
            try:
                connection.connect()
            except ConnectionRefusedError:
                return self
            self._use(connection)
            connection.close()

    def _use(self, connection):
        for number in range(1 << 30):
            try:
                connection.request("POST", "/v2/models/m/infer", ASK, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                body = answer.read()
            except (ConnectionError, http.client.RemoteDisconnected, http.client.IncompleteRead) as error:
                # An idle connection may end as the next request is on its way: HTTP lets a client ask again then.
                if number == 0 or isinstance(error, http.client.IncompleteRead):
                    self.unanswered.append(repr(error))
                return
            assert answer.status == 200, body
            assert json.loads(body)["outputs"][0]["data"] == [3, 6]
            self.answered += 1
            if answer.getheader("Connection") == "close":
                return


def hammer(server, clients=8):
    """Lets clients ask until the server is gone, which is told to stop in the midst of it; gives them when they ended."""
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        jobs = [pool.submit(Client(server.address).run) for _ in range(clients)]
        while requests.get(f"{server.admin}/metrics", timeout=10).text.count('code="OK"') == 0:
            pass
        server.process.send_signal(signal.SIGTERM)
        return [job.result() for job in jobs]


@pytest.mark.parametrize("grace", ["0s", "200ms"])
def test_everything_that_was_taken_is_answered(drained, tmp_path, grace):
    server = drained(onnx_models.times(tmp_path / "times.onnx", 3), grace)
    clients = hammer(server)
    assert server.stop() == 0
    assert "stopped: every request was answered" in server.output
    assert [client.unanswered for client in clients] == [[]] * len(clients)
    assert all(client.answered > 0 for client in clients)


def test_a_load_test_sees_no_failed_answer(slipway, drained, tmp_path):
    server = drained(onnx_models.times(tmp_path / "times.onnx", 3))
    (tmp_path / "body.json").write_text(ASK)
    bench = subprocess.Popen([slipway.program, "bench", f"{server.url}/v2/models/m/infer", "--body", tmp_path / "body.json",
                              "-c", "8", "-d", "60s", "--warm-up", "0s", "--json"], env=slipway.env, text=True,
                             stdout=subprocess.PIPE)
    while 'code="OK"' not in requests.get(f"{server.admin}/metrics", timeout=10).text:
        assert bench.poll() is None
    assert server.stop() == 0
    report = json.loads(bench.communicate(timeout=60)[0])
    assert set(report["by_status"]) == {"200"}
    assert server.address in report["ended_early"]
    assert "stopped: every request was answered" in server.output


def test_readiness_tells_before_anything_is_refused(drained, tmp_path):
    server = drained(onnx_models.times(tmp_path / "times.onnx", 3), grace="1s")
    assert requests.get(f"{server.admin}/health/ready", timeout=10).status_code == 200
    server.process.send_signal(signal.SIGTERM)
    end = time.monotonic() + 20
    while requests.get(f"{server.admin}/health/ready", timeout=10).status_code == 200:
        assert time.monotonic() < end
    assert requests.get(f"{server.admin}/health/ready", timeout=10).status_code == 503
    assert requests.get(f"{server.admin}/health/live", timeout=10).status_code == 200
    assert requests.get(f"{server.url}/v2/health/ready", timeout=10).status_code == 400
    answer = requests.post(f"{server.url}/v2/models/m/infer", data=ASK, timeout=10,
                           headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["Connection"]) == (200, "close")
    assert server.stop() == 0
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"{server.url}/v2/health/live", timeout=10)


def send(server, count):
    """Sends requests on connections of their own, and gives these without waiting for answers."""
    connections = [http.client.HTTPConnection(server.address, timeout=60) for _ in range(count)]
    for connection in connections:
        connection.request("POST", "/v2/models/m/infer", ASK, {"Content-Type": "application/json"})
    return connections


def test_what_was_sent_before_the_signal_is_answered_however_slow(drained, tmp_path):
    server = drained(onnx_models.slow(tmp_path / "slow.onnx", steps=20))
    connections = send(server, 6)
    server.process.send_signal(signal.SIGTERM)
    for connection in connections:
        assert json.load(connection.getresponse())["outputs"][0]["data"] == [1, 2]
        connection.close()
    assert server.stop() == 0


def test_what_takes_longer_than_the_deadline_is_cut_off_and_told(drained, tmp_path):
    server = drained(onnx_models.slow(tmp_path / "slow.onnx", steps=20), deadline="1ms")
    connections = send(server, 6)
    assert server.stop() == 1
    assert "cut off at the deadline" in server.output
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        connections[-1].getresponse()


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_both_signals_stop_and_a_second_interrupt_does_not_wait(drained, tmp_path, first):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as shells start what runs in the background
    try:
        server = drained(onnx_models.times(tmp_path / "times.onnx", 3), grace="600s")
    finally:
        signal.signal(signal.SIGINT, before)
    server.process.send_signal(first)
    end = time.monotonic() + 20
    while requests.get(f"{server.admin}/health/ready", timeout=10).status_code == 200:
        assert time.monotonic() < end
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(20) == -signal.SIGINT
