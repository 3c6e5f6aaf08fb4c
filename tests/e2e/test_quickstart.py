"""The quickstart's six steps, with the program of this build."""

import os
import subprocess

import conftest


def test_quickstart_does_its_six_steps(tmp_path):
    env = {**os.environ, "SLIPWAY_BINARY": str(conftest.find_program()), "SLIPWAY_QUICKSTART": str(tmp_path)}
    done = subprocess.run([conftest.ROOT / "quickstart"], env=env, text=True, stdin=subprocess.DEVNULL, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    for step in range(1, 7):
        assert f"{step}/6" in done.stdout
    assert done.stdout.count('"cultivar":"barolo"') + done.stdout.count('"cultivar": "barolo"') >= 1, done.stdout
