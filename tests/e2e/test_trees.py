"""Tree models in the files of the libraries that train them: served answers are the libraries' own.

$SLIPWAY_TREES_SEED sets the first seed, which is printed otherwise; $SLIPWAY_TREES_MODELS the number of random models.
"""

import json
import os
import time

import numpy as np
import pytest
import tree_models
import tritonclient.http

SEED = int(os.environ.get("SLIPWAY_TREES_SEED", time.time_ns() % 2**31))
MODELS = int(os.environ.get("SLIPWAY_TREES_MODELS", "200"))
MAKERS = [tree_models.xgboost_case, tree_models.lightgbm_case, tree_models.catboost_case]


def ask(client, name, rows):
    """The outputs of a served model, by name, for rows of its own datatype."""
    [given] = client.get_model_metadata(name)["inputs"]
    datatype = {"FP32": np.float32, "FP64": np.float64}[given["datatype"]]
    tensor = tritonclient.http.InferInput("features", list(rows.shape), given["datatype"])
    tensor.set_data_from_numpy(np.ascontiguousarray(rows, datatype))
    answer = client.infer(name, [tensor])
    return {output["name"]: answer.as_numpy(output["name"]) for output in answer.get_response()["outputs"]}


def nearly_even(probabilities):
    """Which rows have two classes at the top that differ in the last digits only."""
    top = np.sort(probabilities, axis=1)
    return np.isclose(top[:, -2], top[:, -1], rtol=2e-6 if probabilities.dtype == np.float32 else 1e-12, atol=0)


def differences(case, answers):
    """What is not as the library answers, as lines of text."""
    found = []
    for name, expected in case.expected.items():
        got = answers[name].reshape(expected.shape)
        if np.issubdtype(expected.dtype, np.floating):
            # What is left to 1 has the rounding of 1, however small it is.
            atol = 2 * np.finfo(expected.dtype).eps if name == "probabilities" else 0
            same = np.isclose(got, expected, rtol=2e-6 if expected.dtype == np.float32 else 1e-12, atol=atol, equal_nan=True)
        else:
            same = got == expected
            if case.judged:
                same |= nearly_even(case.expected["probabilities"])
        for row in np.flatnonzero(~same.reshape(len(case.rows), -1).all(axis=1))[:2]:
            found.append(f"{case.what}: row {row} {case.rows[row].tolist()}: {name} {got[row]} instead of {expected[row]}")
    return found


def test_random_models_answer_as_their_libraries_do(serve, tmp_path):
    print(f"seed {SEED}, {MODELS} models")
    cases = {}
    for number in range(MODELS):
        folder = tmp_path / f"models/m{number}/1"
        folder.mkdir(parents=True)
        cases[f"m{number}"] = MAKERS[number % len(MAKERS)](SEED + number, folder)
    server = serve(tmp_path / "models", "--isolation", "inline", "--instances", "1")
    client = tritonclient.http.InferenceServerClient(server.address, network_timeout=60)
    faults = []
    for number, (name, case) in enumerate(cases.items()):
        faults += [f"seed {SEED + number}: {line}" for line in differences(case, ask(client, name, case.rows))]
        one_by_one = [ask(client, name, case.rows[row:row + 1]) for row in range(3)]
        for output in case.expected:
            alone = np.concatenate([answers[output] for answers in one_by_one])
            np.testing.assert_array_equal(alone, ask(client, name, case.rows[:3])[output], case.what)
    assert not faults, "\n".join(faults[:20])


@pytest.fixture
def churn(tmp_path):
    """A model folder as a person has it: a classifier that XGBoost saved, and a sample with the names of its columns."""
    return tree_models.churn_folder(tmp_path / "churn")


def test_a_saved_model_is_packed_predicted_served_and_replayed(slipway, serve, churn):
    slipway("init", churn.folder)
    slipway("pack", churn.folder)
    expected = churn.model.predict_proba(churn.rows)
    answers = slipway.json("predict", "churn", churn.folder / "sample.csv")
    assert [answer["label"] for answer in answers] == expected.argmax(axis=1).tolist()
    np.testing.assert_allclose([answer["scores"]["1"] for answer in answers], expected[:, 1], rtol=1e-6)
    assert "run by trees" in slipway("pack", churn.folder).stdout
    for isolation in ("worker", "inline"):
        server = serve("churn", "--isolation", isolation)
        assert slipway.json("predict", server.url, churn.folder / "sample.csv") == answers
        assert " equal" in slipway("golden", "churn", "--against", server.url).stdout


def test_a_bare_file_is_served(slipway, serve, churn):
    server = serve(churn.file)
    record = {"features": churn.rows[0].tolist()}
    [answer] = slipway.json("predict", churn.file, json.dumps(record))
    assert answer["probabilities"] == pytest.approx(churn.model.predict_proba(churn.rows[:1])[0].tolist(), rel=1e-6)
    assert slipway.json("predict", server.url, json.dumps(record)) == [answer]


@pytest.mark.parametrize(("change", "says"), [
    (lambda tree: tree["left_children"].__setitem__(0, 0), "below itself"),
    (lambda tree: tree["split_indices"].__setitem__(0, 99), "feature 99"),
    (lambda tree: tree["split_conditions"].__setitem__(0, float("nan")), "JSON"),
    (lambda tree: tree["split_conditions"].pop(), "split_conditions"),
    (lambda tree: tree["tree_param"].__setitem__("num_nodes", "999999999999"), "at most")])
def test_a_damaged_file_is_refused_by_name_and_leaves_nothing(slipway, churn, change, says):
    model = json.loads(churn.file.read_text())
    change(model["learner"]["gradient_booster"]["model"]["trees"][0])
    churn.file.write_text(json.dumps(model))
    for verb in (("pack", churn.folder, "--name", "bad"), ("predict", churn.file, "{}"), ("serve", churn.file)):
        done = slipway(*verb, code=1)
        assert says in done.stderr and "model.json" in done.stderr, done.stderr
    assert not list(slipway.home.rglob("sha256/*"))
