"""What every verb has in common: help, exit codes, errors for people and for machines; version and doctor."""

import json
import subprocess

import onnxruntime
import pytest

VERBS = ["init", "pack", "inspect", "list", "verify", "unpack", "remove", "copy", "serve", "predict", "golden", "bench",
         "check", "doctor", "completion"]


def test_version_says_build_commit_and_runtimes(slipway):
    version = slipway.json("--version")
    [runtime] = [runtime for runtime in version["runtimes"] if runtime["name"] == "onnxruntime"]
    assert (runtime["version"], runtime["problem"]) == (onnxruntime.__version__, "")
    text = slipway("--version").stdout
    for part in (version["version"], version["commit"], version["build"], runtime["version"]):
        assert part in text


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_helps_with_examples(slipway, verb):
    said = slipway(verb, "--help").stdout
    assert "Examples:" in said and f"slipway {verb}" in said
    assert f"  {verb} " in slipway("--help").stdout


def test_doctor_finds_the_runtime_and_a_home_that_can_be_written(slipway):
    findings = {finding["what"]: finding for finding in slipway.json("doctor")["findings"]}
    assert findings["onnxruntime"]["verdict"] == "ok"
    assert str(slipway.home) in findings["home"]["detail"]
    assert findings["trees"]["detail"] == "version 1, built in"
    slipway.env["SLIPWAY_HOME"] = "/proc/nowhere"
    done = slipway("doctor", "--json", code=1)
    findings = {finding["what"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert findings["home"]["verdict"] == "broken" and "SLIPWAY_HOME" in findings["home"]["fix"]


def test_words_that_do_not_fit_are_usage_errors_with_the_nearest_that_do(slipway):
    for words, fix in (
            (["pakc"], "did you mean: slipway pack"), (["predict", "--otput", "csv"], "did you mean --output?"),
            (["predict", "wine", "{}", "--output", "xml"], "jsonl"), (["inspect"], "slipway inspect --help"),
            (["bench", "http://x", "-c", "many"], "slipway bench --help"), (["serve", "--port"], "slipway serve --help"),
            (["list", "extra"], "slipway list --help"), (["completion", "fish"], "zsh"), ([], "Usage:")):
        assert fix in slipway(*words, code=2).stderr, words


def test_errors_are_json_for_machines_and_sentences_for_people(slipway, tmp_path):
    (tmp_path / "bad.yaml").write_text("lops: 1\n")
    for code, words in ((1, ("inspect", "nobody")), (2, ("inspect",)), (2, ("insect",)), (3, ("check", tmp_path / "bad.yaml"))):
        done = slipway(*words, "--json", code=code)
        error = json.loads(done.stderr)["error"]
        assert done.stdout == ""
        assert error["code"] and error["id"] and error["message"], error
        for fault in error["faults"]:
            assert set(fault) == {"where", "message", "fix"}
        said = slipway(*words, code=code).stderr
        assert said.startswith("slipway: ") and "{" not in said


def test_quiet_says_only_results(slipway, wine):
    assert slipway("pack", wine.folder).stderr.startswith("next:")
    done = slipway("pack", wine.folder, "--quiet")
    assert done.stdout.startswith("wine:1.0.0") and done.stderr == ""


def test_a_result_that_cannot_be_written_is_a_failure(slipway):
    with open("/dev/full", "w") as full:
        for words in (["--version"], ["check", "--schema", "model"], ["completion", "bash"]):
            done = subprocess.run([slipway.program, *words], env=slipway.env, stdout=full, stderr=subprocess.PIPE)
            assert done.returncode == 1, words


def test_a_reader_that_leaves_early_ends_the_program_quietly(slipway):
    done = subprocess.run(f"'{slipway.program}' check --schema model | head -1", shell=True, env=slipway.env, text=True,
                          capture_output=True)
    assert (done.stdout, done.stderr) == ("{\n", "")
