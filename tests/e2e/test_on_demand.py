"""Models that are loaded when they are asked for, within a memory; what calls decided, after kill -9; and the golden requests that a
version has to answer before it gets others."""

import concurrent.futures
import signal

import numpy as np
import onnx_models
import pytest
import requests
import tritonclient.grpc
import tritonclient.utils

ENVIRONMENT = """\
listen: 127.0.0.1:0
admin: 127.0.0.1:0
state: %(folder)s/state
memory: %(memory)s
deployments:
  a: {package: "%(folder)s/a", load: on_demand, isolation: inline}
  b: {package: "%(folder)s/b", load: on_demand, isolation: inline}
  stays: {package: "%(folder)s/stays", isolation: inline}
"""


@pytest.fixture
def environment(tmp_path):
    def write(memory="0B"):
        (tmp_path / "environment.yaml").write_text(ENVIRONMENT % {"folder": tmp_path, "memory": memory})
        return tmp_path / "environment.yaml"

    for position, name in enumerate(("a", "b", "stays"), 2):
        for version in ("1", "2"):
            onnx_models.times(tmp_path / name / version / "model.onnx", position * int(version))
    return write


def ask(server, model, version=None):
    path = f"/predict/{model}" + (f"/versions/{version}" if version else "")
    answer = requests.post(server.url + path, json={"records": [{"x": [1, 1]}]}, timeout=20)
    return answer.json()["predictions"][0]["y"][0] if answer.status_code == 200 else answer.status_code


def states(server):
    models = requests.get(f"{server.admin}/control/v1/models", timeout=10).json()["models"]
    return {(model["name"], model["version"]): model["state"] for model in models}


def test_a_request_loads_the_model_and_waits_for_it(serve, environment):
    server = serve(environment())
    server.wait_for('a: model "a" is loaded when it is asked for')
    assert states(server)["a", "2"] == "UNAVAILABLE" and states(server)["stays", "2"] == "READY"
    assert requests.get(f"{server.url}/v2/models/a/ready", timeout=10).status_code == 200
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: ask(server, "a"), range(24))) == {4.0}
    body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 1]}]}
    answer = requests.post(f"{server.url}/v2/models/b/versions/1/infer", json=body, timeout=20)
    assert answer.json()["outputs"][0]["data"] == [3, 3]
    assert states(server)["a", "2"] == "READY"
    assert ask(server, "c") == 404 and ask(server, "a", "7") == 404


def test_the_least_recently_used_leaves_when_memory_is_short(serve, environment, tmp_path):
    size = sum(path.stat().st_size for path in (tmp_path / "a").glob("*/model.onnx"))
    server = serve(environment(f"{2 * size + 16}B"))  # room for two of three
    for name, value in (("a", 4), ("b", 6), ("a", 4), ("stays", 8), ("b", 6)):
        assert ask(server, name) == value
        assert states(server)["stays", "2"] == "READY"
    assert {states(server)["a", "2"], states(server)["b", "2"]} == {"READY", "UNAVAILABLE"}


def test_what_calls_decided_is_there_after_a_kill(serve, environment):
    server = serve(environment())
    control = f"{server.admin}/control/v1/models"
    assert requests.put(f"{control}/stays/labels/stable", json={"version": "1"}, timeout=10).status_code == 200
    assert requests.post(f"{control}/b/unload", timeout=10).status_code == 200
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    server = serve(environment())
    assert ask(server, "stays", "stable") == 4
    assert ask(server, "b") == 404 and ask(server, "a") == 4
    assert requests.post(f"{server.admin}/control/v1/models/b/load", timeout=10).status_code == 200
    assert ask(server, "b") == 6


def test_a_state_is_one_servers_and_a_damaged_one_is_not_forgotten(serve, slipway, environment, tmp_path):
    serve(environment())
    second = slipway("serve", environment(), code=1)
    assert "another server keeps its state" in second.stderr
    (tmp_path / "other").mkdir()
    (tmp_path / "other/models.json").write_text("{")
    text = environment().read_text().replace(f"{tmp_path}/state", f"{tmp_path}/other")
    (tmp_path / "other.yaml").write_text(text)
    said = slipway("serve", tmp_path / "other.yaml", code=3).stderr
    assert "models.json cannot be read" in said and f"the setting state ({tmp_path}/other): " in said
    (tmp_path / "file").write_text("")
    (tmp_path / "other.yaml").write_text(text.replace(f"{tmp_path}/other", f"{tmp_path}/file/state"))
    assert f"the setting state ({tmp_path}/file/state): " in slipway("serve", tmp_path / "other.yaml", code=None).stderr


def test_grpc_and_metadata_wait_as_well(serve, environment):
    server = serve(environment())
    address = server.url.removeprefix("http://")
    with tritonclient.grpc.InferenceServerClient(address) as client:
        assert client.is_model_ready("a") and client.is_model_ready("b", "1")
        tensor = tritonclient.grpc.InferInput("x", [1, 2], "FP32")
        tensor.set_data_from_numpy(np.ones((1, 2), dtype=np.float32))
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: client.infer("a", [tensor], client_timeout=20), range(16)))
        assert {answer.as_numpy("y")[0, 0] for answer in answers} == {4.0}
        assert states(server)["b", "1"] == "UNAVAILABLE"
        assert client.get_model_metadata("b").versions == ["1", "2"]
        assert states(server)["b", "1"] == "READY"
        with pytest.raises(tritonclient.utils.InferenceServerException, match="no model"):
            client.infer("c", [tensor])


def test_metadata_over_http_loads_the_model(serve, environment):
    server = serve(environment())
    assert requests.get(f"{server.url}/v2/models/a", timeout=20).json()["versions"] == ["1", "2"]
    assert requests.get(f"{server.url}/v2/models/b/config", timeout=20).json()["name"] == "b"
    assert {states(server)["a", "2"], states(server)["b", "2"]} == {"READY"}
