"""What a server serves, and how that changes while it runs: repositories, versions, environments, sockets."""

import concurrent.futures
import json
import shutil
import subprocess
import threading

import numpy as np
import onnx_models
import pytest
import requests
import tritonclient.grpc
import tritonclient.http
import tritonclient.utils

X = [[1.0, 2.0], [3.0, 4.0]]


def factor(url, name, version=None):
    """By how much the model multiplies, which tells the version that answered; a status where it does not answer."""
    path = f"/v2/models/{name}" + (f"/versions/{version}" if version else "") + "/infer"
    answer = requests.post(url + path, timeout=10, json={
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 2], "data": X}]})
    if answer.status_code != 200:
        return answer.status_code
    body = answer.json()
    data = body["outputs"][0]["data"]
    assert data == [data[0] * value for row in X for value in row]
    if version:
        assert body["model_version"] == version
    return data[0]


def post(url, body=None):
    return requests.post(url, json=body, timeout=20)


def index(server):
    models = post(f"{server.url}/v2/repository/index").json()
    return {(model["name"], model["version"]): (model["state"], model["reason"]) for model in models}


@pytest.fixture
def repository(tmp_path):
    """NAME/VERSION/model.onnx; version V of the model `times` multiplies by V."""
    for version in (1, 2):
        onnx_models.times(tmp_path / f"models/times/{version}/model.onnx", version)
    return tmp_path / "models"


def test_the_latest_version_answers_and_each_has_a_path(serve, repository):
    onnx_models.times(repository / "times/10/model.onnx", 10)
    onnx_models.times(repository / "other/1/model.onnx", 7)
    server = serve(repository)
    assert factor(server.url, "times") == 10  # by number, not by letter
    assert [factor(server.url, "times", version) for version in ("1", "2", "10", "3")] == [1, 2, 10, 404]
    assert factor(server.url, "other") == 7
    assert factor(server.url, "nobody") == 404
    metadata = requests.get(f"{server.url}/v2/models/times", timeout=10).json()
    assert metadata["versions"] == ["1", "2", "10"]
    for version, value in (("1", 1), ("10", 10)):
        answer = post(f"{server.url}/predict/times/versions/{version}", {"records": [{"x": [1, 2]}]}).json()
        assert answer["predictions"] == [{"y": [value, 2 * value]}]
        assert (answer["version"], answer["digest"]) == (version, None)
    assert post(f"{server.url}/predict/times/versions/3", {"records": [{"x": [1, 2]}]}).status_code == 404


def test_a_repository_as_triton_keeps_it_is_served_as_it_is(serve, repository):
    (repository / "times/config.pbtxt").write_text('name: "times"\nplatform: "onnxruntime_onnx"\n')
    (repository / "times/1/labels.txt").write_text("one\ntwo\n")
    (repository / "README.md").write_text("Models.\n")
    (repository / ".git").mkdir()
    assert factor(serve(repository).url, "times") == 2
    assert factor(serve(repository / "times").url, "times", "1") == 1  # one model of it


def test_a_bad_version_does_not_stand_in_the_way_of_a_good_one(serve, repository):
    (repository / "times/3").mkdir()
    (repository / "times/3/model.onnx").write_bytes(b"no model at all")
    server = serve(repository)
    assert factor(server.url, "times") == 2
    assert factor(server.url, "times", "3") == 503
    state, reason = index(server)["times", "3"]
    assert state == "UNAVAILABLE" and "model.onnx" in reason
    server.wait_for("^ +version 3: .*model.onnx")
    ready = requests.get(f"{server.url}/v2/models/times/versions/3/ready", timeout=10)
    assert ready.status_code == 400 and ready.json()["ready"] is False
    assert requests.get(f"{server.url}/v2/health/ready", timeout=10).status_code == 200
    answer = post(f"{server.admin}/control/v1/models/times/load")
    assert answer.status_code == 400 and "version 3" in answer.json()["error"]["message"]
    assert factor(server.url, "times") == 2
    onnx_models.times(repository / "times/3/model.onnx", 3)
    assert post(f"{server.admin}/control/v1/models/times/load").status_code == 200
    assert factor(server.url, "times") == 3


def test_load_finds_what_came_what_changed_and_what_went(serve, repository):
    server = serve(repository)
    onnx_models.times(repository / "times/3/model.onnx", 3)
    assert factor(server.url, "times") == 2  # not before it is asked for
    assert post(f"{server.url}/v2/repository/models/times/load").status_code == 200
    assert factor(server.url, "times") == 3
    onnx_models.times(repository / "new.onnx", 33)
    (repository / "new.onnx").rename(repository / "times/3/model.onnx")  # the file of a version replaced
    shutil.rmtree(repository / "times/1")
    assert post(f"{server.url}/v2/repository/models/times/load").status_code == 200
    assert [factor(server.url, "times", version) for version in ("1", "2", "3")] == [404, 2, 33]
    onnx_models.times(repository / "late/1/model.onnx", 5)  # a whole model that was not there at the start
    assert factor(server.url, "late") == 404
    assert post(f"{server.url}/v2/repository/models/late/load").status_code == 200
    assert factor(server.url, "late") == 5
    assert index(server)["late", "1"][0] == "READY"


@pytest.mark.parametrize("way", ["v2 on the inference listener", "v2 on the admin listener", "control"])
def test_load_and_unload_in_each_way(serve, repository, way):
    server = serve(repository)
    call = {"v2 on the inference listener": f"{server.url}/v2/repository/models/times",
            "v2 on the admin listener": f"{server.admin}/v2/repository/models/times",
            "control": f"{server.admin}/control/v1/models/times"}[way]
    for _ in range(2):
        assert post(f"{call}/unload").status_code == 200
        assert factor(server.url, "times") in (400, 404)
        assert {state for state, _ in index(server).values()} <= {"UNAVAILABLE", "UNLOADED"}
        assert requests.get(f"{server.url}/v2/health/live", timeout=10).status_code == 200
        assert post(f"{call}/load").status_code == 200
        assert factor(server.url, "times") == 2
    for name in ("nobody", "..", "%2e%2e", "a%2fb", "times%00", "*"):
        for verb in ("load", "unload"):
            assert post(call.replace("/times", f"/{name}") + f"/{verb}").status_code in (400, 404), name
    assert factor(server.url, "times") == 2


def test_control_is_not_on_the_listener_of_clients(serve, repository):
    server = serve(repository)
    for path in ("/control/v1/models", "/control/v1/models/times/unload", "/metrics"):
        assert post(server.url + path).status_code == 404
        assert requests.get(server.url + path, timeout=10).status_code == 404
    models = requests.get(f"{server.admin}/control/v1/models", timeout=10).json()
    assert {model["version"] for model in models["models"]} == {"1", "2"} and models["ready"]


def test_a_page_of_another_origin_cannot_unload(serve, repository):
    server = serve(repository)
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"}):
        for url in (f"{server.url}/v2/repository/models/times/unload", f"{server.admin}/control/v1/models/times/unload"):
            assert requests.post(url, headers=headers, timeout=10).status_code == 403, headers
    assert factor(server.url, "times") == 2


def test_tritonclient_manages_the_repository(serve, repository):
    server = serve(repository)
    client = tritonclient.http.InferenceServerClient(server.address)
    client.unload_model("times")
    assert not client.is_model_ready("times")
    client.load_model("times")
    assert client.is_model_ready("times") and client.is_model_ready("times", "1")
    assert {(m["name"], m["version"], m["state"]) for m in client.get_model_repository_index()} == {
        ("times", "1", "READY"), ("times", "2", "READY")}
    with pytest.raises(tritonclient.utils.InferenceServerException, match="nobody"):
        client.load_model("nobody")
    client.close()


@pytest.mark.parametrize("wire", ["http", "grpc"])
def test_tritonclient_changes_the_level_of_the_log(serve, repository, tmp_path, wire):
    log = tmp_path / "server.log"
    (tmp_path / "environment.yaml").write_text(f"log: {{file: {log}, format: json, access: true}}\n")
    server = serve(repository, "--config", tmp_path / "environment.yaml")
    triton = tritonclient.http if wire == "http" else tritonclient.grpc
    client = triton.InferenceServerClient(server.address)

    def settings(answer):
        if wire == "http":
            return answer
        return {name: getattr(value, value.WhichOneof("parameter_choice")) for name, value in answer.settings.items()}

    usual = {"log_info": True, "log_warning": True, "log_error": True, "log_verbose_level": 0}
    assert settings(client.get_log_settings()) == usual
    assert factor(server.url, "times") == 2
    assert settings(client.update_log_settings({"log_info": False})) == {**usual, "log_info": False}
    for _ in range(3):
        assert factor(server.url, "times") == 2  # not in the log
    for refused in ({"log_info": True, "log_warning": False}, {"log_file": "/tmp/mine"}, {"log_format": "ISO8601"},
                    {"log_verbose_level": 7}, {"log_info": True, "log_odd": True}):
        with pytest.raises(tritonclient.utils.InferenceServerException) as error:
            client.update_log_settings(refused)
        assert error.value.status() in ("400", "StatusCode.INVALID_ARGUMENT"), refused
        assert settings(client.get_log_settings()) == {**usual, "log_info": False}, refused
    assert settings(client.update_log_settings({"log_info": True, "log_verbose_level": 1}))["log_verbose_level"] == 1
    assert factor(server.url, "times") == 2
    client.close()
    assert server.stop() == 0
    events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    told = [event for event in events if event in ("request", "log.level")]
    assert told == ["request", "log.level", "log.level", "request"], events


def test_a_page_of_another_origin_cannot_change_the_log(serve, repository):
    server = serve(repository)
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        answer = requests.post(f"{server.url}/v2/logging", json={"log_info": False}, headers=headers, timeout=10)
        assert answer.status_code == 403, headers
    assert requests.get(f"{server.admin}/v2/logging", timeout=10).json()["log_info"] is True


def test_no_answer_is_lost_while_versions_come_and_go(serve, repository):
    """Clients of the model ask all the time, while versions are added, replaced and removed under them."""
    server = serve(repository)
    stop = threading.Event()

    def ask():
        seen = []
        with requests.Session() as session:
            while not stop.is_set():
                answer = session.post(f"{server.url}/v2/models/times/infer", timeout=10, json={
                    "inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 2], "data": X}]})
                assert answer.status_code == 200, answer.text
                seen.append(answer.json()["outputs"][0]["data"][0])
        return seen

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask) for _ in range(4)]
        try:
            for version in range(3, 11):
                onnx_models.times(repository / f"times/{version}/model.onnx", version)
                shutil.rmtree(repository / f"times/{version - 2}")
                assert post(f"{server.admin}/control/v1/models/times/load").status_code == 200
        finally:
            stop.set()
        for seen in [job.result() for job in asking]:
            assert seen == sorted(seen) and set(seen) <= set(range(2, 11))


def test_a_store_is_served_and_gets_new_packages_by_load(slipway, serve, tmp_path):
    model = onnx_models.times(tmp_path / "times.onnx", 3)
    slipway("pack", model, "--version", "1.0.0", "--store", tmp_path / "store")
    server = serve(tmp_path / "store")
    assert factor(server.url, "times", "1.0.0") == 3
    onnx_models.times(model, 4)
    slipway("pack", model, "--version", "1.1.0", "--store", tmp_path / "store")
    slipway("pack", model, "--name", "other", "--store", tmp_path / "store")
    assert factor(server.url, "times") == 3
    for name in ("times", "other"):
        assert post(f"{server.admin}/control/v1/models/{name}/load").status_code == 200
        assert factor(server.url, name) == 4
    assert factor(server.url, "times", "1.0.0") == 3


def test_an_environment_file_names_what_it_serves(slipway, serve, wine, tmp_path):
    slipway("pack", wine.folder)
    onnx_models.times(tmp_path / "times.onnx", 3)
    slipway("pack", tmp_path / "times.onnx", "--version", "2", "--store", tmp_path / "shelf")
    onnx_models.slow(tmp_path / "slow.onnx", size=300)
    (tmp_path / "environment.yaml").write_text(f"""\
listen: 127.0.0.1:0
admin: 127.0.0.1:0
loops: 1
limits: {{body: 1KiB}}
deployments:
  red: {{package: "wine:1.0.0"}}
  from-shelf: {{package: "file://{tmp_path}/shelf/times:2"}}
  bare: {{package: "{tmp_path}/times.onnx"}}
  slow: {{package: "{tmp_path}/slow.onnx", instances: 2, queue: 8, run_in_place: 0s}}
""")
    server = serve(tmp_path / "environment.yaml")
    models = requests.get(f"{server.url}/predict", timeout=10).json()["deployments"]
    assert {(m["name"], m["version"]) for m in models} == {
        ("red", "1.0.0"), ("from-shelf", "2"), ("bare", "1"), ("slow", "1")}
    assert (factor(server.url, "from-shelf"), factor(server.url, "bare"), factor(server.url, "slow")) == (3, 3, 1)
    answer = post(f"{server.url}/predict/red", {"records": wine.records[:1]}).json()
    assert answer["predictions"][0]["cultivar"] == wine.expected[0]["label"]
    assert answer["digest"].startswith("sha256:")
    assert post(f"{server.url}/predict/red", {"records": wine.records}).status_code == 413  # beyond limits.body
    assert requests.get(f"{server.url}/v2/models/wine", timeout=10).status_code == 404  # it has another name here


def test_names_and_targets_that_cannot_be_served_are_refused(slipway, serve, repository, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "twice.yaml").write_text(f"deployments: {{times: {{package: {repository}/times}}}}\n")
    (tmp_path / "many.yaml").write_text(f"deployments: {{all: {{package: {repository}}}}}\n")
    onnx_models.times(repository / "other/1/model.onnx", 1)
    for words, says in (
            ((tmp_path / "none.onnx",), "none.onnx"), ((tmp_path / "empty",), "NAME/VERSION/model.onnx"),
            ((repository, tmp_path / "twice.yaml"), 'two models would be served as "times"'),
            ((tmp_path / "many.yaml",), "several models"), ((), "nothing to serve"),
            ((repository / "times", "--name", "a/b"), "is not a name"), (("nobody:1",), "nobody")):
        done = slipway("serve", *words, "--port", "0", "--admin", "127.0.0.1:0", code=1)
        assert says in done.stderr, done.stderr
        assert done.stdout == ""


def test_a_bare_model_finds_its_external_data_and_takes_a_name(serve, tmp_path):
    weights = onnx_models.with_external_data(tmp_path / "big.onnx")
    server = serve(tmp_path / "big.onnx", "--name", "large")
    x = np.linspace(-1, 1, 512, dtype=np.float32).reshape(2, 256)
    answer = post(f"{server.url}/v2/models/large/infer", {
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 256], "data": x.ravel().tolist()}]}).json()
    np.testing.assert_allclose(np.reshape(answer["outputs"][0]["data"], (2, 2)), x @ weights, rtol=1e-4, atol=1e-5)


def test_unix_sockets_serve_both_listeners(slipway, serve, repository, tmp_path):
    server = serve(repository, "--listen", f"unix:{tmp_path}/in.sock", "--admin", f"unix:{tmp_path}/admin.sock")
    paste = server.wait_for("^ask it:\n  (curl .*)\n").group(1)
    done = subprocess.run(["bash", "-c", f"{paste} -sS --fail-with-body"], text=True, capture_output=True, timeout=20)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "predictions" in json.loads(done.stdout)
    done = subprocess.run(["curl", "-sS", "--unix-socket", f"{tmp_path}/admin.sock", "http://localhost/metrics"],
                          text=True, capture_output=True, timeout=20)
    assert 'slipway_' in done.stdout
    assert server.stop() == 0
    assert not (tmp_path / "in.sock").exists()
    again = serve(repository, "--listen", f"unix:{tmp_path}/in.sock", "--admin", f"unix:{tmp_path}/admin.sock")
    again.process.kill()
    again.process.wait()
    serve(repository, "--listen", f"unix:{tmp_path}/in.sock", "--admin", f"unix:{tmp_path}/admin.sock")  # a stale socket


def test_the_request_to_paste_works_as_it_stands(slipway, serve, wine):
    slipway("pack", wine.folder)
    server = serve("wine:1.0.0")
    paste = server.wait_for("^ask it:\n  (curl .*)\n").group(1)
    done = subprocess.run(["bash", "-c", f"{paste} -sS --fail-with-body"], text=True, capture_output=True, timeout=20)
    assert json.loads(done.stdout)["predictions"][0]["cultivar"] in ("barolo", "grignolino", "barbera")


def test_listeners_off_loopback_are_refused_wherever_they_are_written(slipway, serve, tmp_path):
    model = onnx_models.times(tmp_path / "times.onnx", 3)
    (tmp_path / "environment.yaml").write_text(f"listen: 0.0.0.0:0\ndeployments: {{m: {{package: {model}}}}}\n")
    for words in ((model, "--listen", "0.0.0.0:0", "--admin", "127.0.0.1:0"), (model, "--port", "0", "--admin", "0.0.0.0:0"),
                  (model, "--listen", "[::]:0", "--admin", "127.0.0.1:0"),
                  (model, "--listen", "192.0.2.1:0", "--admin", "127.0.0.1:0"),
                  (tmp_path / "environment.yaml", "--admin", "127.0.0.1:0")):
        error = json.loads(slipway("serve", *words, "--json", "--log-level", "off", code=3).stderr)["error"]
        assert error["id"] == "app.not_loopback" and "TLS" in error["message"]
    for address in ("127.0.0.1", "127.0.0.1:port", "127.0.0.1:99999", "unix:", f"unix:{tmp_path}/{'a' * 200}"):
        done = slipway("serve", model, "--listen", address, "--admin", "127.0.0.1:0", "--log-level", "off", code=None)
        assert done.returncode == 1 and done.stderr.startswith("slipway: "), (address, done.stderr)
