"""The program's own client verbs over https: with this server, and with TLS by Python and by openssl."""

import json
import socket
import ssl
import subprocess
import threading

import pytest
from test_tls import WAIT_S, Authority, openssl

PROTOCOLS = [("predict",), ("v2",), ("v2-binary",), ("predict", "--http2"), ("v2", "--http2"), ("grpc",), ("grpc-stream",)]


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def packed(slipway, wine):
    slipway("pack", wine.folder)
    return "wine:1.0.0"


@pytest.fixture
def serve_tls(serve, tmp_path, authority, packed):
    """serve_tls(more settings, issuer=...) -> a server with a certificate for localhost and 127.0.0.1."""
    def start(names="DNS:localhost,IP:127.0.0.1", issuer=authority, **more):
        certificate, key = issuer.issue("server", "/CN=localhost", names)
        environment = tmp_path / "environment.yaml"
        environment.write_text(json.dumps({"tls": {"certificate": str(certificate), "key": str(key), **more}}))
        return serve(packed, "--config", environment)

    return start


@pytest.fixture
def client(authority):
    """The words that show a certificate of a client."""
    certificate, key = authority.issue("client", "/CN=client", "DNS:client.example")
    return "--cert", certificate, "--key", key


class TlsFront:
    """TLS by Python's ssl, which hands the bytes on to a server that speaks none."""

    def __init__(self, server, context):
        self.host, port = server.address.split(":")
        self.port = int(port)
        self.context = context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self.listener.getsockname()[1]}"
        self.chosen = set()
        threading.Thread(target=self.take, daemon=True).start()

    def take(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(raw,), daemon=True).start()

    def serve(self, raw):
        try:
            outer = self.context.wrap_socket(raw, server_side=True)
        except (ssl.SSLError, OSError):
            raw.close()
            return
        self.chosen.add(outer.selected_alpn_protocol())
        inner = socket.create_connection((self.host, self.port))
        threading.Thread(target=self.pump, args=(inner, outer), daemon=True).start()
        self.pump(outer, inner)

    @staticmethod
    def pump(source, sink):
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
        except (OSError, ValueError):
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def test_every_verb_asks_a_server_over_https(slipway, serve_tls, authority, client, wine):
    server = serve_tls(client_ca=str(authority.file), require_client=True)
    trust = ("--ca", authority.file, *client)
    address = server.url.replace("127.0.0.1", "localhost")
    for url in (f"{address}/predict/wine", f"{server.url}/predict/wine"):
        lines = slipway("predict", url, wine.folder / "sample.csv", *trust).stdout.splitlines()
        assert [json.loads(line)["cultivar"] for line in lines] == [one["label"] for one in wine.expected]
    assert slipway.json("golden", "wine:1.0.0", "--against", address, *trust)["equal"] is True
    for words in PROTOCOLS:
        report = slipway.json("bench", f"{address}/predict/wine", "-c", "4", "-d", "200ms", "--protocol", *words, *trust)
        assert report["failures"] == 0 and report["requests_total"] > 0, (words, report)
    report = slipway.json("bench", f"{address}/predict/wine", "-c", "4", "-d", "200ms", "--rate", "200", *trust)
    assert report["failures"] == 0 and report["requests_total"] > 0, report


def test_tls_of_python_is_spoken(slipway, serve, packed, wine, authority):
    certificate, key = authority.issue("front", "/CN=front", "DNS:localhost")
    plain = serve(packed)
    for most in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.maximum_version = most
        context.set_alpn_protocols(["h2", "http/1.1"])
        front = TlsFront(plain, context)
        trust = ("--ca", authority.file)
        lines = slipway("predict", f"{front.url}/predict/wine", wine.folder / "sample.csv", *trust).stdout.splitlines()
        assert len(lines) == len(wine.expected)
        for words in PROTOCOLS:
            report = slipway.json("bench", f"{front.url}/predict/wine", "-c", "4", "-d", "200ms", "--protocol", *words, *trust)
            assert report["failures"] == 0 and report["requests_total"] > 0, (words, report)
        assert front.chosen == {"h2", "http/1.1"}
        # Without ALPN there is HTTP/1.1 alone.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        old = TlsFront(plain, context)
        slipway("predict", f"{old.url}/predict/wine", wine.folder / "sample.csv", *trust)
        body = authority.folder / "body.json"
        body.write_text("{}")
        done = slipway("bench", f"{old.url}/any", "--body", body, "--protocol", "http", "--http2", *trust, code=1)
        assert "does not speak HTTP/2 over TLS" in done.stderr


def test_a_server_that_is_not_to_be_trusted_is_named_with_the_fix(slipway, serve_tls, authority, tmp_path, wine):
    sample = wine.folder / "sample.csv"

    def refused(server, *words, host="localhost"):
        url = server.url.replace("127.0.0.1", host)
        for verb in (("predict", f"{url}/predict/wine", sample), ("golden", "wine:1.0.0", "--against", url),
                     ("bench", f"{url}/predict/wine", "-d", "100ms")):
            done = slipway(*verb, *words, "--json", code=None)
            assert done.returncode != 0, done.stdout
            error = json.loads(done.stderr)["error"]
            assert error["message"].startswith(f"{host}:"), error
        return error["id"], error["message"], done.returncode

    server = serve_tls()
    identity, message, code = refused(server)
    assert (identity, code) == ("tls.server_unknown", 3) and "CN=authority" in message and "--ca FILE" in message
    stranger = Authority(tmp_path, "stranger")
    assert refused(server, "--ca", stranger.file)[0] == "tls.server_unknown"
    named = serve_tls(names="DNS:models.example,IP:192.0.2.7")
    identity, message, code = refused(named, "--ca", authority.file)
    assert (identity, code) == ("tls.server_name", 3) and "for models.example and 192.0.2.7, not for localhost" in message
    plain = ("predict", server.url.replace("https:", "http:") + "/predict/wine", sample)
    assert "use https://" in slipway(*plain, code=1).stderr
    assert "--ca, --cert and --key are for https" in slipway(*plain, "--ca", authority.file, code=1).stderr


def test_a_certificate_that_has_expired(slipway, authority, wine, tmp_path):
    ask, extension, made = (tmp_path / f"old.{end}" for end in ("csr", "ext", "pem"))
    _, key = authority.issue("server", "/CN=localhost", "DNS:localhost")
    openssl("req", "-new", "-key", key, "-subj", "/CN=localhost", "-out", ask)
    extension.write_text("subjectAltName=DNS:localhost\n")
    openssl("x509", "-req", "-in", ask, "-CA", authority.file, "-CAkey", authority.key, "-CAcreateserial", "-days", "-1",
            "-extfile", extension, "-out", made)
    port = free_port()
    with subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", made, "-key", key, "-quiet"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as old:
        try:
            wait_open(port)
            done = slipway("predict", f"https://localhost:{port}/predict/wine", wine.folder / "sample.csv", "--ca",
                           authority.file, code=3)
        finally:
            old.kill()
    assert "expired on" in done.stderr and "renew it" in done.stderr


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def wait_open(port):
    for _ in range(WAIT_S * 20):
        try:
            socket.create_connection(("127.0.0.1", port), WAIT_S).close()
            return
        except OSError:
            threading.Event().wait(0.05)
    raise AssertionError(f"nothing listens on {port}")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_server_that_wants_a_certificate_says_so(slipway, serve_tls, authority, client, wine, tmp_path, version):
    certificate, key = authority.issue("peer", "/CN=localhost", "DNS:localhost")
    stranger = Authority(tmp_path, "stranger")
    strange_certificate, strange_key = stranger.issue("strange", "/CN=strange", "DNS:strange")
    server = serve_tls(client_ca=str(authority.file), require_client=True)
    port = free_port()
    words = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", certificate, "-key", key, "-CAfile", authority.file,
             "-Verify", "1", "-verify_return_error", "-www", "-quiet", version]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as peer:
        try:
            wait_open(port)
            for url in (f"https://localhost:{port}/predict/wine", server.url.replace("127.0.0.1", "localhost") + "/predict/wine"):
                ask = ("predict", url, wine.folder / "sample.csv", "--ca", authority.file)
                error = json.loads(slipway(*ask, "--json", code=1).stderr)["error"]
                assert error["id"] == "tls.client_certificate_wanted" and "--cert FILE" in error["message"], error
                error = json.loads(slipway(*ask, "--cert", strange_certificate, "--key", strange_key, "--json", code=3).stderr)["error"]
                assert error["id"] == "tls.client_certificate_refused", error
                body = tmp_path / "body.json"
                body.write_text("{}")
                done = slipway("bench", url, "--body", body, "--protocol", "http", "-d", "100ms", "--ca", authority.file, code=1)
                assert "--cert FILE" in done.stderr
            # openssl's page is no answer of a model, and came over TLS with the certificate.
            done = slipway("predict", f"https://localhost:{port}/predict/wine", wine.folder / "sample.csv", "--ca", authority.file,
                           *client, code=1)
            assert "tls." not in done.stderr and "certificate from its clients" not in done.stderr
        finally:
            peer.kill()
