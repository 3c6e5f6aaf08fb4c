"""Models that are Python code, served by `slipway serve` in workers of their own."""

import json
import os
import pathlib
import signal
import sys
import textwrap

import pytest
import requests
from processes import children
from test_workers import facts, metric, wait_until

ECHO = """\
# slipway: python
import os, socket, subprocess, sys, time
from slipway_worker import Spec, Tensor

inputs = [Spec("x", "FP32", [-1, 2])]
outputs = [Spec("y", "FP32", [-1, 2])]


def attempt(what):
    try:
        what()
        return 0
    except OSError as error:
        return error.errno


def run(tensors):
    import array
    x = array.array("f", bytes(tensors[0].data))
    deed = int(x[0]) if len(x) else 0
    if deed == 1001:
        os._exit(7)
    if deed == 1002:
        while True:
            pass
    if deed == 1003:
        return [Tensor("FP32", [5, 2], tensors[0].data)]
    if deed == 1004:
        raise ValueError("refused on demand")
    if deed == 1005:
        print("a model's own words")
    attempts = {2001: lambda: open("/etc/passwd"), 2002: lambda: open("/tmp/written", "w"), 2003: lambda: socket.socket(),
                2004: lambda: subprocess.run(["/bin/true"]), 2005: lambda: os.fork(), 2006: lambda: os.kill(os.getppid(), 0),
                2007: lambda: os.execv("/bin/true", ["true"])}
    if deed in attempts:
        x[1] = attempt(attempts[deed])
        return [Tensor("FP32", tensors[0].shape, memoryview(x.tobytes()))]
    return tensors
"""


def python_workers(server):
    """The processes that the server started and that became Python."""
    return [pid for pid, words in children(server).items() if "slipway_worker" in words]


@pytest.fixture
def served(serve, tmp_path):
    """served(SOURCE, SETTINGS...) serves the source as the model "m"."""

    def start(source=ECHO, **worker):
        (tmp_path / "model.py").write_text(textwrap.dedent(source))
        deployment = {"package": str(tmp_path / "model.py"), "instances": 1, "worker": {"python": "/usr/bin/python3", **worker}}
        (tmp_path / "environment.yaml").write_text(json.dumps({"deployments": {"m": deployment}, "log": {"file": str(tmp_path / "log")}}))
        return serve(tmp_path / "environment.yaml")

    return start


def ask(server, *row, name="x"):
    shape = [len(row) // 2, 2]
    return requests.post(f"{server.url}/v2/models/m/infer", timeout=60,
                         json={"inputs": [{"name": name, "datatype": "FP32", "shape": shape, "data": list(row)}]})


def given(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["outputs"][0]["data"]


def test_python_code_answers(served):
    server = served()
    assert given(ask(server, 1, 2, 3, 4)) == [1, 2, 3, 4]
    assert given(ask(server, 1005, 2)) == [1005, 2] and "own words" not in server.output, "it prints where nothing is parsed"
    assert requests.get(f"{server.url}/v2/models/m", timeout=10).json()["platform"] == "python"


def test_a_crash_is_one_requests_and_the_worker_is_replaced(served):
    server = served()
    (before,) = python_workers(server)
    crashed = ask(server, 1001, 0)
    assert crashed.status_code == 503 and "exit code 7" in crashed.text
    assert given(ask(server, 1, 2)) == [1, 2]
    os.kill(python_workers(server)[0], signal.SIGKILL)
    wait_until(lambda: metric(server, "slipway_worker_starts_total", model="m") == 3)
    assert given(ask(server, 1, 2)) == [1, 2] and before not in python_workers(server)
    assert metric(server, "slipway_worker_deaths_total", model="m", kind="exit") == 1
    assert metric(server, "slipway_worker_deaths_total", model="m", kind="signal") == 1


def test_a_hang_is_ended(served):
    server = served(watchdog="100ms")
    hung = ask(server, 1002, 0)
    assert hung.status_code == 503 and "took more than" in hung.text
    assert metric(server, "slipway_worker_deaths_total", model="m", kind="watchdog") == 1
    assert given(ask(server, 1, 2)) == [1, 2]


def test_a_wrong_answer_and_an_exception_are_errors_of_the_model(served):
    server = served()
    wrong, raised = ask(server, 1003, 0), ask(server, 1004, 0)
    assert wrong.status_code == 500 and "declares" in wrong.text
    assert raised.status_code == 500 and "refused on demand" in raised.text
    assert given(ask(server, 1, 2)) == [1, 2] and metric(server, "slipway_worker_deaths_total", model="m") == 0


@pytest.mark.parametrize("deed", [2001, 2002, 2003, 2004, 2005, 2006, 2007])
def test_code_is_kept_from_what_it_does_not_need(served, deed):
    server = served()
    (pid,) = python_workers(server)
    assert (facts(pid)["NoNewPrivs"], facts(pid)["Seccomp"]) == ("1", "2")
    assert given(ask(server, deed, -1))[1] in (1, 13), "EPERM or EACCES"


def test_limits_hold_for_python_too(served):
    server = served(niceness=7, memory="256MiB")
    (pid,) = python_workers(server)
    assert pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[16] == "7"
    assert "Max data size             939524096" in pathlib.Path(f"/proc/{pid}/limits").read_text()


def test_numpy_comes_from_a_virtual_environment(served):
    server = served("""\
        # slipway: python
        import numpy
        from slipway_worker import Spec, Tensor

        class Scaled:
            inputs, outputs = [Spec("x", "FP32", [-1, 2])], [Spec("y", "FP32", [-1, 2])]
            labels = ["good", "bad"]

            def run(self, tensors):
                return [Tensor.of(tensors[0].array() * numpy.float32(3))]

        def load(files):
            assert files.main in files.names
            return Scaled()
    """, python=sys.executable)
    assert given(ask(server, 1, 2, 3, 4)) == [3, 6, 9, 12]


@pytest.mark.parametrize("source,worker,said", [
    (ECHO, {"python": ""}, "names an interpreter"),
    (ECHO, {"python": "/nonexistent/python3"}, "no Python interpreter"),
    (ECHO, {"group": "small"}, "one model"),
    ("# slipway: python\nraise ValueError('not today')\n", {}, "not today"),
    ("# slipway: python\ninputs = []\n", {}, "has no outputs"),
    ("# slipway: python\n)\n", {}, "unmatched"),
])
def test_what_cannot_be_served_says_why(slipway, tmp_path, source, worker, said):
    (tmp_path / "model.py").write_text(source)
    deployment = {"package": str(tmp_path / "model.py"), "worker": {"python": "/usr/bin/python3", **worker}}
    (tmp_path / "environment.yaml").write_text(json.dumps({"deployments": {"m": deployment}}))
    assert said in slipway("serve", tmp_path / "environment.yaml", "--port", "0", "--admin", "127.0.0.1:0", code=None).stderr


def test_no_code_runs_in_the_server(slipway, tmp_path):
    (tmp_path / "model.py").write_text(ECHO)
    failed = slipway("serve", tmp_path / "model.py", "--isolation", "inline", "--port", "0", "--admin", "127.0.0.1:0", code=None)
    assert "in a worker alone" in failed.stderr
