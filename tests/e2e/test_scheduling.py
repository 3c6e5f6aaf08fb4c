"""What a client may ask of the queue, and what it is told when there is no room: over both protocols, against a model of several
milliseconds."""

import concurrent.futures
import socket
import time

import onnx_models
import pytest
import requests

ENVIRONMENT = """\
listen: 127.0.0.1:0
admin: 127.0.0.1:0
deployments:
  slow: {package: "%s", instances: 1, queue: 2, run_in_place: 0s, priority: {levels: 2, usual: 2}}
  slower: {package: "%s", instances: 1, queue: 2, run_in_place: 0s}
  sized: {package: "%s", instances: 1, batch: {sizes: [4, 8]}}
  labelled: {package: "%s", labels: {stable: "1"}}
"""


def timings(answer):
    """Server-Timing as phase -> milliseconds, and the rows of the run as `batch`."""
    phases = {}
    for phase in answer.headers["Server-Timing"].split(", "):
        name, value = phase.split(";")
        phases[name] = float(value.split("=")[1])
    return phases


@pytest.fixture
def server(serve, tmp_path):
    onnx_models.slow(tmp_path / "slow.onnx", size=600, steps=4)
    onnx_models.slow(tmp_path / "slower.onnx", size=600, steps=60)
    onnx_models.times(tmp_path / "sized.onnx", 2)
    for version in ("1", "2"):
        onnx_models.times(tmp_path / "labelled" / version / "model.onnx", int(version))
    (tmp_path / "environment.yaml").write_text(
        ENVIRONMENT % tuple(tmp_path / name for name in ("slow.onnx", "slower.onnx", "sized.onnx", "labelled")))
    return serve(tmp_path / "environment.yaml")


def ask(server, model="slow", records=1, **headers):
    body = {"records": [{"x": [float(i), 1.0]} for i in range(records)]}
    return requests.post(f"{server.url}/predict/{model}", json=body, headers=headers, timeout=30)


def ask_v2(server, parameters, model="slow"):
    body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}], "parameters": parameters}
    return requests.post(f"{server.url}/v2/models/{model}/infer", json=body, timeout=30)


def test_more_than_there_is_room_for_is_refused_at_once_with_the_time_to_come_back(server):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: ask(server), range(64)))
    codes = [answer.status_code for answer in answers]
    assert set(codes) == {200, 429}, codes
    for refused in (answer for answer in answers if answer.status_code == 429):
        assert refused.json()["error"]["id"] == "infer.overloaded"
        assert 1 <= int(refused.headers["Retry-After"]) <= 60


def test_what_cannot_be_in_time_is_refused_or_late_in_every_protocol(server):
    assert ask(server, **{"Slipway-Timeout": "10s"}).status_code == 200
    assert ask(server, **{"Slipway-Timeout": "1ns"}).status_code == 504
    assert ask_v2(server, {"timeout": 10_000_000}).status_code == 200
    late = ask_v2(server, {"timeout": 1})
    assert late.status_code == 503 and "deadline" in late.json()["error"]
    assert ask(server, **{"Slipway-Timeout": "soon"}).json()["error"]["id"] == "http.timeout"
    assert ask(server, **{"Slipway-Priority": "high"}).json()["error"]["id"] == "http.priority"
    assert ask_v2(server, {"priority": -1}).status_code == 400
    assert [ask_v2(server, {"priority": level}).status_code for level in (0, 1, 2, 99)] == [200] * 4


def test_the_urgent_get_room_where_the_usual_are_given_up(server):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        usual = [pool.submit(ask, server) for _ in range(40)]
        urgent = [ask(server, **{"Slipway-Priority": "1"}).status_code for _ in range(5)]
    assert urgent == [200] * 5
    assert {answer.result().status_code for answer in usual} <= {200, 429}


def test_what_nobody_waits_for_makes_room(server):
    body = b'{"records": [{"x": [1, 1]}]}'
    request = (b"POST /predict/slower HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
               b"Content-Length: %d\r\n\r\n" % len(body)) + body
    host, port = server.address.split(":")
    for _ in range(6):
        with socket.create_connection((host, int(port))) as client:
            client.sendall(request)
    end = time.monotonic() + 30
    while ask(server, "slower").status_code != 200:
        assert time.monotonic() < end
    metrics = requests.get(f"{server.admin}/metrics", timeout=10).text
    assert 'code="CANCELLED"' in metrics


def test_runs_have_the_allowed_sizes_and_large_requests_are_put_together_again(server):
    for records, rows in ((1, 4), (4, 4), (5, 8), (8, 8)):
        answer = ask(server, "sized", records)
        assert answer.json()["predictions"] == [{"y": [2.0 * i, 2.0]} for i in range(records)]
        assert timings(answer)["batch"] == rows
    answer = ask(server, "sized", 101)
    assert answer.json()["predictions"] == [{"y": [2.0 * i, 2.0]} for i in range(101)]


def test_an_answer_says_where_its_time_went(server):
    assert list(timings(ask(server))) == ["receive", "parse", "queue", "batch", "compute", "encode"]


def test_a_label_is_taken_wherever_a_version_is_and_moves_only_to_a_ready_one(server):
    def answer_of(version):
        answer = requests.post(f"{server.url}/predict/labelled/versions/{version}", json={"records": [{"x": [1, 1]}]}, timeout=10)
        return answer.json()["version"] if answer.status_code == 200 else answer.status_code

    control = f"{server.admin}/control/v1/models/labelled/labels"
    assert answer_of("stable") == "1"
    assert requests.get(f"{server.url}/v2/models/labelled/versions/stable/ready", timeout=10).status_code == 200
    assert requests.put(f"{control}/stable", json={"version": "3"}, timeout=10).status_code == 404
    assert answer_of("stable") == "1"
    assert requests.put(f"{control}/stable", json={"version": "2"}, timeout=10).status_code == 200
    assert answer_of("stable") == "2"
    models = requests.get(f"{server.admin}/control/v1/models", timeout=10).json()["models"]
    assert {model["version"]: model["labels"] for model in models if model["name"] == "labelled"} == {"1": [], "2": ["stable"]}
    assert requests.delete(f"{control}/stable", timeout=10).status_code == 200
    assert answer_of("stable") == 404
    assert requests.put(f"{control}/9x", json={"version": "2"}, timeout=10).status_code == 400
