"""Other people's clients against a served package. The truth is scikit-learn's and ONNX Runtime's in Python."""

import json
import subprocess

import numpy as np
import onnxruntime
import pytest
import requests
import tritonclient.http

SCORE_TOLERANCE = 1e-5  # scikit-learn computes in float64, the ONNX model in float32


@pytest.fixture
def server(slipway, serve, wine):
    slipway("pack", wine.folder)
    return serve("wine:1.0.0")


@pytest.fixture(scope="module")
def reference():
    """(labels, probabilities) of the sample by ONNX Runtime in Python."""

    def run(wine):
        session = onnxruntime.InferenceSession(wine.folder / "model.onnx")
        labels, maps = session.run(None, {"input": np.array(wine.rows, np.float32)})
        return labels, np.array([[row[c] for c in sorted(row)] for row in maps], np.float32)

    return run


def check_predictions(predictions, expected):
    assert [p["cultivar"] for p in predictions] == [e["label"] for e in expected]
    for prediction, truth in zip(predictions, expected, strict=True):
        assert prediction["score"] == pytest.approx(truth["score"], abs=SCORE_TOLERANCE)


def test_requests_gets_scikit_learns_answers_for_named_columns(server, wine):
    answer = requests.post(f"{server.url}/predict/wine", json={"records": wine.records}, timeout=10)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["model"], body["version"]) == ("wine", "1.0.0")
    assert body["digest"].startswith("sha256:")
    check_predictions(body["predictions"], wine.expected)


def test_curl_gets_scikit_learns_answer_for_one_record(server, wine):
    words = ["curl", "-sS", "--fail-with-body", "-d", "@-"]
    done = subprocess.run([*words, f"{server.url}/predict/wine"], text=True, capture_output=True, timeout=20,
                          input=json.dumps({"records": wine.records[:1]}))
    assert done.returncode == 0, done.stdout + done.stderr
    check_predictions(json.loads(done.stdout)["predictions"], wine.expected[:1])


@pytest.mark.parametrize("binary", [False, True], ids=["json", "binary"])
def test_tritonclient_gets_onnx_runtimes_tensors(server, wine, reference, binary):
    client = tritonclient.http.InferenceServerClient(server.address)
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("wine")
    metadata = client.get_model_metadata("wine")
    assert [(i["name"], i["datatype"], i["shape"]) for i in metadata["inputs"]] == [("input", "FP32", [-1, 13])]
    label_name, score_name = [o["name"] for o in metadata["outputs"]]

    tensor = tritonclient.http.InferInput("input", [len(wine.rows), 13], "FP32")
    tensor.set_data_from_numpy(np.array(wine.rows, np.float32), binary_data=binary)
    outputs = [tritonclient.http.InferRequestedOutput(name, binary_data=binary) for name in (label_name, score_name)]
    answer = client.infer("wine", [tensor], outputs=outputs)

    labels, scores = reference(wine)
    np.testing.assert_array_equal(answer.as_numpy(label_name), labels)
    np.testing.assert_allclose(answer.as_numpy(score_name), scores, rtol=1e-6)


def test_tritonclient_reads_classes(server, wine, reference):
    client = tritonclient.http.InferenceServerClient(server.address)
    tensor = tritonclient.http.InferInput("input", [len(wine.rows), 13], "FP32")
    tensor.set_data_from_numpy(np.array(wine.rows, np.float32))
    wanted = tritonclient.http.InferRequestedOutput("output_probability", class_count=2)
    answer = client.infer("wine", [tensor], outputs=[wanted]).as_numpy("output_probability")
    assert answer.shape == (len(wine.rows), 2)
    labels, scores = reference(wine)
    for row, label, score in zip(answer, labels, scores, strict=True):
        value, index, name = row[0].decode().split(":")
        assert int(index) == label and name == ["barolo", "grignolino", "barbera"][label]
        assert float(value) == pytest.approx(score[label], abs=1e-6)


def test_tritonclient_names_model_and_versions(server):
    client = tritonclient.http.InferenceServerClient(server.address)
    metadata = client.get_model_metadata("wine", model_version="1.0.0")
    assert metadata["name"] == "wine"
    assert metadata["versions"] == ["1.0.0"]
    assert client.get_server_metadata()["name"] == "slipway"


def test_tritonclient_reads_statistics_and_configuration(server, wine):
    client = tritonclient.http.InferenceServerClient(server.address)
    data = tritonclient.http.InferInput("input", [2, 13], "FP32")
    data.set_data_from_numpy(np.array(wine.rows[:2], np.float32))
    for _ in range(3):
        client.infer("wine", [data])
    statistics = client.get_inference_statistics("wine")["model_stats"][0]
    assert (statistics["name"], statistics["version"]) == ("wine", "1.0.0")
    assert (statistics["inference_count"], statistics["execution_count"]) == (6, 3)
    assert statistics["inference_stats"]["success"]["count"] == 3
    assert statistics["inference_stats"]["compute_infer"]["ns"] > 0
    assert [batch["batch_size"] for batch in statistics["batch_stats"]] == [2]
    config = client.get_model_config("wine")
    assert config["input"][0]["name"] == "input" and config["input"][0]["data_type"] == "TYPE_FP32"
    assert config["input"][0]["dims"] == ([13] if config["max_batch_size"] > 0 else [-1, 13])
    assert {"statistics", "model_configuration"} <= set(client.get_server_metadata()["extensions"])
