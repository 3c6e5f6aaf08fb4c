"""Models in processes of their own: what a death costs, and whom."""

import os
import pathlib
import re
import resource
import signal
import threading
import time

import pytest
import requests
from processes import children

ENVIRONMENT = """
deployments:
  victim: {package: "wine:1.0.0", isolation: worker, instances: 1}
  bystander: {package: "wine:1.0.0", isolation: worker, instances: 1}
"""


def workers(server):
    """The worker processes of a server, by the model that each says it serves."""
    return {words[2].split()[0]: pid for pid, words in children(server).items() if words[1:2] == ["worker"]}


def wait_until(holds, seconds=20):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def metric(server, name, **labels):
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    page = requests.get(f"{server.admin}/metrics", timeout=10).text
    return sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines()
               if line.startswith(name + "{") and all(label in line for label in wanted))


@pytest.fixture
def server(slipway, serve, wine, tmp_path):
    slipway("pack", wine.folder)
    (tmp_path / "environment.yaml").write_text(ENVIRONMENT)
    return serve(tmp_path / "environment.yaml")


class Client(threading.Thread):
    """Asks until it is told to stop. Every request must get an answer; keeps the codes, and the wrong ones."""

    def __init__(self, url, wine):
        super().__init__()
        self.url, self.records, self.expected = url, wine.records, wine.expected
        self.codes, self.wrong, self.failure = [], 0, None
        self.stopping = threading.Event()

    def run(self):
        try:
            with requests.Session() as session:
                while not self.stopping.is_set():
                    answer = session.post(self.url, json={"records": self.records}, timeout=30)
                    self.codes.append(answer.status_code)
                    if answer.status_code == 200:
                        labels = [prediction["cultivar"] for prediction in answer.json()["predictions"]]
                        self.wrong += labels != [truth["label"] for truth in self.expected]
        except Exception as error:  # told to the test's own thread
            self.failure = error


def test_a_killed_worker_costs_its_own_requests_and_nobody_elses(server, wine):
    victims = [Client(f"{server.url}/predict/victim", wine) for _ in range(4)]
    others = [Client(f"{server.url}/predict/bystander", wine) for _ in range(2)]
    for client in victims + others:
        client.start()
    kills = 5
    for kill in range(kills):
        before = sum(len(client.codes) for client in victims)
        wait_until(lambda: sum(len(client.codes) for client in victims) > before + 20)
        os.kill(workers(server)["victim"], signal.SIGKILL)
        wait_until(lambda: metric(server, "slipway_worker_starts_total", model="victim") == kill + 2)
    wait_until(lambda: requests.post(f"{server.url}/predict/victim", json={"records": wine.records}, timeout=30).ok)
    for client in victims + others:
        client.stopping.set()
    for client in victims + others:
        client.join()
        assert client.failure is None and client.wrong == 0, client.failure
    assert all(code == 200 for client in others for code in client.codes)
    codes = [code for client in victims for code in client.codes]
    assert set(codes) <= {200, 503} and codes.count(200) > codes.count(503), codes
    assert metric(server, "slipway_worker_deaths_total", model="victim", kind="signal") == kills
    assert metric(server, "slipway_worker_deaths_total", model="bystander") == 0


def test_unloading_ends_the_worker(server):
    before = workers(server)
    assert set(before) == {"victim", "bystander"}
    requests.post(f"{server.admin}/control/v1/models/victim/unload", timeout=10).raise_for_status()
    wait_until(lambda: set(workers(server)) == {"bystander"})
    requests.post(f"{server.admin}/control/v1/models/victim/load", timeout=10).raise_for_status()
    after = workers(server)
    assert after["bystander"] == before["bystander"] and after["victim"] != before["victim"]


def test_workers_end_with_their_server_however_it_ends(server):
    pids = workers(server).values()
    for pid in pids:  # what a terminal and a service manager send to everybody
        os.kill(pid, signal.SIGINT)
        os.kill(pid, signal.SIGTERM)
    assert set(workers(server).values()) == set(pids), "the server decides when they end"
    server.process.kill()
    server.process.wait()
    wait_until(lambda: not any(pathlib.Path(f"/proc/{pid}/fd").exists() for pid in pids))


def test_the_answers_are_the_same_in_a_worker(slipway, serve, wine):
    slipway("pack", wine.folder)
    for isolation in ("worker", "inline"):
        server = serve("wine:1.0.0", "--isolation", isolation)
        assert ("wine" in workers(server)) == (isolation == "worker")
        assert "20 of 20 golden answers equal: 20 identical" in slipway("golden", "wine:1.0.0", "--against", server.url).stdout


def facts(pid):
    """What the kernel says of a process."""
    return dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)


def test_a_worker_has_no_network_no_files_and_no_privileges(server):
    for pid in workers(server).values():
        for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
            kept = facts(thread.name)
            assert (kept["NoNewPrivs"], kept["Seccomp"]) == ("1", "2"), "a filter, on every thread"
        opened = [os.readlink(link) for link in pathlib.Path(f"/proc/{pid}/fd").iterdir()]
        assert not [name for name in opened if name.startswith("/") and not name.startswith(("/memfd:", "/dev/null", "/dev/pts"))
                    and name not in {os.readlink(f"/proc/{server.process.pid}/fd/2")}], opened


def test_a_worker_without_a_sandbox_is_warned_of(slipway, serve, wine, tmp_path):
    slipway("pack", wine.folder)
    (tmp_path / "environment.yaml").write_text(
        'deployments: {wine: {package: "wine:1.0.0", isolation: worker, worker: {sandbox: off}}}\nlog: {file: %s}\n' % (tmp_path / "log"))
    server = serve(tmp_path / "environment.yaml")
    assert facts(workers(server)["wine"])["Seccomp"] == "0"
    assert "no sandbox" in (tmp_path / "log").read_text()


def test_many_models_have_a_worker_each(slipway, serve, wine, tmp_path):
    slipway("pack", wine.folder)
    (tmp_path / "environment.yaml").write_text(
        "deployments:\n" + "".join(f'  wine{i}: {{package: "wine:1.0.0"}}\n' for i in range(20)))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, before[1]))  # as systems start programs: less than may be had
    try:
        server = serve(tmp_path / "environment.yaml")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert len(workers(server)) == 20
    for i in (0, 19):
        answer = requests.post(f"{server.url}/predict/wine{i}", json={"records": wine.records}, timeout=30)
        assert [row["cultivar"] for row in answer.json()["predictions"]] == [truth["label"] for truth in wine.expected]


def test_a_worker_is_kept_to_its_limits(slipway, serve, wine, tmp_path):
    slipway("pack", wine.folder)
    core = max(os.sched_getaffinity(0))
    (tmp_path / "environment.yaml").write_text("""
deployments:
  wine: {package: "wine:1.0.0", affinity: [%d], threads: 2, instances: 3, worker: {memory: 256MiB, niceness: 7}}
  other: {package: "wine:1.0.0", worker: {memory: 256MiB}}
log: {file: %s}
""" % (core, tmp_path / "log"))
    server = serve(tmp_path / "environment.yaml")
    pid = workers(server)["wine"]
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        assert facts(thread.name)["Cpus_allowed_list"] == str(core)
        assert (thread / "stat").read_text().rsplit(")", 1)[1].split()[16] == "7"

    def run_threads():
        return [name for thread in pathlib.Path(f"/proc/{pid}/task").iterdir() if (name := (thread / "comm").read_text()).startswith("run-")]

    wait_until(lambda: len(run_threads()) == 3)  # each names itself
    assert facts(workers(server)["other"])["Cpus_allowed_list"] != str(core) or len(os.sched_getaffinity(0)) == 1
    limits = (pathlib.Path(f"/proc/{pid}/limits")).read_text()
    assert re.search(rf"Max data size +{(256 + 128 + 512) << 20} ", limits), limits
    groups = re.search(r"^0::(.*)$", pathlib.Path(f"/proc/{pid}/cgroup").read_text(), re.MULTILINE)
    said = (tmp_path / "log").read_text().count("is not limited by the kernel's groups")
    assert said == (0 if groups and "slipway-worker-" in groups.group(1) else 1), "once, for both workers"


def test_small_models_share_a_worker(slipway, serve, wine, tmp_path):
    slipway("pack", wine.folder)
    (tmp_path / "environment.yaml").write_text(
        "deployments:\n" + "".join(f'  wine{i}: {{package: "wine:1.0.0", worker: {{group: small}}}}\n' for i in range(50))
        + '  alone: {package: "wine:1.0.0"}\n')
    server = serve(tmp_path / "environment.yaml")
    before = workers(server)
    assert set(before) == {"small", "alone"}

    def answers(name):
        answer = requests.post(f"{server.url}/predict/{name}", json={"records": wine.records}, timeout=30)
        return answer.ok and [row["cultivar"] for row in answer.json()["predictions"]] == [truth["label"] for truth in wine.expected]

    assert all(answers(f"wine{i}") for i in range(50))
    os.kill(before["small"], signal.SIGKILL)
    assert answers("alone") and all(answers(f"wine{i}") for i in (0, 25, 49)), "they wait for the next worker"
    after = workers(server)
    assert after["alone"] == before["alone"] and after["small"] != before["small"]
    assert metric(server, "slipway_worker_deaths_total", kind="signal") == 50, "each had a worker that died"
    assert metric(server, "slipway_worker_memory_bytes", group="small") > 0
    for i in range(50):
        requests.post(f"{server.admin}/control/v1/models/wine{i}/unload", timeout=10).raise_for_status()
        assert ("small" in workers(server)) or i == 49
    wait_until(lambda: set(workers(server)) == {"alone"})


def test_a_group_has_one_set_of_limits(slipway, serve, wine, tmp_path):
    slipway("pack", wine.folder)
    (tmp_path / "environment.yaml").write_text("""
deployments:
  usual: {package: "wine:1.0.0", worker: {group: small}}
  other: {package: "wine:1.0.0", worker: {group: small, niceness: 5}}
""")
    server = serve(tmp_path / "environment.yaml")
    assert len(workers(server)) == 1 and "other limits" in server.output + "".join(
        requests.get(f"{server.admin}/control/v1/models", timeout=10).text)
    (tmp_path / "environment.yaml").write_text('deployments: {usual: {package: "wine:1.0.0", worker: {group: "../small"}}}\n')
    assert "group" in slipway("serve", tmp_path / "environment.yaml", code=None).stderr


def test_a_worker_is_not_for_people(slipway):
    assert "started by slipway serve" in slipway("worker", code=1).stderr
    assert "worker" not in slipway("--help").stdout
