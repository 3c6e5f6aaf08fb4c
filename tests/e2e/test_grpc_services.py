"""gRPC without a model's dialect: health, server reflection, compression, refusals; asked by the gRPC library for Python
and by grpcurl."""

import json
import shutil
import signal
import subprocess
import threading

import grpc
import pytest
import requests
from google.protobuf import message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from conftest import go_tool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
SERVICES = {"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}
WAIT_S = 30  # a bound for a loaded machine


@pytest.fixture
def models(wine, tmp_path):
    for name in ("wine", "beer"):
        folder = tmp_path / "models" / name / "1"
        folder.mkdir(parents=True)
        shutil.copy(wine.folder / "model.onnx", folder)
    return tmp_path / "models"


@pytest.fixture
def server(serve, models):
    return serve(models)


@pytest.fixture
def channel(server):
    with grpc.insecure_channel(server.address) as channel:
        yield channel


def question(service=""):
    return health_pb2.HealthCheckRequest(service=service)


def test_health_of_the_server_its_services_and_its_models(server, channel):
    health = health_pb2_grpc.HealthStub(channel)
    for service in ("", *SERVICES, "wine", "beer"):
        assert health.Check(question(service), timeout=WAIT_S).status == SERVING, service
    with pytest.raises(grpc.RpcError) as refused:
        health.Check(question("vine"), timeout=WAIT_S)
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND
    details = dict(refused.value.trailing_metadata())["grpc-status-details-bin"]
    assert b"health.unknown" in details and b"google.rpc.ErrorInfo" in details

    requests.post(f"{server.url}/v2/repository/models/beer/unload", timeout=WAIT_S).raise_for_status()
    assert health.Check(question("beer"), timeout=WAIT_S).status == NOT_SERVING


def test_list_names_everything(channel):
    """By messages that server reflection describes, since not all releases of the health package have the method."""
    method = DescriptorPool(ProtoReflectionDescriptorDatabase(channel)).FindServiceByName(
        "grpc.health.v1.Health").methods_by_name["List"]
    ask, answer = (message_factory.GetMessageClass(kind) for kind in (method.input_type, method.output_type))
    call = channel.unary_unary("/grpc.health.v1.Health/List", ask.SerializeToString, answer.FromString)
    listed = {name: health.status for name, health in call(ask(), timeout=WAIT_S).statuses.items()}
    assert set(listed) >= {"", "wine", "beer", *SERVICES} and set(listed.values()) == {SERVING}


def test_watchers_hear_of_each_change_and_of_the_end(server, channel):
    health = health_pb2_grpc.HealthStub(channel)
    beer, whole, unknown = (health.Watch(question(service), timeout=WAIT_S) for service in ("beer", "", "vine"))
    assert [next(watch).status for watch in (beer, whole, unknown)] == [SERVING, SERVING, SERVICE_UNKNOWN]
    requests.post(f"{server.url}/v2/repository/models/beer/unload", timeout=WAIT_S).raise_for_status()
    assert next(beer).status == NOT_SERVING
    requests.post(f"{server.url}/v2/repository/models/beer/load", timeout=WAIT_S).raise_for_status()
    assert next(beer).status == SERVING
    unknown.cancel()

    server.process.send_signal(signal.SIGTERM)
    for watch in (beer, whole):
        assert next(watch).status == NOT_SERVING
        with pytest.raises(grpc.RpcError) as ended:
            next(watch)
        assert ended.value.code() == grpc.StatusCode.UNAVAILABLE
    assert server.stop() == 0  # without waiting for watchers


def test_many_watchers_leave_nothing_behind(server):
    """Streams that are opened and given up in any order, on several connections."""
    def watch_and_leave():
        with grpc.insecure_channel(server.address) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            watches = [health.Watch(question("wine"), timeout=WAIT_S) for _ in range(50)]
            for watch in watches[::2]:
                assert next(watch).status == SERVING
            for watch in watches:
                watch.cancel()

    threads = [threading.Thread(target=watch_and_leave) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.stop() == 0


def test_services_are_called_without_protos(channel):
    database = ProtoReflectionDescriptorDatabase(channel)
    assert SERVICES <= set(database.get_services())
    service = DescriptorPool(database).FindServiceByName("grpc.health.v1.Health")
    method = service.methods_by_name["Check"]
    ask, answer = (message_factory.GetMessageClass(kind) for kind in (method.input_type, method.output_type))
    call = channel.unary_unary("/grpc.health.v1.Health/Check", ask.SerializeToString, answer.FromString)
    assert call(ask(service="wine"), timeout=WAIT_S).status == SERVING
    with pytest.raises(KeyError):
        DescriptorPool(database).FindServiceByName("grpc.health.v1.Wealth")


def test_every_description_agrees_with_the_library_of_google(channel):
    """The files of the packages for Python, which Google's compiler made of the original protos."""
    from grpc_reflection.v1alpha import reflection_pb2
    database = ProtoReflectionDescriptorDatabase(channel)
    pool = DescriptorPool(database)
    for original in (health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR):
        for name, message in original.message_types_by_name.items():
            ours = pool.FindMessageTypeByName(message.full_name)
            shape = lambda kind: {(field.name, field.number, field.type, field.is_repeated) for field in kind.fields}
            assert shape(ours) == shape(message), name


def test_compressed_messages(server):
    with grpc.insecure_channel(server.address, compression=grpc.Compression.Gzip) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        assert health.Check(question("wine"), timeout=WAIT_S).status == SERVING
        with pytest.raises(grpc.RpcError) as refused:
            health.Check(question("x" * 5000), timeout=WAIT_S)
        assert refused.value.code() == grpc.StatusCode.NOT_FOUND
    with grpc.insecure_channel(server.address, compression=grpc.Compression.Deflate) as channel:
        with pytest.raises(grpc.RpcError) as refused:
            health_pb2_grpc.HealthStub(channel).Check(question("x" * 5000), timeout=WAIT_S)
        assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED


def raw(channel, path, body, **options):
    try:
        return channel.unary_unary(path)(body, timeout=WAIT_S, **options)
    except grpc.RpcError as error:
        return error


def test_refusals_reach_clients_as_a_status(serve, models, tmp_path):
    environment = tmp_path / "environment.yaml"
    environment.write_text("limits: {body: 64KiB, head: 8KiB}\n")
    server = serve(models, "--config", environment)
    with grpc.insecure_channel(server.address) as channel:
        for path in ("/grpc.health.v1.Health/Nothing", "/no.Service/Method", "/v2/health", "/"):
            assert raw(channel, path, b"").code() == grpc.StatusCode.UNIMPLEMENTED, path
        large = raw(channel, "/grpc.health.v1.Health/Check", b"\x0a\x80\x80\x08" + b"x" * 131072)
        assert large.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        head = raw(channel, "/grpc.health.v1.Health/Check", b"", metadata=[("x", "y" * 12000)])
        assert head.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert raw(channel, "/grpc.health.v1.Health/Check", b"\x0a\x05").code() == grpc.StatusCode.INVALID_ARGUMENT
        assert raw(channel, "/grpc.health.v1.Health/Check", b"") == b"\x08\x01"  # and the connection goes on
    answer = requests.post(f"{server.url}/grpc.health.v1.Health/Check", json={}, timeout=WAIT_S)
    assert answer.status_code == 415 and "application/grpc" in answer.json()["error"]
    answer = requests.get(f"{server.url}/grpc.health.v1.Health/Check", timeout=WAIT_S)
    assert answer.status_code == 405


@pytest.fixture
def grpcurl(server):
    program = go_tool("grpcurl")

    def run(*words, data=None):
        options = ["-plaintext"] if data is None else ["-plaintext", "-d", json.dumps(data)]
        return subprocess.run([program, *options, server.address, *words], text=True, capture_output=True,
                              timeout=WAIT_S, check=True).stdout

    return run


def test_grpcurl_finds_its_way(grpcurl):
    assert SERVICES <= set(grpcurl("list").split())
    assert "rpc Watch" in grpcurl("describe")
    assert json.loads(grpcurl("grpc.health.v1.Health/Check", data={"service": "wine"})) == {"status": "SERVING"}
