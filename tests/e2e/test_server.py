"""What a running server promises besides answers: its metrics, its refusals, its end."""

import concurrent.futures
import os
import signal
import socket
import subprocess

import pytest
import requests

from conftest import ROOT


@pytest.fixture
def server(slipway, serve, wine):
    slipway("pack", wine.folder)
    return serve("wine:1.0.0")


def test_promtool_is_content_with_the_metrics(server, wine):
    for body in ({"records": wine.records[:2]}, {"records": [{"alcohol": 1}]}, {"nothing": 1}):
        requests.post(f"{server.url}/predict/wine", json=body, timeout=10)
    page = requests.get(f"{server.admin}/metrics", timeout=10)
    assert page.status_code == 200
    done = subprocess.run([os.environ["SLIPWAY_PROMTOOL"], "check", "metrics"], input=page.text, text=True,
                          capture_output=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'model="wine"' in page.text and 'dialect="records"' in page.text


def test_no_library_keeps_files_of_its_own_or_reports_to_its_maker(slipway, serve, tmp_path):
    person = tmp_path / "person"
    person.mkdir()
    for name in ("CI", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        slipway.env.pop(name, None)  # ONNX Runtime reports nothing in continuous integration
    slipway.env["HOME"] = str(person)
    server = serve(ROOT / "examples/wine/model.onnx")
    assert requests.get(f"{server.url}/predict", timeout=10).ok
    opened = [os.readlink(link.path) for link in os.scandir(f"/proc/{server.process.pid}/fd")]
    assert not [path for path in opened if str(person) in path]
    assert server.stop() == 0
    assert list(person.rglob("*")) == []


def test_a_bad_request_gets_a_reason_and_the_server_stays_up(server, wine):
    record = wine.records[0]
    bad = [
        b"", b"{", b"[" * 100_000, b'{"records": ', b"\xff\xfe", b'{"records": {}}', b'{"records": [1]}',
        b'{"records": [{"alcohol": NaN}]}', b'{"records": [{"alcohol": 1e999}]}',
    ]
    for body in bad:
        answer = requests.post(f"{server.url}/predict/wine", data=body, timeout=10,
                               headers={"Content-Type": "application/json"})
        assert answer.status_code == 400, (body[:20], answer.text)
        assert answer.json()["error"]["message"]
    answer = requests.post(f"{server.url}/predict/wine", json={"records": [{**record, "alcohol": "much", "alcohl": 1}]},
                           timeout=10)
    assert answer.status_code == 400
    fields = {detail["field"] for detail in answer.json()["error"]["details"]}
    assert {"alcohol", "alcohl"} <= fields
    for path in ("/predict/..%2f..%2fetc%2fpasswd", "/predict/nobody", "/v2/models/%00/infer", "/v2/models/../wine"):
        assert requests.post(f"{server.url}{path}", json={"records": [record]}, timeout=10).status_code in (400, 404, 405)
    assert requests.post(f"{server.url}/predict/wine", json={"records": [record]}, timeout=10).status_code == 200


def test_no_request_is_lost_when_the_server_is_told_to_stop(server, wine):
    """Every request that was answered was answered right; the others were refused at the door, not cut off."""
    body = {"records": wine.records}

    def ask(_):
        try:
            return requests.post(f"{server.url}/predict/wine", json=body, timeout=10)
        except requests.exceptions.ConnectionError as error:
            return error

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(ask, i) for i in range(200)]
        next(concurrent.futures.as_completed(answers))
        server.process.send_signal(signal.SIGTERM)
        results = [answer.result() for answer in answers]
    assert server.stop() == 0
    good = [result for result in results if isinstance(result, requests.Response)]
    assert good
    for result in good:
        assert result.status_code in (200, 503), result.text
    for result in results:
        if not isinstance(result, requests.Response):
            assert "refused" in str(result), result


def test_a_taken_port_is_an_error_that_names_it(slipway, wine):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = slipway("serve", wine.folder / "model.onnx", "--port", port, "--admin", "127.0.0.1:0", code=1)
    assert str(port) in done.stderr


def test_a_listener_off_loopback_is_refused(slipway, wine):
    done = slipway("serve", wine.folder / "model.onnx", "--listen", "0.0.0.0:0", "--admin", "127.0.0.1:0", code=3)
    assert "0.0.0.0" in done.stderr and "127.0.0.1" in done.stderr  # what is wrong, and the way out


def test_every_answer_says_where_its_time_went(serve, slipway, wine):
    slipway("pack", wine.folder)
    server = serve("wine:1.0.0")
    tensor = {"name": "input", "datatype": "FP32", "shape": [1, 13], "data": wine.rows[0]}
    answers = [requests.post(f"{server.url}/predict/wine", json={"records": wine.records[:1]}, timeout=20),
               requests.post(f"{server.url}/v2/models/wine/infer", json={"inputs": [tensor]}, timeout=20)]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        phases = [phase.split(";")[0] for phase in answer.headers["Server-Timing"].split(", ")]
        assert phases == ["receive", "parse", "queue", "batch", "compute", "encode"]
    refused = [requests.post(f"{server.url}/predict/wine", json={"records": 7}, timeout=20),
               requests.post(f"{server.url}/predict/nothing", json={"records": []}, timeout=20),
               requests.post(f"{server.url}/v2/models/wine/infer", json={"inputs": 7}, timeout=20),
               requests.post(f"{server.url}/v2/models/wine/infer", json={"inputs": [tensor]}, timeout=20,
                             headers={"Slipway-Timeout": "1ns"})]
    for answer in refused:
        assert answer.status_code >= 400
        assert "batch;desc=0, compute;dur=0.000" in answer.headers["Server-Timing"]
