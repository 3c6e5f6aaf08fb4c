"""A request that workers died of is refused, also after the server was killed and started again, until its time is over."""

import json
import signal

import pytest
from test_python_models import ECHO, ask
from test_workers import metric, wait_until

CRASH = 1001
DIED, REFUSED = 503, 400


@pytest.fixture
def start(serve, tmp_path):
    """start() starts the server with the same model and the same state."""
    (tmp_path / "model.py").write_text(ECHO)
    deployment = {"package": str(tmp_path / "model.py"), "instances": 1, "worker": {"python": "/usr/bin/python3"}}
    environment = tmp_path / "environment.yaml"
    environment.write_text(json.dumps({"deployments": {"m": deployment}, "state": str(tmp_path / "state"),
                                       "log": {"file": str(tmp_path / "log")}}))
    return lambda: serve(environment)


def deaths(server):
    return metric(server, "slipway_worker_deaths_total", model="m")


def test_a_request_that_killed_twice_is_refused_after_a_restart_and_later_forgotten(start, tmp_path):
    server = start()
    # While a new worker is awaited, a request may be refused without being run.
    wait_until(lambda: ask(server, CRASH, 0).status_code == REFUSED)
    assert deaths(server) == 2
    server.stop(signal.SIGKILL)

    server = start()
    refused = ask(server, CRASH, 0)
    assert refused.status_code == REFUSED and "died of this very request" in refused.text
    assert ask(server, 1, 2).status_code == 200
    assert deaths(server) == 0
    server.stop(signal.SIGKILL)

    kept = tmp_path / "state/poison.json"
    state = json.loads(kept.read_text())
    assert [request["deaths"] for request in state["requests"]] == [2]
    state["requests"][0]["until_ms"] = 1_600_000_000_000  # long ago
    kept.write_text(json.dumps(state))
    server = start()
    assert ask(server, CRASH, 0).status_code == DIED
    assert deaths(server) == 1


def test_one_death_before_the_server_is_killed_and_one_after_it_are_two(start):
    server = start()
    assert ask(server, CRASH, 3).status_code == DIED
    server.stop(signal.SIGKILL)
    server = start()
    assert ask(server, CRASH, 3).status_code == DIED
    wait_until(lambda: ask(server, CRASH, 3).status_code == REFUSED)
    assert deaths(server) == 1


def test_a_damaged_list_is_told_and_not_taken_for_empty(start, slipway, tmp_path):
    server = start()
    server.stop()
    (tmp_path / "state/poison.json").write_text('{"format": 1}')
    told = slipway("serve", tmp_path / "environment.yaml", "--port", "0", "--admin", "127.0.0.1:0", code=None)
    assert told.returncode != 0 and "poison.json cannot be read" in told.stderr
