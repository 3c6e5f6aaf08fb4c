"""A watched model repository: what appears is served, what goes away leaves, without a restart."""

import shutil
import time

import requests

WAIT_S = 30  # a bound for a loaded machine; the tests go on as soon as they see what they wait for


def wait_for(what):
    end = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < end, "it did not happen"


def test_new_models_and_versions_are_served_and_removed_ones_leave(serve, wine, tmp_path):
    models = tmp_path / "models"

    def put(name, version):
        # Complete before it has its name, as a copy that takes its time should be.
        staged = tmp_path / "staged"
        staged.mkdir()
        shutil.copy(wine.folder / "model.onnx", staged)
        (models / name).mkdir(parents=True, exist_ok=True)
        staged.rename(models / name / version)

    put("wine", "1")
    environment = tmp_path / "environment.yaml"
    environment.write_text("watch: 100ms\n")
    server = serve(models, "--config", environment)

    def versions(name):
        answer = requests.get(f"{server.url}/v2/models/{name}", timeout=20)
        return answer.json()["versions"] if answer.status_code == 200 else []

    assert versions("wine") == ["1"]
    put("wine", "2")
    put("beer", "7")
    wait_for(lambda: versions("wine") == ["1", "2"] and versions("beer") == ["7"])
    shutil.rmtree(models / "wine" / "1")
    shutil.rmtree(models / "beer")
    wait_for(lambda: versions("wine") == ["2"] and versions("beer") == [])
