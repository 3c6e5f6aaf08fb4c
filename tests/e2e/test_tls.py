"""TLS, asked by clients of others: curl, Python's ssl and requests, the gRPC library, openssl's own."""

import concurrent.futures
import json
import socket
import ssl
import subprocess
import time

import grpc
import pytest
import requests
from conftest import go_tool
from grpc_health.v1 import health_pb2, health_pb2_grpc

WAIT_S = 30  # a bound for a loaded machine


def openssl(*words, stdin=""):
    done = subprocess.run(["openssl", *map(str, words)], input=stdin, text=True, errors="replace",
                          capture_output=True, timeout=WAIT_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


class Authority:
    """Signs certificates, with the openssl program."""

    def __init__(self, folder, name="authority"):
        self.folder = folder
        self.file = folder / f"{name}.pem"
        self.key = folder / f"{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                f"/CN={name}", "-keyout", self.key, "-out", self.file)

    def issue(self, name, subject, names):
        """(certificate, key): files called after `name`, which may be there already."""
        key, ask, made = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        extension = self.folder / f"{name}.ext"
        extension.write_text(f"subjectAltName={names}\n")
        staged_key, staged = self.folder / "staged.key", self.folder / "staged.pem"
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject, "-keyout", staged_key,
                "-out", ask)
        openssl("x509", "-req", "-in", ask, "-CA", self.file, "-CAkey", self.key, "-CAcreateserial", "-days", "2", "-extfile",
                extension, "-out", staged)
        staged_key.rename(key)
        staged.rename(made)
        return made, key


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def serve_tls(serve, wine, tmp_path, authority):
    """serve_tls(more settings) -> a server with a certificate for localhost."""
    def start(log=None, **more):
        certificate, key = authority.issue("server", "/CN=localhost", "DNS:localhost,IP:127.0.0.1")
        settings = {"certificate": str(certificate), "key": str(key), **more}
        environment = tmp_path / "environment.yaml"
        environment.write_text(json.dumps({"tls": settings, "log": log or {}}))
        server = serve(wine.folder / "model.onnx", "--config", environment)
        server.host, server.port = server.url.removeprefix("https://").split(":")
        return server

    return start


def curl(server, authority, *words, path="/v2/health/ready"):
    return subprocess.run(["curl", "-sS", "--cacert", authority.file, *map(str, words), server.url + path], text=True,
                          capture_output=True, timeout=WAIT_S, check=False)


def test_curl_over_every_version(serve_tls, authority, wine):
    server = serve_tls()
    assert server.url.startswith("https://")
    for version in ("--http1.1", "--http2", "--http2-prior-knowledge"):
        for tls in (("--tlsv1.2", "--tls-max", "1.2"), ("--tlsv1.3",)):
            done = curl(server, authority, version, *tls, "-w", "%{http_version} %{http_code}")
            wanted = "1.1 200" if version == "--http1.1" else "2 200"
            assert done.stdout.endswith(wanted), (version, tls, done)
    old = curl(server, authority, "--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0")
    assert old.returncode == 35, old
    # Large bodies go in and come out whole.
    rows = [list(map(float, wine.rows[i % len(wine.rows)])) for i in range(20000)]
    body = json.dumps({"inputs": [{"name": "input", "shape": [len(rows), 13], "datatype": "FP32", "data": rows}]})
    for version in ("--http1.1", "--http2"):
        done = subprocess.run(["curl", "-sS", "--cacert", authority.file, version, "--data-binary", "@-",
                               server.url + "/v2/models/model/infer"], input=body, text=True, capture_output=True,
                              timeout=60, check=False)
        answer = json.loads(done.stdout)
        assert answer["outputs"][0]["shape"][0] == len(rows), done.stderr


def test_many_clients_at_once(serve_tls, authority):
    server = serve_tls()

    def ask(_):
        with requests.Session() as session:
            session.trust_env = False
            session.verify = str(authority.file)
            return [session.get(server.url + "/v2/health/ready", timeout=WAIT_S).status_code for _ in range(20)]

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert all(codes == [200] * 20 for codes in pool.map(ask, range(32)))


def connect(server, context, session=None):
    return context.wrap_socket(socket.create_connection((server.host, int(server.port)), WAIT_S), server_hostname="localhost",
                               session=session)


def ask(connection):
    connection.sendall(b"GET /v2/health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = connection.recv(65536)
        assert piece, answer
        answer += piece
    return answer


def test_pythons_ssl_resumes_and_ends_in_good_order(serve_tls, authority):
    server = serve_tls()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=authority.file)
        context.minimum_version = context.maximum_version = version
        with connect(server, context) as first:
            assert ask(first).startswith(b"HTTP/1.1 200")
            session = first.session
            assert not first.session_reused and session is not None
        with connect(server, context, session) as second:
            assert ask(second).startswith(b"HTTP/1.1 200")
            assert second.session_reused, version
            # The server says that it ends: an end without would be ssl.SSLEOFError.
            second.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            while second.recv(65536):
                pass


def test_alpn_is_agreed_on(serve_tls, authority):
    server = serve_tls()
    for offered, chosen in ((["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1"), (["http/1.1", "h2"], "h2"), ([], None)):
        context = ssl.create_default_context(cafile=authority.file)
        if offered:
            context.set_alpn_protocols(offered)
        with connect(server, context) as connection:
            assert connection.selected_alpn_protocol() == chosen
    context.set_alpn_protocols(["smtp"])
    with pytest.raises(ssl.SSLError):
        connect(server, context)


def test_openssl_agrees(serve_tls, authority):
    server = serve_tls()
    said = openssl("s_client", "-connect", f"{server.host}:{server.port}", "-CAfile", authority.file, "-alpn", "h2", "-brief",
                   "-verify_return_error", stdin="")
    assert "Verification: OK" in said and "TLSv1.3" in said
    for words in (("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"), ("-tls1_2", "-cipher", "AES128-SHA")):
        with pytest.raises(AssertionError, match="alert|error"):
            openssl("s_client", "-connect", f"{server.host}:{server.port}", *words, stdin="")


def test_plain_http_is_told_so(serve_tls):
    server = serve_tls()
    answer = requests.get(f"http://{server.host}:{server.port}/", timeout=WAIT_S)
    assert answer.status_code == 400 and "https" in answer.text
    with socket.create_connection((server.host, int(server.port)), WAIT_S) as connection:
        connection.sendall(bytes(range(256)) * 4)
        while connection.recv(65536):
            pass


def test_a_renewed_certificate_is_used_without_losing_a_connection(serve_tls, authority):
    server = serve_tls()
    context = ssl.create_default_context(cafile=authority.file)

    def number():
        with connect(server, context) as connection:
            ask(connection)
            return connection.getpeercert()["serialNumber"]

    with connect(server, context) as old:
        before = number()
        key = authority.folder / "server.key"
        good = key.read_text()
        key.write_text("no key\n")  # half replaced: what is in use stays
        assert number() == before
        key.write_text(good)
        authority.issue("server", "/CN=localhost", "DNS:localhost,IP:127.0.0.1")
        end = time.monotonic() + WAIT_S
        while number() == before:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert ask(old).startswith(b"HTTP/1.1 200")
        assert old.getpeercert()["serialNumber"] == before


def test_clients_show_certificates(serve_tls, authority, tmp_path):
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", "other")
    mine = authority.issue("alice", "/O=Example/CN=alice", "URI:spiffe://example/alice")
    theirs = other.issue("eve", "/CN=eve", "DNS:eve")
    asked = serve_tls(client_ca=str(authority.file))
    required = serve_tls(client_ca=str(authority.file), require_client=True)
    shows = lambda pair: ("--cert", pair[0], "--key", pair[1])
    for version in ("--http1.1", "--http2"):
        assert curl(asked, authority, version, "-f").returncode == 0
        assert curl(asked, authority, version, "-f", *shows(mine)).returncode == 0
        assert curl(asked, authority, version, *shows(theirs)).returncode != 0
        assert curl(required, authority, version).returncode != 0
        assert curl(required, authority, version, "-f", *shows(mine)).returncode == 0
        assert curl(required, authority, version, *shows(theirs)).returncode != 0


def test_the_access_log_names_who_asked(serve_tls, authority, tmp_path, wine):
    log = tmp_path / "access.log"
    server = serve_tls(client_ca=str(authority.file), log={"file": str(log), "format": "json", "access": True})
    certificate, key = authority.issue("alice", "/O=Example/CN=alice", "DNS:alice")
    tensor = {"name": "input", "datatype": "FP32", "shape": [1, 13], "data": wine.rows[0]}
    for words in ("--cert", certificate, "--key", key), ():
        for protocol in "--http1.1", "--http2":
            done = curl(server, authority, protocol, "-f", *words, "-d", json.dumps({"inputs": [tensor]}),
                        path="/v2/models/model/infer")
            assert done.returncode == 0, done.stderr
    server.stop()
    clients = [line["client"] for line in map(json.loads, log.read_text().splitlines()) if line["event"] == "request"]
    assert clients == ["CN=alice,O=Example"] * 2 + [""] * 2


def test_grpc_over_tls(serve_tls, authority):
    server = serve_tls()
    credentials = grpc.ssl_channel_credentials(authority.file.read_bytes())
    with grpc.secure_channel(f"localhost:{server.port}", credentials) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service="model"), timeout=WAIT_S)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    done = subprocess.run([go_tool("grpcurl"), "-cacert", authority.file, f"localhost:{server.port}", "list"], text=True,
                          capture_output=True, timeout=WAIT_S, check=True)
    assert "grpc.health.v1.Health" in done.stdout


def test_other_machines_may_come_over_tls_alone(slipway, serve, wine, authority, tmp_path):
    environment = tmp_path / "environment.yaml"
    model = wine.folder / "model.onnx"

    def refused(settings, *words):
        environment.write_text(json.dumps(settings))
        done = slipway("serve", model, "--config", environment, *words, "--json", code=None)
        return done.returncode, json.loads(done.stdout or done.stderr)["error"]["id"]

    certificate, key = authority.issue("server", "/CN=localhost", "DNS:localhost,IP:127.0.0.1")
    tls = {"certificate": str(certificate), "key": str(key)}
    anywhere = ("--listen", "0.0.0.0:0", "--admin", "127.0.0.1:0")
    assert refused({}, *anywhere) == (3, "app.not_loopback")
    assert refused({"tls": tls}, "--port", "0", "--admin", "0.0.0.0:0") == (3, "app.not_loopback")
    assert refused({"tls": {"key": str(key)}}, *anywhere)[1] in ("app.tls", "app.not_loopback")
    assert refused({"tls": {"certificate": str(certificate)}}, *anywhere)[1] == "app.tls"
    assert refused({"tls": {**tls, "key": str(authority.key)}}, *anywhere)[1] == "tls.key"
    assert refused({"tls": {**tls, "certificate": str(key)}}, *anywhere)[1] == "tls.certificate"
    assert refused({"tls": {**tls, "require_client": True}}, *anywhere)[1] == "app.tls"
    environment.write_text(json.dumps({"tls": tls}))
    server = serve(model, "--config", environment, *anywhere)
    port = server.url.rsplit(":", 1)[1]
    answer = requests.get(f"https://127.0.0.1:{port}/v2/health/ready", verify=str(authority.file), timeout=WAIT_S)
    assert answer.status_code == 200


def own_address():
    """An address of this machine that is not loopback, or None. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return probe.getsockname()[0]


def test_one_client_cannot_take_all_connections(serve, wine, authority, tmp_path):
    address = own_address()
    if address is None or address.startswith("127."):
        pytest.skip("this machine has loopback alone")
    certificate, key = authority.issue("server", "/CN=localhost", "DNS:localhost")
    environment = tmp_path / "environment.yaml"
    environment.write_text(json.dumps({"limits": {"connections_per_client": 3},
                                       "tls": {"certificate": str(certificate), "key": str(key)}}))
    server = serve(wine.folder / "model.onnx", "--config", environment, "--listen", "0.0.0.0:0", "--admin", "127.0.0.1:0")
    port = int(server.url.rsplit(":", 1)[1])
    context = ssl.create_default_context(cafile=authority.file)

    def come(host):
        return context.wrap_socket(socket.create_connection((host, port), WAIT_S), server_hostname="localhost")

    held = [come(address) for _ in range(3)]
    with pytest.raises((ssl.SSLError, ConnectionError)):
        come(address)
    for connection in held:
        assert ask(connection).startswith(b"HTTP/1.1 200")
    with come("127.0.0.1") as other:
        assert ask(other).startswith(b"HTTP/1.1 200")
    held.pop().close()
    end = time.monotonic() + WAIT_S
    while True:
        try:
            with come(address) as again:
                assert ask(again).startswith(b"HTTP/1.1 200")
                break
        except (ssl.SSLError, ConnectionError):
            assert time.monotonic() < end
            time.sleep(0.05)
    for connection in held:
        connection.close()
