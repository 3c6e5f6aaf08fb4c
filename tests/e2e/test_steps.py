"""Steps of a prediction function, learnt from a sample at pack, answer as scikit-learn's transformers and models do."""

import json
import math
import os
import time

import numpy as np
import onnx
import pandas as pd
import pytest
import requests
import yaml
from onnx import TensorProto, helper, numpy_helper
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (KBinsDiscretizer, MinMaxScaler, OneHotEncoder, OrdinalEncoder, RobustScaler,
                                   StandardScaler)

SEED = int(os.environ.get("SLIPWAY_STEPS_SEED", time.time_ns() % 2**31))
LABELS = ["barolo", "grignolino", "barbera"]


def linear(path, weights, bias):
    """logits = X @ weights + bias, X FP64 [batch, columns]."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["X", "w"], ["p"]), helper.make_node("Add", ["p", "b"], ["logits"])], "linear",
        [helper.make_tensor_value_info("X", TensorProto.DOUBLE, ["batch", weights.shape[0]])],
        [helper.make_tensor_value_info("logits", TensorProto.DOUBLE, ["batch", weights.shape[1]])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")])
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def record(row):
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in row.items()
            if not (isinstance(value, float) and math.isnan(value)) and value is not None}


def pack(slipway, folder, frame, function, **words):
    (folder / "sample.jsonl").write_text("".join(json.dumps(record(row)) + "\n" for row in frame.to_dict("records")))
    (folder / "slipway.yaml").write_text(json.dumps(
        {"name": "steps", "version": "1", "model": "model.onnx", "sample": "sample.jsonl", "function": function}))
    return slipway("pack", folder, **words)


def predict(slipway, frame, name="steps"):
    given = json.dumps([record(row) for row in frame.to_dict("records")])
    return [json.loads(line) for line in slipway("predict", name, "-", input=given).stdout.splitlines()]


@pytest.fixture
def wine_with_holes():
    """scikit-learn's wine, a fifth of one column left out, and a column of words."""
    random = np.random.default_rng(SEED)
    print("seed", SEED)
    data = load_wine(as_frame=True)
    frame = data.data.copy()
    frame.loc[random.random(len(frame)) < 0.2, "alcohol"] = np.nan
    frame["region"] = random.choice(["Asti", "Alba", "\u00c9tna"], len(frame))
    return frame, data.target


def scaler_case(by):
    return {"standard": StandardScaler(), "min_max": MinMaxScaler(), "robust": RobustScaler()}[by]


@pytest.mark.parametrize("by", ["standard", "min_max", "robust"])
@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent"])
def test_a_pipeline_becomes_a_package_and_a_served_answer(slipway, serve, tmp_path, wine_with_holes, by, strategy):
    frame, target = wine_with_holes
    numbers = [name for name in frame.columns if name != "region"]
    transform = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(strategy=strategy), scaler_case(by)), numbers),
        ("region", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["region"])])
    pipeline = make_pipeline(transform, LogisticRegression(max_iter=500)).fit(frame, target)
    linear(tmp_path / "model.onnx", pipeline[-1].coef_.T, pipeline[-1].intercept_)
    function = {
        "inputs": [{"name": name, **({"required": False} if name == "alcohol" else {})} for name in numbers]
        + [{"name": "region", "type": "string"}],
        "before": [{"impute": {"columns": ["alcohol"], "with": strategy}}, {"scale": {"columns": numbers, "by": by}},
                   {"one_hot": {"columns": ["region"]}}],
        "after": [{"softmax": {"columns": ["logits"], "as": ["probabilities"]}},
                  {"argmax": {"columns": ["logits"], "as": ["grape"]}},
                  {"top_k": {"columns": ["probabilities"], "k": 2, "as": ["best", "best_scores"]}},
                  {"take": {"columns": ["probabilities"], "positions": [2], "as": ["third"]}},
                  {"labels": {"columns": ["grape", "best"], "file": "labels.txt"}}, {"drop": {"columns": ["logits"]}}],
        "outputs": [{"name": "grape", "kind": "label", "output": "grape"},
                    {"name": "best", "output": "best"}, {"name": "third", "output": "third"},
                    {"name": "scores", "kind": "scores", "output": "probabilities", "labels": LABELS}]}
    (tmp_path / "labels.txt").write_text("\n".join(LABELS) + "\n")
    pack(slipway, tmp_path, frame, function)

    asked = frame.copy()
    asked.loc[0, "region"] = "Atlantis"  # no category of the sample
    answers = predict(slipway, asked)
    expected = pipeline.predict_proba(asked)
    found = np.array([[answer["scores"][label] for label in LABELS] for answer in answers])
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert [answer["grape"] for answer in answers] == [LABELS[number] for number in pipeline.predict(asked)]

    best = np.argsort(-expected, axis=1)[:, :2]
    assert [answer["best"] for answer in answers] == [[LABELS[number] for number in row] for row in best]
    assert [answer["third"] for answer in answers] == [answer["scores"][LABELS[2]] for answer in answers]

    server = serve("steps")
    served = requests.post(f"{server.url}/predict/steps",
                           json={"records": [record(row) for row in asked.to_dict("records")]}, timeout=60)
    assert served.json()["predictions"] == answers
    slipway("golden", "steps")


def test_rare_categories_and_flags_are_those_of_scikit_learn(slipway, tmp_path):
    random = np.random.default_rng(SEED)
    print("seed", SEED)
    data = load_breast_cancer(as_frame=True).data.iloc[:, :2]
    frame = pd.DataFrame({"size": data.iloc[:, 0], "code": random.geometric(0.4, len(data)).astype(float),
                          "kind": random.choice(["a", "b", "c", "d"], len(data), p=[0.6, 0.35, 0.03, 0.02])})
    frame.loc[random.random(len(frame)) < 0.3, "size"] = np.nan
    encoder = OneHotEncoder(min_frequency=30, handle_unknown="infrequent_if_exist", sparse_output=False)
    expected = np.hstack([SimpleImputer(strategy="median", add_indicator=True).fit_transform(frame[["size"]]),
                          encoder.fit_transform(frame[["code", "kind"]])])
    width = expected.shape[1]
    linear(tmp_path / "model.onnx", np.eye(width), np.zeros(width))
    pack(slipway, tmp_path, frame, {
        "inputs": [{"name": "size", "required": False}, {"name": "code"}, {"name": "kind", "type": "string"}],
        "before": [{"impute": {"columns": ["size"], "with": "median", "flag": True}},
                   {"one_hot": {"columns": ["code", "kind"], "min_count": 30, "unknown": "rare"}},
                   {"feed": {"columns": ["size", "size_missing", "code", "kind"]}}]})
    found = np.array([answer["logits"] for answer in predict(slipway, frame)])
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_buckets_and_ordinals_are_those_of_scikit_learn(slipway, tmp_path):
    random = np.random.default_rng(SEED)
    print("seed", SEED)
    data = load_breast_cancer(as_frame=True).data.iloc[:, :2]
    frame = pd.DataFrame({"size": data.iloc[:, 0], "texture": data.iloc[:, 1], "code": random.integers(-3, 9, len(data)),
                          "kind": random.choice(["b", "a", "\u00e9"], len(data))})
    asked = frame.copy()
    asked.loc[:4, "kind"] = "unheard"
    asked.loc[5:9, "code"] = 77
    asked.loc[10:14, "size"] = [-1e9, 1e9, 0, 11.5, 20.25]
    quantiles = KBinsDiscretizer(6, encode="ordinal", strategy="quantile", quantile_method="linear").fit(frame[["size"]])
    uniform = KBinsDiscretizer(4, encode="ordinal", strategy="uniform").fit(frame[["texture"]])
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(frame[["code", "kind"]])
    expected = np.hstack([quantiles.transform(asked[["size"]]), uniform.transform(asked[["texture"]]),
                          ordinal.transform(asked[["code", "kind"]]),
                          np.log1p(asked[["texture"]]) / np.clip(asked[["size"]].to_numpy(), 10, 20)])
    linear(tmp_path / "model.onnx", np.eye(5), np.zeros(5))
    pack(slipway, tmp_path, frame, {
        "inputs": [{"name": "size"}, {"name": "texture"}, {"name": "code", "type": "integer"},
                   {"name": "kind", "type": "string"}],
        "before": [{"log": {"columns": ["texture"], "as": ["log"], "plus": 1}},
                   {"clip": {"columns": ["size"], "as": ["clipped"], "low": 10, "high": 20}},
                   {"combine": {"columns": ["log", "clipped"], "by": "divide", "as": ["ratio"]}},
                   {"drop": {"columns": ["log", "clipped"]}},
                   {"bucketise": {"columns": ["size"], "buckets": 6}},
                   {"bucketise": {"columns": ["texture"], "buckets": 4, "by": "uniform"}},
                   {"ordinal": {"columns": ["code", "kind"]}}]})
    found = np.array([answer["logits"] for answer in predict(slipway, asked)])
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_calibrations_are_those_of_scikit_learn(slipway, tmp_path):
    random = np.random.default_rng(SEED)
    print("seed", SEED)
    data = load_breast_cancer()
    scores = StandardScaler().fit_transform(data.data)[:, :1] * -2 + random.normal(0, 0.3, (len(data.data), 1))
    isotonic = IsotonicRegression(out_of_bounds="clip").fit(scores[:, 0], data.target)
    model = FrozenEstimator(LogisticRegression().fit(scores, data.target))
    platt = CalibratedClassifierCV(model, method="sigmoid").fit(scores, data.target)
    sigmoid = platt.calibrated_classifiers_[0].calibrators[0]
    decisions = model.decision_function(scores)
    x, y = isotonic.X_thresholds_.tolist(), isotonic.y_thresholds_.tolist()
    frame = pd.DataFrame({"score": scores[:, 0], "decision": decisions})
    split = [{"name": name, "output": name} for name in ("isotonic", "platt", "whole")]
    graph = helper.make_graph(
        [helper.make_node("Identity", [f"in_{name}"], [name]) for name in ("score", "decision")], "two",
        [helper.make_tensor_value_info(f"in_{name}", TensorProto.DOUBLE, ["n", 1]) for name in ("score", "decision")],
        [helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["n", 1]) for name in ("score", "decision")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "model.onnx")
    pack(slipway, tmp_path, frame, {
        "inputs": [{"name": "score", "input": "in_score"}, {"name": "decision", "input": "in_decision"}],
        "after": [{"calibrate": {"columns": ["score"], "as": ["isotonic"], "by": "isotonic", "x": x, "y": y}},
                  {"calibrate": {"columns": ["decision"], "as": ["platt"], "a": sigmoid.a_, "b": sigmoid.b_}},
                  {"unscale": {"columns": ["score"], "multiply": 3.5, "add": -1}},
                  {"round": {"columns": ["score"], "as": ["whole"], "digits": 2}}],
        "outputs": split})
    answers = predict(slipway, frame)
    np.testing.assert_allclose([a["isotonic"] for a in answers], isotonic.predict(scores[:, 0]), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose([a["platt"] for a in answers], platt.predict_proba(scores)[:, 1], rtol=1e-9)
    np.testing.assert_allclose([a["whole"] for a in answers], np.round(scores[:, 0] * 3.5 - 1, 2), rtol=1e-12)


def test_the_packed_model_is_sound_and_what_was_learnt_packs_again_without_a_sample(slipway, tmp_path, wine_with_holes):
    frame, _ = wine_with_holes
    frame = frame[["alcohol", "region"]]
    linear(tmp_path / "model.onnx", np.eye(4), np.zeros(4))
    pack(slipway, tmp_path, frame, {
        "inputs": [{"name": "alcohol", "required": False}, {"name": "region", "type": "string", "required": False}],
        "before": [{"impute": {"columns": ["alcohol"]}}, {"scale": {"columns": ["alcohol"]}},
                   {"one_hot": {"columns": ["region"]}}]})
    slipway("unpack", "steps", tmp_path / "out")
    onnx.checker.check_model(str(tmp_path / "out/model.onnx"), full_check=True)
    learnt = yaml.safe_load((tmp_path / "out/slipway/function.yaml").read_text())
    scale = learnt["before"][1]["scale"]
    filled = frame["alcohol"].fillna(frame["alcohol"].mean())
    assert scale["subtract"] == pytest.approx([filled.mean()], rel=1e-12)
    assert scale["divide"] == pytest.approx([filled.std(ddof=0)], rel=1e-12)
    first = predict(slipway, frame)
    (tmp_path / "slipway.yaml").write_text(json.dumps(
        {"name": "again", "version": "1", "model": "model.onnx", "function": learnt}))
    slipway("pack", tmp_path)
    assert predict(slipway, frame, "again") == first


def test_mistakes_are_told_at_once_with_their_lines(slipway, tmp_path):
    linear(tmp_path / "model.onnx", np.eye(2), np.zeros(2))
    (tmp_path / "sample.csv").write_text("a,city\n1,Rome\n2,Oslo\n")
    (tmp_path / "slipway.yaml").write_text("""name: steps
model: model.onnx
sample: sample.csv
function:
  inputs:
    - {name: a}
    - {name: city, type: string}
  before:
    - scale: {columns: [b]}
    - scale: {columns: [city]}
    - feed: {input: x, columns: [a]}
  after:
    - softmax: {columns: [logit]}
    - labels: {columns: [logits], labels: [x]}
""")
    said = slipway("pack", tmp_path, code=None)
    assert said.returncode != 0
    for line, word in [(9, 'no column "b"'), (10, '"city" holds text'), (11, '"x" is no input'),
                       (13, 'did you mean "logits"?'), (14, "class numbers are wanted")]:
        assert f"slipway.yaml:{line}:" in said.stderr and word in said.stderr, said.stderr
    (tmp_path / "slipway.yaml").write_text("""name: steps
model: model.onnx
function:
  inputs: [{name: a}]
  before:
    - scal: {columns: [a]}
    - impute: {columns: [a], with: midian}
    - {drop: {columns: [a]}, scale: {columns: [a]}}
""")
    said = slipway("pack", tmp_path, code=None)
    for line, word in [(6, 'did you mean "scale"?'), (7, "midian"), (8, "one step is wanted")]:
        assert f"slipway.yaml:{line}:" in said.stderr and word in said.stderr, said.stderr


def test_a_sample_that_contradicts_the_columns_is_refused_by_line(slipway, tmp_path):
    linear(tmp_path / "model.onnx", np.eye(1), np.zeros(1))
    (tmp_path / "sample.csv").write_text("a\n1\nhigh\n")
    (tmp_path / "slipway.yaml").write_text(
        "name: steps\nmodel: model.onnx\nsample: sample.csv\nfunction:\n  inputs: [{name: a}]\n"
        "  before:\n    - scale: {columns: [a]}\n")
    said = slipway("pack", tmp_path, code=None)
    assert said.returncode != 0
    assert "line 3, a" in said.stderr and "found \"high\", wanted a number" in said.stderr, said.stderr
