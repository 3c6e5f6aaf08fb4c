"""A worker is killed under load, again and again: the transcript (pytest -s shows it) says what each death cost, and whom.

Clients send requests one behind the other on their connections, without waiting for answers, each request with numbers of its own.
So an answer that is lost, given twice or given to another request is seen, not only one that fails."""

import collections
import json
import os
import signal
import socket
import threading
import time
import urllib.parse

import onnx_models
import requests
from test_workers import metric, wait_until, workers

ENVIRONMENT = """
deployments:
  victim: {package: %(model)s, instances: 1, batch: {max_rows: 1}, run_in_place: 0s}
  bystander: {package: %(model)s, instances: 1, batch: {max_rows: 1}, run_in_place: 0s}
"""
KILLS = 4
AHEAD = 16


class Pipeline(threading.Thread):
    """Keeps requests in flight on one connection until told to stop, then waits for every answer that is due."""

    def __init__(self, server, model, number):
        super().__init__()
        url = urllib.parse.urlparse(server.url)
        self.socket = socket.create_connection((url.hostname, url.port), timeout=60)
        self.model, self.number = model, number
        self.asked, self.codes, self.wrong, self.extra, self.failure = 0, collections.Counter(), [], b"", None
        self.longest_s, self.last = 0.0, time.monotonic()
        self.stopping = threading.Event()

    def ask(self):
        x = [float(self.number), float(self.asked)]
        body = json.dumps({"id": f"{self.model}-{self.number}-{self.asked}",
                           "inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": x}]}).encode()
        head = f"POST /v2/models/{self.model}/infer HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode() + body)
        self.asked += 1

    def take(self, number):
        """The next answer, which must be that to the request of this number."""
        status = self.stream.readline().split()
        length = 0
        while (line := self.stream.readline()) not in (b"\r\n", b""):
            name, value = line.split(b":", 1)
            if name.lower() == b"content-length":
                length = int(value)
        answer = json.loads(self.stream.read(length))
        code = int(status[1])
        self.codes[code] += 1
        self.longest_s, self.last = max(self.longest_s, time.monotonic() - self.last), time.monotonic()
        if code == 200 and (answer["id"] != f"{self.model}-{self.number}-{number}"
                            or answer["outputs"][0]["data"] != [3.0 * self.number, 3.0 * number]):
            self.wrong.append((number, answer))
        if code != 200 and "died" not in answer["error"]:
            self.wrong.append((number, answer))

    def run(self):
        try:
            self.stream = self.socket.makefile("rb")
            answered = 0
            while not self.stopping.is_set():
                while self.asked < answered + AHEAD:
                    self.ask()
                self.take(answered)
                answered += 1
            while answered < self.asked:
                self.take(answered)
                answered += 1
            self.socket.shutdown(socket.SHUT_WR)
            self.extra = self.stream.read()
        except Exception as error:  # told to the test's own thread
            self.failure = error


def answers(clients):
    return sum(sum(client.codes.values()) for client in clients)


def failures(clients):
    return sum(count for client in clients for code, count in client.codes.items() if code != 200)


def test_a_worker_killed_under_load_costs_one_request_and_nobody_else(serve, tmp_path):
    model = onnx_models.times(tmp_path / "times.onnx", 3)
    (tmp_path / "environment.yaml").write_text(ENVIRONMENT % {"model": model})
    server = serve(tmp_path / "environment.yaml")
    victims = [Pipeline(server, "victim", i) for i in range(3)]
    others = [Pipeline(server, "bystander", i) for i in range(2)]
    start, slowest_s = time.monotonic(), 0.0

    def say(what):
        print(f"{time.monotonic() - start:7.3f} s  {what}", flush=True)

    for client in victims + others:
        client.start()
    for kill in range(KILLS):
        before = answers(victims)
        wait_until(lambda: answers(victims) > before + 200)
        pid, failed, answered, meanwhile = workers(server)["victim"], failures(victims), answers(victims), answers(others)
        os.kill(pid, signal.SIGKILL)
        say(f"kill -9 {pid}, the victim's worker, with {len(victims) * AHEAD} of its requests in flight; {answered} were answered so far")
        killed = time.monotonic()
        wait_until(lambda: metric(server, "slipway_worker_starts_total", model="victim") == kill + 2)
        slowest_s = max(slowest_s, time.monotonic() - killed)
        before = answers(victims)
        wait_until(lambda: answers(victims) > before + 3 * AHEAD)  # all that was in flight
        say(f"worker {workers(server)['victim']} answers, {1000 * (time.monotonic() - killed):.0f} ms later; failed: "
            f"{failures(victims) - failed}; the bystander gave {answers(others) - meanwhile} answers meanwhile, failed: {failures(others)}")
    for client in victims + others:
        client.stopping.set()
    for client in victims + others:
        client.join()
        assert client.failure is None, client.failure
        assert not client.wrong and client.extra == b"", "each request has one answer, its own"
        assert sum(client.codes.values()) == client.asked
    say(f"victim: {answers(victims)} requests, {answers(victims)} answers, {failures(victims)} of them errors; bystander: {answers(others)} "
        f"requests, {answers(others)} answers, {failures(others)} errors, longest wait {1000 * max(c.longest_s for c in others):.0f} ms")
    assert failures(others) == 0
    if slowest_s < 1:  # after that long, requests are refused instead of kept waiting
        assert failures(victims) <= KILLS, "the one that was being run, each time"
    assert metric(server, "slipway_worker_deaths_total", model="victim", kind="signal") == KILLS
    assert metric(server, "slipway_worker_deaths_total", model="bystander") == 0
    assert requests.get(f"{server.url}/v2/health/ready", timeout=10).ok
