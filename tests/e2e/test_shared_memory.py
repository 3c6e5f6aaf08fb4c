"""Tensors in memory that clients share with the server: Triton's own client, and clients that misuse it. The truth is ONNX
Runtime's in Python."""

import os
import types
import uuid

import numpy as np
import onnx_models
import onnxruntime
import pytest
import requests
import tritonclient.grpc
import tritonclient.http
import tritonclient.utils.shared_memory as shm
from tritonclient.utils import InferenceServerException

LABELS, SCORES = "output_label", "output_probability"


def write_environment(folder, shared_memory):
    (folder / "environment.yaml").write_text(f"""
deployments:
  wine: {{package: "wine:1.0.0"}}
shared_memory: {shared_memory}
""")
    return folder / "environment.yaml"


@pytest.fixture
def server(slipway, serve, wine, tmp_path):
    slipway("pack", wine.folder)
    return serve(write_environment(tmp_path, "{unsafe_by_name: true, regions: 4, size: 1MiB}"))


@pytest.fixture(params=["http", "grpc"])
def triton(request, server):
    """Triton's client of one protocol, and its classes."""
    module = {"http": tritonclient.http, "grpc": tritonclient.grpc}[request.param]
    with module.InferenceServerClient(server.address) as client:
        yield types.SimpleNamespace(client=client, module=module, name=request.param)


@pytest.fixture
def region():
    """region(BYTES) makes a shared memory object of Triton's and gives its handle and key; the end removes it."""
    handles = []

    def make(size):
        key = f"/slipway-test-{uuid.uuid4().hex}"
        handles.append(shm.create_shared_memory_region(key[1:], key, size))
        return types.SimpleNamespace(handle=handles[-1], key=key, path=f"/dev/shm{key}")

    yield make
    for handle in handles:
        shm.destroy_shared_memory_region(handle)


@pytest.fixture(scope="module")
def reference(wine):
    session = onnxruntime.InferenceSession(wine.folder / "model.onnx")
    labels, maps = session.run(None, {"input": np.array(wine.rows, np.float32)})
    return labels, np.array([[row[c] for c in sorted(row)] for row in maps], np.float32)


def regions_of(triton):
    status = triton.client.get_system_shared_memory_status()
    if triton.name == "grpc":
        return {name: (r.key, r.offset, r.byte_size) for name, r in status.regions.items()}
    return {r["name"]: (r["key"], r["offset"], r["byte_size"]) for r in status}


def shared_input(triton, rows, region, offset=0):
    tensor = triton.module.InferInput("input", [rows, 13], "FP32")
    tensor.set_shared_memory(region, rows * 13 * 4, offset)
    return tensor


def shared_output(triton, name, region, size, offset=0):
    output = triton.module.InferRequestedOutput(name)
    output.set_shared_memory(region, size, offset)
    return output


def test_tritonclient_sends_and_receives_in_shared_memory(triton, wine, reference, region):
    rows = np.array(wine.rows, np.float32)
    labels, scores = reference
    into, out = region(rows.nbytes + 64), region(4096)
    shm.set_shared_memory_region(into.handle, [rows], offset=64)
    triton.client.register_system_shared_memory("into", into.key, rows.nbytes, offset=64)
    triton.client.register_system_shared_memory("out", out.key, 4096)
    assert regions_of(triton) == {"into": (into.key, 64, rows.nbytes), "out": (out.key, 0, 4096)}

    answer = triton.client.infer("wine", [shared_input(triton, len(rows), "into")],
                                 outputs=[shared_output(triton, LABELS, "out", labels.nbytes),
                                          shared_output(triton, SCORES, "out", scores.nbytes + 8, offset=1024)])
    np.testing.assert_array_equal(shm.get_contents_as_numpy(out.handle, np.int64, labels.shape), labels)
    found = shm.get_contents_as_numpy(out.handle, np.float32, scores.shape, offset=1024)
    np.testing.assert_allclose(found, scores, rtol=1e-6)
    said = answer.get_output(SCORES)
    assert list(said["shape"] if triton.name == "http" else said.shape) == list(scores.shape)

    # One tensor here, the other there.
    answer = triton.client.infer("wine", [shared_input(triton, len(rows), "into")])
    np.testing.assert_allclose(answer.as_numpy(SCORES), scores, rtol=1e-6)

    triton.client.unregister_system_shared_memory("into")
    assert set(regions_of(triton)) == {"out"}
    with pytest.raises(InferenceServerException, match="unable to find shared memory region"):
        triton.client.infer("wine", [shared_input(triton, len(rows), "into")])
    triton.client.unregister_system_shared_memory()
    assert regions_of(triton) == {}


def test_texts_come_from_and_go_to_shared_memory(slipway, serve, tmp_path, region):
    onnx_models.echo(tmp_path / "echo.onnx")
    environment = tmp_path / "environment.yaml"
    environment.write_text(f"shared_memory: {{unsafe_by_name: true}}\ndeployments:\n  echo: {{package: {tmp_path}/echo.onnx}}\n")
    words = np.array([b"barolo", b"", "Gattinara \u00fc".encode()], dtype=object)
    packed = tritonclient.utils.serialize_byte_tensor(words)
    size = len(packed.item())
    into, out = region(4096), region(4096)
    shm.set_shared_memory_region(into.handle, [packed])
    with tritonclient.http.InferenceServerClient(serve(environment).address) as client:
        client.register_system_shared_memory("into", into.key, 4096)
        client.register_system_shared_memory("out", out.key, 4096)
        tensor = tritonclient.http.InferInput("x", [3], "BYTES")
        tensor.set_shared_memory("into", size)
        output = tritonclient.http.InferRequestedOutput("y")
        output.set_shared_memory("out", 4096)
        answer = client.infer("echo", [tensor], outputs=[output])
    assert answer.get_output("y")["parameters"]["shared_memory_byte_size"] == size
    assert list(shm.get_contents_as_numpy(out.handle, np.object_, [3])) == list(words)


def test_a_region_registered_over_one_protocol_serves_the_other(server, wine, reference, region):
    rows = np.array(wine.rows, np.float32)
    into = region(rows.nbytes)
    shm.set_shared_memory_region(into.handle, [rows])
    with tritonclient.http.InferenceServerClient(server.address) as client:
        client.register_system_shared_memory("into", into.key, rows.nbytes)
        assert "system_shared_memory" in client.get_server_metadata()["extensions"]
    with tritonclient.grpc.InferenceServerClient(server.address) as client:
        tensor = tritonclient.grpc.InferInput("input", [len(rows), 13], "FP32")
        tensor.set_shared_memory("into", rows.nbytes)
        np.testing.assert_array_equal(client.infer("wine", [tensor]).as_numpy(LABELS), reference[0])


def test_memory_that_its_client_shortens_harms_nobody(triton, wine, reference, region):
    rows = np.array(wine.rows, np.float32)
    into, out = region(rows.nbytes), region(4096)
    shm.set_shared_memory_region(into.handle, [rows])
    triton.client.register_system_shared_memory("into", into.key, rows.nbytes)
    triton.client.register_system_shared_memory("out", out.key, 4096)
    os.truncate(into.path, 0)
    os.truncate(out.path, 10)
    with pytest.raises(InferenceServerException, match="shorter now"):
        triton.client.infer("wine", [shared_input(triton, len(rows), "into")])
    tensor = triton.module.InferInput("input", list(rows.shape), "FP32")
    tensor.set_data_from_numpy(rows)
    with pytest.raises(InferenceServerException, match="shorter now"):
        triton.client.infer("wine", [tensor], outputs=[shared_output(triton, LABELS, "out", 4096)])
    assert os.path.getsize(out.path) == 10
    np.testing.assert_array_equal(triton.client.infer("wine", [tensor]).as_numpy(LABELS), reference[0])


def test_what_is_no_region_is_refused(triton, region):
    made = region(4096)
    register = triton.client.register_system_shared_memory
    os.symlink("/etc/passwd", f"{made.path}-link")
    try:
        refused = {"../etc/passwd": "no name of a memory object", "/etc/passwd": "no name of a memory object",
                   f"{made.key}-link": "unable to open", "slipway-absent": "unable to open", "": "no name"}
        for key, text in refused.items():
            with pytest.raises(InferenceServerException, match=text):
                register("r", key, 16)
    finally:
        os.unlink(f"{made.path}-link")
    for offset, size in [(0, 4097), (4096, 1), (0, 0), (2**63 - 1, 2**62)]:
        with pytest.raises(InferenceServerException, match="has 4096 bytes"):
            register("r", made.key, size, offset=offset)
    register("r", made.key, 4096)
    with pytest.raises(InferenceServerException, match="registered already"):
        register("r", made.key, 4096)
    for name in ("s", "t", "u"):
        register(name, made.key, 1)
    with pytest.raises(InferenceServerException, match="no more are allowed"):
        register("v", made.key, 1)
    with pytest.raises(InferenceServerException, match="unable to find"):
        triton.client.get_system_shared_memory_status("v")


def test_without_the_setting_nothing_is_shared(slipway, serve, wine, region):
    slipway("pack", wine.folder)
    server = serve("wine:1.0.0")
    made = region(4096)
    for module in (tritonclient.http, tritonclient.grpc):
        with module.InferenceServerClient(server.address) as client:
            metadata = client.get_server_metadata()
            assert "system_shared_memory" not in (metadata["extensions"] if module is tritonclient.http
                                                  else metadata.extensions)
            with pytest.raises(InferenceServerException, match="no shared memory"):
                client.register_system_shared_memory("r", made.key, 4096)
            triton = types.SimpleNamespace(module=module)
            with pytest.raises(InferenceServerException, match="no shared memory"):
                client.infer("wine", [shared_input(triton, 1, "r")])


def test_web_pages_may_not_register(server, region):
    made = region(4096)
    answer = requests.post(f"{server.url}/v2/systemsharedmemory/region/r/register", timeout=10,
                           json={"key": made.key, "byte_size": 4096}, headers={"Origin": "http://elsewhere.example"})
    assert answer.status_code == 403
    assert requests.get(f"{server.url}/v2/systemsharedmemory/status", timeout=10).json() == []
