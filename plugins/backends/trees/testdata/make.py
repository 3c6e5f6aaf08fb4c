#!/usr/bin/env python3
"""Writes the models of this folder, and what their libraries answer, into expected.json.

Run it in the tests' Python environment: "$(scripts/test-venv)/bin/python" plugins/backends/trees/testdata/make.py
"""

import json
import pathlib

import catboost
import lightgbm
import numpy as np
import xgboost

HERE = pathlib.Path(__file__).parent
RNG = np.random.default_rng(7)
ROWS = RNG.normal(size=(60, 3)).astype(np.float32)
ROWS[:, 2] = RNG.integers(0, 5, 60)
ROWS[RNG.random(ROWS.shape) < 0.1] = np.nan
SCORE = np.nan_to_num(ROWS[:, 0]) + np.nan_to_num(ROWS[:, 2]) * 0.3 + RNG.normal(size=60) * 0.2
ASKED = ROWS[:12]
EXPECTED = {"rows": [[None if v != v else float(v) for v in row] for row in ASKED], "models": {}}


def keep(name, answer):
    EXPECTED["models"][name] = np.asarray(answer, np.float64).reshape(len(ASKED), -1).tolist()


def xgboost_models():
    options = {"max_depth": 3, "nthread": 1, "seed": 1}
    classes = np.digitize(SCORE, np.quantile(SCORE, [0.3, 0.6]))
    plans = {
        "xgboost_regression.json": ({"objective": "reg:squarederror"}, SCORE, None),
        "xgboost_binary.ubj": ({"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.5}, SCORE > 0.3, None),
        "xgboost_multiclass.json": ({"objective": "multi:softprob", "num_class": 3, "max_cat_to_onehot": 1}, classes,
                                    ["float", "float", "c"]),
    }
    for name, (more, label, types) in plans.items():
        data = xgboost.DMatrix(ROWS, label, feature_types=types, enable_categorical=True)
        model = xgboost.train({**options, **more}, data, 4)
        model.save_model(HERE / name)
        keep(name, model.predict(xgboost.DMatrix(ASKED, feature_types=types, enable_categorical=True)))


def lightgbm_models():
    options = {"num_leaves": 6, "min_data_in_leaf": 3, "verbose": -1, "num_threads": 1, "seed": 1, "min_data_per_group": 2}
    plans = {
        "lightgbm_regression.txt": ({"objective": "regression", "zero_as_missing": True}, SCORE, "auto"),
        "lightgbm_multiclass.txt": ({"objective": "multiclass", "num_class": 3, "max_cat_to_onehot": 1},
                                    np.digitize(SCORE, np.quantile(SCORE, [0.3, 0.6])), [2]),
        "lightgbm_forest.txt": ({"objective": "binary", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6},
                                SCORE > 0.3, "auto"),
    }
    for name, (more, label, categories) in plans.items():
        data = lightgbm.Dataset(ROWS.astype(np.float64), label, categorical_feature=categories)
        model = lightgbm.train({**options, **more}, data, 3)
        model.save_model(HERE / name)
        keep(name, model.predict(ASKED.astype(np.float64)))


def catboost_models():
    options = {"iterations": 4, "depth": 3, "thread_count": 1, "verbose": 0, "allow_writing_files": False}
    classes = np.array(["low", "mid", "high"])[np.digitize(SCORE, np.quantile(SCORE, [0.3, 0.6]))]
    plans = {
        "catboost_regression.json": ({"loss_function": "RMSE", "nan_mode": "Max"}, SCORE, "RawFormulaVal"),
        "catboost_multiclass.json": ({"loss_function": "MultiClass"}, classes, "Probability"),
        "catboost_nested.json": ({"loss_function": "Poisson", "grow_policy": "Lossguide"}, np.exp(SCORE), "Exponent"),
    }
    for name, (more, label, form) in plans.items():
        model = catboost.CatBoost({**options, **more})
        model.fit(catboost.Pool(ROWS, label))
        model.save_model(HERE / name, format="json")
        keep(name, model.predict(ASKED, prediction_type=form))


xgboost_models()
lightgbm_models()
catboost_models()
lines = [f'  "{name}": {json.dumps(answers)}' for name, answers in EXPECTED["models"].items()]
HERE.joinpath("expected.json").write_text(
    '{"rows": ' + json.dumps(EXPECTED["rows"]) + ',\n "models": {\n' + ",\n".join(lines) + "\n}}\n")
