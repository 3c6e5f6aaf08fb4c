"""h2spec, a conformance suite for HTTP/2 of RFC 7540 and 7541, against a running server.

What it wants and the server does not do is in KNOWN, each with its reason; anything else is a failure."""

import subprocess
import xml.etree.ElementTree

from conftest import go_tool

KNOWN = {
    # The port speaks HTTP/1.1, too: what is no preface of HTTP/2 gets "400 Bad Request" and then the end.
    ("http2/3.5", "Sends invalid connection preface"),
    # RFC 9113, section 5.1, which replaces RFC 7540: frames on a closed stream "MAY" be an error. They are ignored. In
    # the last two cases it depends on time whether the answer has closed the stream.
    ("http2/5.1", "closed: Sends a DATA frame after sending RST_STREAM frame"),
    ("http2/5.1", "closed: Sends a DATA frame"),
    ("http2/5.1", "half closed (remote): Sends a DATA frame"),
    ("http2/6.1", 'Sends a DATA frame on the stream that is not in "open" or "half-closed (local)" state'),
    # RFC 9113, section 5.3.2: priorities are deprecated, and a server may ignore them.
    ("http2/5.3.1", "Sends PRIORITY frame that depend on itself"),
}


def failures(server, report, *options):
    host, port = server.address.split(":")
    subprocess.run([go_tool("h2spec"), "-h", host, "-p", port, "-P", "/v2/health/ready", "-o", "4", "-j", report, *options],
                   capture_output=True, timeout=240, check=False)
    tests = xml.etree.ElementTree.parse(report).getroot().iter("testcase")
    return {(test.get("package"), test.get("classname")) for test in tests
            if test.find("failure") is not None or test.find("error") is not None}


def test_the_server_speaks_http2_as_h2spec_wants(serve, wine, tmp_path):
    server = serve(wine.folder / "model.onnx")
    assert failures(server, tmp_path / "report.xml", "--strict") <= KNOWN
