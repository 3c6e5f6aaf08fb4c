"""check and its schemas: the program's verdict on settings files, beside the verdict of the jsonschema package."""

import json

import jsonschema
import pytest
import yaml

MODEL = """\
name: wine
version: 1.0.0
model: model.onnx
sample: sample.csv
shapes: {image: [1, 3, 224, 224]}
tolerances: {score: {relative: 1.0e-4, absolute: 1.0e-5}}
function:
  inputs:
    - {name: alcohol, input: x, description: in percent}
    - {name: hue, type: string, required: false}
    - {name: age, default: 3}
  outputs:
    - {name: cultivar, kind: label, output: label, labels: [barolo, grignolino], classes: [1, 2]}
"""
ENVIRONMENT = """\
listen: 127.0.0.1:0
admin: unix:/tmp/admin.sock
loops: 2
store: /srv/store
limits: {body: 8MiB, head: 16KiB, connections: 10, head_time: 5s, idle_time: 1.5m}
drain: {grace: 0s, deadline: 10s}
log: {level: warning, format: json, file: server.log, access: true}
deployments:
  wine: {package: "wine:1.0.0", instances: 2, threads: 1, affinity: [0, 1], queue: 64, run_in_place: 100us}
  beer: {package: beer}
"""
SOUND = {"model": [MODEL, "name: a\nmodel: m.onnx\n", "name: 7\nmodel: m.onnx\nversion: 1.0\n"],
         "environment": [ENVIRONMENT, "loops: 0\n", "limits:\n", "drain: {grace: 250 ms}\n",
                         "listen: [127.0.0.1:0, '[::1]:0', 'unix:/tmp/in.sock']\n"]}

# Each is one change of a sound file: what is written, what is written instead, and a part of what is said about it.
FAULTS = {
    "model": [
        ("name: wine", "naem: wine", 'did you mean "name"'), ("model: model.onnx\n", "", '"model" is missing'),
        ("224]", "wide]", "an integer is wanted"), ("kind: label", "kind: lable", 'did you mean "label"'),
        ("[barolo, grignolino]", "barolo", "a list is wanted"), ("relative: 1.0e-4", "relative: small", "a number is wanted"),
        ("required: false", "required: 7", "true or false is wanted"), ("type: string", "type: text", "type"),
    ],
    "environment": [
        ("listen:", "listn:", 'did you mean "listen"'), ("listen: 127.0.0.1:0", "listen: []", "1 to 64 are allowed"),
        ("listen: 127.0.0.1:0", "listen: {host: 127.0.0.1}", "an address such as"), ("loops: 2", "loops: many", "an integer is wanted"),
        ("8MiB", "8 parsecs", "unknown unit"), ("8MiB", "8", "no unit"), ("connections: 10", "connections: 0", "below 1"),
        ("level: warning", "level: warnin", 'did you mean "warning"'), ("head_time: 5s", "head_time: -5s", "head_time"),
        ("package: beer", "pakage: beer", '"package" is missing'), ("threads: 1", "threads: 9999", "threads"),
        ("affinity: [0, 1]", "affinity: all", "a list is wanted"), ("access: true", "access: maybe", "access"),
    ],
}
# What a schema cannot see, since YAML's reader or another rule decides it.
BEYOND_SCHEMA = {
    "model": [("sample: sample.csv", "name: again", "given twice"), ("model.onnx", "&a model.onnx", "anchor")],
    "environment": [("loops: 2", "loops: 2\nloops: 3", "given twice"), ("  beer:", "  a/b:", "is not a name"),
                    ("loops: 2", "loops: [2", "end of sequence"), ("run_in_place: 100us", "run_in_place: 1s", "run_in_place"),
                    ("loops: 2", "loops: 2\n---\nloops: 3", "")],
}


@pytest.fixture
def verdict(slipway, tmp_path):
    """verdict(KIND, TEXT, CODE): runs check, and gives its error as JSON, or what it says of a sound file."""

    def check(kind, text, code):
        file = tmp_path / "settings.yaml"
        file.write_text(text)
        done = slipway("check", file, "--kind", kind, "--json", code=code)
        return json.loads(done.stderr)["error"] if code else json.loads(done.stdout)

    return check


@pytest.fixture
def validator(slipway):
    def make(kind):
        schema = json.loads(slipway("check", "--schema", kind).stdout)
        jsonschema.Draft202012Validator.check_schema(schema)
        return jsonschema.Draft202012Validator(schema)

    return make


@pytest.mark.parametrize("kind", SOUND)
def test_sound_files_are_sound_for_both(kind, verdict, validator):
    for text in SOUND[kind]:
        assert verdict(kind, text, 0)["sound"] is True
        validator(kind).validate(yaml.safe_load(text))


@pytest.mark.parametrize("kind,old,new,says", [(kind, *row) for kind, rows in FAULTS.items() for row in rows])
def test_unsound_files_are_refused_by_both(kind, old, new, says, verdict, validator):
    text = SOUND[kind][0].replace(old, new, 1)
    assert text != SOUND[kind][0]
    error = verdict(kind, text, 3)
    assert error["id"] == "config.invalid"
    told = json.dumps(error["faults"], ensure_ascii=False).replace('\\"', '"')
    assert says in told, told
    line = 1 + next(i for i, (a, b) in enumerate(zip(text.splitlines(), SOUND[kind][0].splitlines())) if a != b)
    if new:
        assert f"settings.yaml:{line}:" in told, told
    assert not validator(kind).is_valid(yaml.safe_load(text))


@pytest.mark.parametrize("kind,old,new,says", [(kind, *row) for kind, rows in BEYOND_SCHEMA.items() for row in rows])
def test_what_no_schema_sees_is_refused_too(kind, old, new, says, verdict):
    error = verdict(kind, SOUND[kind][0].replace(old, new, 1), 3)
    assert says in json.dumps(error).replace('\\"', '"'), error


@pytest.mark.parametrize("kind", FAULTS)
def test_all_faults_are_told_at_once(kind, verdict):
    text, said = SOUND[kind][0], []
    for old, new, says in FAULTS[kind]:
        if new and old in text:
            text = text.replace(old, new, 1)
            said.append(says)
    faults = verdict(kind, text, 3)["faults"]
    assert len(faults) >= len(said) > 5
    told = json.dumps(faults).replace('\\"', '"')
    assert all(says in told for says in said), told


def test_check_takes_several_files_and_knows_them_by_name(slipway, wine, tmp_path):
    (tmp_path / "slipway.yaml").write_text(MODEL)
    (tmp_path / "bad.yaml").write_text("lops: 1\n")
    done = slipway("check", tmp_path / "slipway.yaml", tmp_path / "bad.yaml", wine.folder / "environment.yaml", code=3)
    assert done.stdout.count(": sound") == 2
    assert 'did you mean "loops"' in done.stderr
    assert "none.yaml" in slipway("check", tmp_path / "none.yaml", code=1).stderr
    slipway("check", code=1)


def test_a_file_that_is_not_sound_starts_nothing(slipway, wine, tmp_path):
    (tmp_path / "environment.yaml").write_text(ENVIRONMENT.replace("loops: 2", "loops: many").replace("8MiB", "8"))
    done = slipway("serve", wine.folder / "model.onnx", "--config", tmp_path / "environment.yaml", code=1)
    assert "an integer is wanted" in done.stderr and "no unit" in done.stderr
    assert done.stdout == ""
    (tmp_path / "slipway.yaml").write_text(MODEL.replace("kind: label", "kind: lable"))
    assert 'did you mean "label"' in slipway("pack", tmp_path, code=1).stderr


@pytest.mark.parametrize("text", [b"\xff\xfe", b"\x00", b"a: " + b"[" * 5000, b"a: &x [*x]\n", b"? {}\n: 1\n", b"- 1\n", b"7",
                                  b"a: !!python/object:os.system {}\n", b"%YAML 9\n---\na: 1\n",
                                  b"x: &a [" + b"1," * 99 + b"1]\ny: [*a, *a]\n"])
def test_files_that_are_no_settings_get_a_clear_no(slipway, tmp_path, text):
    (tmp_path / "x.yaml").write_bytes(text)
    for kind in ("environment", "model"):
        error = json.loads(slipway("check", tmp_path / "x.yaml", "--kind", kind, "--json", code=3).stderr)["error"]
        assert error["message"] and "x.yaml" in json.dumps(error)
