"""The v2 protocol over gRPC, by Triton's client and by stubs made from our own .proto. The truth is ONNX Runtime's in Python."""

import asyncio
import queue
import subprocess
import sys
import time

import conftest
import grpc
import numpy as np
import onnx_models
import onnxruntime
import pytest
import tritonclient.grpc
import tritonclient.grpc.aio
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException


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


def test_classes_and_statistics_come_over_grpc(client, wine, reference):
    wanted = tritonclient.grpc.InferRequestedOutput("output_probability", class_count=1)
    answer = client.infer("wine", [tensor_of(wine.rows)], outputs=[wanted]).as_numpy("output_probability")
    labels, _ = reference
    assert [int(row[0].decode().split(":")[1]) for row in answer] == list(labels)
    statistics = client.get_inference_statistics("wine").model_stats[0]
    assert (statistics.name, statistics.inference_count, statistics.execution_count) == ("wine", len(wine.rows), 1)
    assert statistics.inference_stats.success.count == 1 and statistics.inference_stats.compute_infer.ns > 0


def test_tritonclient_loads_and_unloads(client):
    assert [(m.name, m.state) for m in client.get_model_repository_index().models] == [("wine", "READY")]
    client.unload_model("wine")
    assert not client.is_model_ready("wine")
    client.load_model("wine")
    assert client.is_model_ready("wine")
    with pytest.raises(InferenceServerException) as refused:
        client.load_model("wine", config="{}")
    assert refused.value.status() == "StatusCode.UNIMPLEMENTED"


def test_answers_come_in_any_order_on_one_connection(client, wine, reference):
    answers = queue.Queue()
    for i in range(100):
        client.async_infer("wine", [tensor_of(wine.rows)], lambda result, error: answers.put((result, error)),
                           request_id=str(i))
    got = [answers.get(timeout=30) for _ in range(100)]
    assert [error for _, error in got if error] == []
    assert {result.get_response().id for result, _ in got} == {str(i) for i in range(100)}
    check(got[0][0], reference)


def test_a_stream_answers_each_request_by_its_id(client, wine, reference):
    answers = queue.Queue()
    client.start_stream(lambda result, error: answers.put((result, error)))
    for i in range(200):
        client.async_stream_infer("wine", [tensor_of(wine.rows)], request_id=str(i), enable_empty_final_response=True)
    got = [answers.get(timeout=30) for _ in range(200)]
    assert [error for _, error in got if error] == []
    assert {result.get_response().id for result, _ in got} == {str(i) for i in range(200)}
    assert all(result.get_response().parameters["triton_final_response"].bool_param for result, _ in got)
    check(got[-1][0], reference)

    client.async_stream_infer("beer", [tensor_of(wine.rows)], request_id="lost")
    result, error = answers.get(timeout=30)
    assert "beer" in error.message()
    client.async_stream_infer("wine", [tensor_of(wine.rows)], request_id="on")
    result, error = answers.get(timeout=30)
    assert error is None and result.get_response().id == "on"
    client.stop_stream()


def test_a_stream_may_end_with_its_first_error(client, wine):
    answers = queue.Queue()
    client.start_stream(lambda result, error: answers.put((result, error)), headers={"triton_grpc_error": "true"})
    client.async_stream_infer("beer", [tensor_of(wine.rows)])
    _, error = answers.get(timeout=30)
    assert error.status() == "StatusCode.NOT_FOUND"
    client.stop_stream()


def test_the_asynchronous_client_and_its_stream(server, wine, reference):
    async def requests():
        for i in range(50):
            yield {"model_name": "wine", "inputs": [tensor_of(wine.rows)], "request_id": str(i)}

    async def ask():
        async with tritonclient.grpc.aio.InferenceServerClient(server.address) as client:
            assert await client.is_server_ready() and await client.is_model_ready("wine")
            for answer in await asyncio.gather(*(client.infer("wine", [tensor_of(wine.rows)]) for _ in range(50))):
                check(answer, reference)
            return [result.get_response().id async for result, error in client.stream_infer(requests()) if not error]

    assert sorted(asyncio.run(ask()), key=int) == [str(i) for i in range(50)]


def test_messages_compressed_with_gzip(client, wine, reference):
    check(client.infer("wine", [tensor_of(wine.rows)], compression_algorithm="gzip"), reference)
    with pytest.raises(InferenceServerException) as refused:
        client.infer("wine", [tensor_of(wine.rows)], compression_algorithm="deflate")
    assert refused.value.status() == "StatusCode.UNIMPLEMENTED"


@pytest.mark.parametrize("compression", [None, "gzip"], ids=["plain", "gzip"])
def test_tensors_of_16_mib_come_and_go_whole(serve, tmp_path, compression):
    server = serve(onnx_models.times(tmp_path / "twice.onnx", 2))
    values = np.arange(1 << 22, dtype=np.float32).reshape(-1, 2)
    tensor = tritonclient.grpc.InferInput("x", list(values.shape), "FP32")
    tensor.set_data_from_numpy(values)
    with tritonclient.grpc.InferenceServerClient(server.address) as client:
        answer = client.infer("twice", [tensor], compression_algorithm=compression)
        np.testing.assert_array_equal(answer.as_numpy("y"), values * 2)


@pytest.mark.parametrize("limit, mebibytes, compression, code", [
    ("1MiB", 2, None, "RESOURCE_EXHAUSTED"), ("1MiB", 2, "gzip", "RESOURCE_EXHAUSTED"), ("100MiB", 80, None, None)])
def test_messages_may_be_as_large_as_the_settings_say(serve, tmp_path, limit, mebibytes, compression, code):
    onnx_models.times(tmp_path / "twice.onnx", 2)
    (tmp_path / "environment.yaml").write_text(f"""
limits: {{body: {limit}}}
deployments: {{twice: {{package: "{tmp_path}/twice.onnx"}}}}
""")
    values = np.ones((mebibytes << 17, 2), np.float32)
    tensor = tritonclient.grpc.InferInput("x", list(values.shape), "FP32")
    tensor.set_data_from_numpy(values)
    with tritonclient.grpc.InferenceServerClient(serve(tmp_path / "environment.yaml").address) as client:
        if code is None:
            np.testing.assert_array_equal(client.infer("twice", [tensor]).as_numpy("y"), values * 2)
            return
        with pytest.raises(InferenceServerException) as refused:
            client.infer("twice", [tensor], compression_algorithm=compression)
        assert refused.value.status() == f"StatusCode.{code}", refused.value
        assert client.is_server_live()


def test_texts_come_raw_and_in_contents(serve, tmp_path):
    server = serve(onnx_models.echo(tmp_path / "echo.onnx"))
    texts = np.array([b"", "gr\u00fc\u00df".encode(), b"x" * 1000], dtype=np.object_)
    tensor = tritonclient.grpc.InferInput("x", [3], "BYTES")
    tensor.set_data_from_numpy(texts)
    with tritonclient.grpc.InferenceServerClient(server.address) as client:
        np.testing.assert_array_equal(client.infer("echo", [tensor]).as_numpy("y"), texts)
        request = service_pb2.ModelInferRequest(model_name="echo")
        request.inputs.add(name="x", datatype="BYTES", shape=[3]).contents.bytes_contents.extend(texts)
        with grpc.insecure_channel(server.address) as channel:
            answer = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(request, timeout=30)
    np.testing.assert_array_equal(tritonclient.grpc.InferResult(answer).as_numpy("y"), texts)


def wine_request(**fields):
    request = service_pb2.ModelInferRequest(model_name="wine", **fields)
    request.inputs.add(name="input", datatype="FP32", shape=[1, 13])
    request.raw_input_contents.append(bytes(52))
    return request


WRONG = [
    ("an unknown model", lambda r: setattr(r, "model_name", "beer"), "NOT_FOUND"),
    ("an unknown version", lambda r: setattr(r, "model_version", "7"), "NOT_FOUND"),
    ("no model", lambda r: r.ClearField("model_name"), "INVALID_ARGUMENT"),
    ("no input", lambda r: (r.ClearField("inputs"), r.ClearField("raw_input_contents")), "INVALID_ARGUMENT"),
    ("an unknown input", lambda r: setattr(r.inputs[0], "name", "x"), "INVALID_ARGUMENT"),
    ("an unknown datatype", lambda r: setattr(r.inputs[0], "datatype", "FLOAT"), "INVALID_ARGUMENT"),
    ("another datatype", lambda r: setattr(r.inputs[0], "datatype", "INT32"), "INVALID_ARGUMENT"),
    ("another shape", lambda r: r.inputs[0].shape.__setitem__(slice(None), [13]), "INVALID_ARGUMENT"),
    ("a negative shape", lambda r: r.inputs[0].shape.__setitem__(0, -1), "INVALID_ARGUMENT"),
    ("an endless shape", lambda r: r.inputs[0].shape.__setitem__(0, 2**62), "INVALID_ARGUMENT"),
    ("raw bytes too few", lambda r: r.raw_input_contents.__setitem__(0, bytes(51)), "INVALID_ARGUMENT"),
    ("raw contents too many", lambda r: r.raw_input_contents.append(b""), "INVALID_ARGUMENT"),
    ("raw and typed contents", lambda r: r.inputs[0].contents.fp32_contents.append(1), "INVALID_ARGUMENT"),
    ("an unknown output", lambda r: r.outputs.add(name="y"), "INVALID_ARGUMENT"),
    ("an output twice", lambda r: [r.outputs.add(name="output_label") for _ in "ab"], "INVALID_ARGUMENT"),
    ("a parameter without value", lambda r: r.parameters["a"].SetInParent(), "INVALID_ARGUMENT"),
    ("a timeout that is a text", lambda r: setattr(r.parameters["timeout"], "string_param", "1"),
     "INVALID_ARGUMENT"),
    ("shared memory",
     lambda r: setattr(r.inputs[0].parameters["shared_memory_region"], "string_param", "a"), "UNIMPLEMENTED"),
]


def test_wrong_requests_get_their_codes_and_right_ones_go_on(server):
    with grpc.insecure_channel(server.address) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        for title, edit, code in WRONG:
            request = wine_request()
            edit(request)
            with pytest.raises(grpc.RpcError) as refused:
                stub.ModelInfer(request, timeout=30)
            assert refused.value.code().name == code, f"{title}: {refused.value}"
            assert refused.value.details(), title
        for method in ("TraceSetting", "SystemSharedMemoryStatus", "CudaSharedMemoryStatus"):
            with pytest.raises(grpc.RpcError) as refused:
                getattr(stub, method)(getattr(service_pb2, f"{method}Request")(), timeout=30)
            assert refused.value.code().name == "UNIMPLEMENTED", method
        assert stub.ModelInfer(wine_request(id="still"), timeout=30).id == "still"


STUBS = """
import sys
import grpc
import openinference_pb2 as pb
import openinference_pb2_grpc as service

with grpc.insecure_channel(sys.argv[1]) as channel:
    stub = service.GRPCInferenceServiceStub(channel)
    assert stub.ServerLive(pb.ServerLiveRequest(), timeout=30).live
    request = pb.ModelInferRequest(model_name="wine", id="7")
    request.inputs.add(name="input", datatype="FP32", shape=[1, 13]).contents.fp32_contents.extend([1.5] * 13)
    answer = stub.ModelInfer(request, timeout=30)
    assert [output.name for output in answer.outputs] == ["output_label", "output_probability"], answer
    stream = stub.ModelStreamInfer(iter([request] * 3), timeout=30)
    assert [answer.infer_response.id for answer in stream] == ["7"] * 3
    assert stub.ModelConfig(pb.ModelConfigRequest(name="wine"), timeout=30).config.input[0].data_type == pb.TYPE_FP32
    print(answer.model_name)
"""


def test_stubs_made_from_our_description_work(server, tmp_path):
    proto = conftest.ROOT / "plugins/dialects/openinference_grpc"
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{proto}", f"--python_out={tmp_path}",
                    f"--grpc_python_out={tmp_path}", "openinference.proto"], check=True, timeout=60)
    (tmp_path / "ask.py").write_text(STUBS)
    done = subprocess.run([sys.executable, "ask.py", server.address], cwd=tmp_path, text=True, capture_output=True,
                          timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "wine\n"


@pytest.fixture
def busy(serve, tmp_path):
    """A server with one slow instance, a second or so a run, and a client."""
    onnx_models.slow(tmp_path / "slow.onnx", steps=200)
    (tmp_path / "environment.yaml").write_text(f"""
deployments:
  slow: {{package: "{tmp_path}/slow.onnx", instances: 1, run_in_place: 0s}}
""")
    server = serve(tmp_path / "environment.yaml")
    with tritonclient.grpc.InferenceServerClient(server.address) as client:
        assert client.is_server_live()  # connected, so that requests go out in their order
        yield client


def slow_tensor():
    tensor = tritonclient.grpc.InferInput("x", [1, 2], "FP32")
    tensor.set_data_from_numpy(np.ones((1, 2), np.float32))
    return tensor


def wait_for_statistics(client, success, fail):
    end = time.monotonic() + 60
    while True:
        model = client.get_inference_statistics("slow").model_stats[0]
        counts = (model.inference_stats.success.count, model.inference_stats.fail.count)
        if counts == (success, fail):
            return model
        assert time.monotonic() < end, f"{counts} succeeded and failed"
        time.sleep(0.02)


def test_what_waits_longer_than_its_client_is_never_run(busy):
    answers = queue.Queue()
    busy.async_infer("slow", [slow_tensor()], lambda result, error: answers.put(error))
    with pytest.raises(InferenceServerException) as late:
        busy.infer("slow", [slow_tensor()], client_timeout=0.2)
    assert late.value.status() in ("StatusCode.DEADLINE_EXCEEDED", "StatusCode.RESOURCE_EXHAUSTED")  # refused at once, or late
    assert answers.get(timeout=60) is None
    assert wait_for_statistics(busy, 1, 1).execution_count == 1


@pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])
def test_what_a_client_cancels_while_it_waits_is_never_run(busy, stream):
    answers = queue.Queue()
    busy.async_infer("slow", [slow_tensor()], lambda result, error: answers.put(error))
    # What is taken back must have been there: what was sent after it has been answered.
    if stream:
        others = queue.Queue()
        busy.start_stream(lambda result, error: others.put(error))
        busy.async_stream_infer("slow", [slow_tensor()])
        busy.async_stream_infer("nobody", [slow_tensor()])
        assert "nobody" in str(others.get(timeout=60))
        busy.stop_stream(cancel_requests=True)
    else:
        call = busy.async_infer("slow", [slow_tensor()], lambda result, error: answers.put(error))
        assert busy.is_server_live()
        call.cancel()
        assert answers.get(timeout=60).status() == "StatusCode.CANCELLED"
    assert answers.get(timeout=60) is None
    assert wait_for_statistics(busy, 1, 1).execution_count == 1
