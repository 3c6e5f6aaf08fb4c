"""Random models of the libraries that train trees, with rows to ask them about and the libraries' own answers."""

import dataclasses
import pathlib
import types

import numpy as np
import xgboost


@dataclasses.dataclass
class Case:
    """A model in a file, rows for it, and what its library answers: output name -> values."""

    what: str
    file: pathlib.Path
    rows: np.ndarray
    expected: dict
    exact: bool = True  # False: up to rounding of the last digits


def training_rows(rng, count, features, missing):
    """Features of several kinds: normal, few distinct values, whole numbers, and constants; some are missing."""
    kinds = [lambda: rng.normal(size=count), lambda: rng.choice([-1.5, 0.0, 0.25, 3.0], count),
             lambda: rng.integers(-5, 50, count), lambda: np.full(count, rng.normal()),
             lambda: rng.normal(size=count) * 10.0**rng.integers(-6, 7)]
    rows = np.stack([rng.choice(kinds)() for _ in range(features)], axis=1).astype(np.float32)
    if missing:
        rows[rng.random(rows.shape) < missing] = np.nan
    return rows


def question_rows(rng, rows, thresholds, count, categories=()):
    """Rows to ask about: from training, from elsewhere, missing, enormous, and exactly at thresholds or just beside."""
    features = rows.shape[1]
    asked = rows[rng.integers(0, len(rows), count)].astype(np.float64)
    edges = np.array([0.0, -0.0, np.nan, 1e30, -1e30, 1e-40, -1e-36, 1.0, -1.0])
    for row in asked:
        for feature in range(features):
            if feature in categories:
                if rng.random() < 0.3:
                    row[feature] = rng.choice([np.nan, 0, 1, 7, 31, 32, 33, 500])
                continue
            roll = rng.random()
            if roll < 0.15:
                row[feature] = rng.choice(edges)
            elif roll < 0.6 and len(thresholds.get(feature, ())):
                at = np.float32(rng.choice(thresholds[feature]))
                row[feature] = rng.choice([at, np.nextafter(at, np.float32(np.inf)),
                                           np.nextafter(at, np.float32(-np.inf))])
    return asked


XGBOOST_OBJECTIVES = {
    "reg:squarederror": "number", "reg:squaredlogerror": "positive", "reg:logistic": "class2",
    "reg:pseudohubererror": "number", "reg:absoluteerror": "number", "reg:quantileerror": "number",
    "reg:gamma": "positive", "reg:tweedie": "positive", "count:poisson": "positive", "survival:cox": "positive",
    "survival:aft": "positive", "binary:logistic": "class2", "binary:logitraw": "class2", "binary:hinge": "class2",
    "multi:softprob": "classes", "multi:softmax": "classes", "rank:ndcg": "rank", "rank:pairwise": "rank"}


def target(rng, rows, kind, classes):
    score = np.nan_to_num(rows[:, 0]) / (1 + np.abs(np.nan_to_num(rows[:, 0]))) + rng.normal(size=len(rows)) * 0.3
    if kind == "positive":
        return np.exp(score)
    if kind == "number":
        return score * 10.0**rng.integers(-2, 4)
    if kind == "rank":
        return rng.integers(0, 4, len(rows))
    groups = 2 if kind == "class2" else classes
    label = np.digitize(score, np.quantile(score, np.linspace(0, 1, groups + 1)[1:-1]))
    label[:groups] = np.arange(groups)  # each at least once
    return label


def xgboost_case(seed, folder):
    rng = np.random.default_rng(seed)
    count, features, classes = int(rng.integers(40, 400)), int(rng.integers(1, 12)), int(rng.integers(2, 7))
    rows = training_rows(rng, count, features, rng.choice([0, 0.2]))
    objective = str(rng.choice(list(XGBOOST_OBJECTIVES)))
    kind = XGBOOST_OBJECTIVES[objective]
    label = target(rng, rows, kind, classes)
    types, categories = None, []
    if rng.random() < 0.3:
        categories = [f for f in range(features) if rng.random() < 0.5]
        for feature in categories:
            rows[:, feature] = rng.integers(0, rng.choice([3, 40]), count)
        types = ["c" if f in categories else "float" for f in range(features)]
    options = {"objective": objective, "max_depth": int(rng.integers(1, 9)), "seed": seed, "nthread": 1,
               "tree_method": str(rng.choice(["hist", "exact"] if not categories else ["hist"])),
               "eta": float(rng.choice([0.1, 0.5, 1.0])), "num_parallel_tree": int(rng.choice([1, 1, 2])),
               "subsample": float(rng.choice([0.6, 1])), "max_cat_to_onehot": int(rng.choice([1, 5]))}
    if rng.random() < 0.3:
        options["grow_policy"], options["max_leaves"], options["tree_method"] = "lossguide", 12, "hist"
    if rng.random() < 0.3 and kind not in ("positive", "rank") and "quantile" not in objective:
        options["base_score"] = 0.3
    if kind == "classes":
        options["num_class"] = classes
    if objective == "reg:quantileerror":
        options["quantile_alpha"] = np.array([0.1, 0.5, 0.8][:int(rng.integers(1, 4))])
    if rng.random() < 0.25:
        options.update(booster="dart", rate_drop=0.5)
    if kind == "number" and objective == "reg:squarederror" and rng.random() < 0.5:
        label = np.stack([label, -label, rows[:, 0] * 0 + 1], axis=1)
        label[np.isnan(label)] = 0
    data = xgboost.DMatrix(rows, label, feature_types=types, enable_categorical=True)
    if objective == "survival:aft":
        data.set_float_info("label_lower_bound", label)
        data.set_float_info("label_upper_bound", label)
    if kind == "rank":
        data.set_group([count])
    model = xgboost.train(options, data, int(rng.integers(1, 30)))
    best = None
    if rng.random() < 0.2:
        best = int(rng.integers(0, model.num_boosted_rounds()))
        model.set_attr(best_iteration=str(best))
    file = folder / f"model.{rng.choice(XGBOOST_ENDINGS)}"
    model.save_model(file)

    thresholds = {}
    table = model.trees_to_dataframe()
    for feature, split in zip(table["Feature"], table["Split"]):
        if feature != "Leaf" and split == split:
            thresholds.setdefault(int(feature[1:]), []).append(split)
    asked = question_rows(rng, rows, thresholds, 40, categories).astype(np.float32)
    rounds = (0, best + 1) if best is not None else (0, 0)
    question = xgboost.DMatrix(asked, feature_types=types, enable_categorical=True)
    answer = model.predict(question, iteration_range=rounds)
    if objective == "binary:logistic":
        expected = {"label": (answer > 0.5).astype(int), "probabilities": np.stack([1 - answer, answer], axis=1)}
    elif kind == "classes":
        margins = model.predict(question, output_margin=True, iteration_range=rounds)
        expected = {"label": margins.argmax(axis=1)}
        if objective == "multi:softprob":
            expected["probabilities"] = answer
    else:
        expected = {"prediction": answer}
    what = f"xgboost {file.name} {objective} {options.get('booster', 'gbtree')} categories={categories} best={best}"
    return Case(what, file, asked, expected)


def churn_folder(folder):
    """A folder with model.json and sample.csv; also the trained classifier and the sample's rows."""
    folder.mkdir()
    rng = np.random.default_rng(5)
    rows = training_rows(rng, 300, 4, 0)
    model = xgboost.XGBClassifier(n_estimators=20, max_depth=4, n_jobs=1).fit(rows, target(rng, rows, "class2", 2))
    model.save_model(folder / "model.json")
    sample = "age,income,visits,balance\n" + "".join(",".join(map(str, row)) + "\n" for row in rows[:20].tolist())
    (folder / "sample.csv").write_text(sample)
    return types.SimpleNamespace(folder=folder, file=folder / "model.json", model=model, rows=rows[:20])


XGBOOST_ENDINGS = ["json", "ubj"]
