"""The v2 protocol over gRPC, by Triton's client and by stubs made from our own .proto. The truth is ONNX Runtime's in Python."""

import numpy as np
import onnxruntime
import pytest
import tritonclient.grpc


@pytest.fixture
def server(slipway, serve, wine):
    slipway("pack", wine.folder)
    return serve("wine:1.0.0")


@pytest.fixture
def client(server):
    with tritonclient.grpc.InferenceServerClient(server.address) as client:
        yield client


@pytest.fixture(scope="module")
def reference(wine):
    """(labels, probabilities) of the sample by ONNX Runtime in Python."""
    session = onnxruntime.InferenceSession(wine.folder / "model.onnx")
    labels, maps = session.run(None, {"input": np.array(wine.rows, np.float32)})
    return labels, np.array([[row[c] for c in sorted(row)] for row in maps], np.float32)


def tensor_of(rows):
    array = np.array(rows, np.float32)
    tensor = tritonclient.grpc.InferInput("input", list(array.shape), "FP32")
    tensor.set_data_from_numpy(array)
    return tensor


def check(answer, reference):
    labels, scores = reference
    np.testing.assert_array_equal(answer.as_numpy("output_label"), labels)
    np.testing.assert_allclose(answer.as_numpy("output_probability"), scores, rtol=1e-6)


def test_tritonclient_gets_onnx_runtimes_tensors(client, wine, reference):
    answer = client.infer("wine", [tensor_of(wine.rows)], request_id="7")
    check(answer, reference)
    head = answer.get_response()
    assert (head.model_name, head.model_version, head.id) == ("wine", "1.0.0", "7")


def test_tritonclient_reads_what_there_is(client):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("wine") and client.is_model_ready("wine", "1.0.0")
    assert not client.is_model_ready("beer") and not client.is_model_ready("wine", "2")
    server = client.get_server_metadata()
    assert server.name == "slipway" and "classification" in server.extensions
    model = client.get_model_metadata("wine")
    assert (model.name, list(model.versions), model.platform) == ("wine", ["1.0.0"], "onnxruntime")
    assert [(i.name, i.datatype, list(i.shape)) for i in model.inputs] == [("input", "FP32", [-1, 13])]
    assert [o.name for o in model.outputs] == ["output_label", "output_probability"]
    config = client.get_model_config("wine").config
    assert config.input[0].name == "input" and config.backend == "onnxruntime"
    assert list(config.input[0].dims) == ([13] if config.max_batch_size > 0 else [-1, 13])
