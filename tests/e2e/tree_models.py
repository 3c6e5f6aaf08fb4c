"""Random models of the libraries that train trees, with rows to ask them about and the libraries' own answers."""

import dataclasses
import json
import pathlib
import types

import catboost
import lightgbm
import numpy as np
import xgboost


@dataclasses.dataclass
class Case:
    """A model in a file, rows for it, and what its library answers: output name -> values."""

    what: str
    file: pathlib.Path
    rows: np.ndarray
    expected: dict
    judged: bool = False  # the label is chosen by the probabilities, whose last digit the library may round otherwise


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
        if objective == "multi:softprob":
            expected = {"label": answer.argmax(axis=1), "probabilities": answer}
        else:
            expected = {"label": answer.astype(int)}
    else:
        expected = {"prediction": answer}
    what = f"xgboost {file.name} {objective} {options.get('booster', 'gbtree')} categories={categories} best={best}"
    return Case(what, file, asked, expected, judged=objective in ("binary:logistic", "multi:softprob"))


LIGHTGBM_OBJECTIVES = {
    "regression": "number", "regression_l1": "number", "huber": "number", "fair": "number", "quantile": "number",
    "mape": "number", "poisson": "positive", "gamma": "positive", "tweedie": "positive", "binary": "class2",
    "multiclass": "classes", "multiclassova": "classes", "cross_entropy": "class2", "cross_entropy_lambda": "class2",
    "lambdarank": "rank", "rank_xendcg": "rank"}


def lightgbm_case(seed, folder):
    rng = np.random.default_rng(seed)
    count, features, classes = int(rng.integers(60, 400)), int(rng.integers(1, 12)), int(rng.integers(2, 7))
    rows = training_rows(rng, count, features, rng.choice([0, 0.2])).astype(np.float64)
    rows += rng.choice([0, 1e-3]) * rng.normal(size=rows.shape)  # what float32 does not hold
    objective = str(rng.choice(list(LIGHTGBM_OBJECTIVES)))
    kind = LIGHTGBM_OBJECTIVES[objective]
    label = target(rng, rows, kind, classes)
    categories = []
    if rng.random() < 0.3:
        categories = [f for f in range(features) if rng.random() < 0.5]
        for feature in categories:
            rows[:, feature] = rng.integers(0, rng.choice([3, 70]), count)
    options = {"objective": objective, "num_leaves": int(rng.choice([2, 7, 31, 80])), "min_data_in_leaf": 2, "verbose": -1,
               "num_threads": 1, "seed": seed, "zero_as_missing": bool(rng.random() < 0.2), "max_cat_to_onehot": 1,
               "use_missing": bool(rng.random() < 0.85), "boosting": str(rng.choice(["gbdt", "gbdt", "dart", "rf"])),
               "sigmoid": float(rng.choice([1, 0.7])), "min_data_per_group": 2, "reg_sqrt": bool(rng.random() < 0.2),
               "boost_from_average": bool(rng.random() < 0.7), "learning_rate": float(rng.choice([0.1, 0.6]))}
    if options["boosting"] == "rf":
        options.update(bagging_freq=1, bagging_fraction=0.6)
    if kind == "classes":
        options["num_class"] = classes
    data = lightgbm.Dataset(rows, label, categorical_feature=categories or "auto", free_raw_data=False,
                            group=[count] if kind == "rank" else None)
    model = lightgbm.train(options, data, int(rng.integers(1, 30)))
    file = folder / "model.txt"
    model.save_model(file)

    thresholds = {}
    for tree in model.dump_model()["tree_info"]:
        waiting = [tree["tree_structure"]]
        while waiting:
            node = waiting.pop()
            if "split_feature" in node:
                waiting += [node["left_child"], node["right_child"]]
                if node["decision_type"] == "<=":
                    thresholds.setdefault(node["split_feature"], []).append(node["threshold"])
    asked = question_rows(rng, rows, thresholds, 40, categories)
    for row in asked:  # exactly at a threshold of 64 bits, or just beside
        for feature, splits in thresholds.items():
            if rng.random() < 0.2:
                at = rng.choice(splits)
                row[feature] = rng.choice([at, np.nextafter(at, np.inf), np.nextafter(at, -np.inf)])
    answer = model.predict(asked)
    if objective == "binary":
        expected = {"label": (answer > 0.5).astype(int), "probabilities": np.stack([1 - answer, answer], axis=1)}
    elif kind == "classes":
        expected = {"label": answer.argmax(axis=1), "probabilities": answer}
    else:
        expected = {"prediction": answer}
    what = f"lightgbm {objective} {options} categories={categories}"
    return Case(what, file, asked, expected, judged="label" in expected)


CATBOOST_LOSSES = {
    "RMSE": "number", "MAE": "number", "Quantile": "number", "MAPE": "positive", "Huber:delta=1": "number",
    "Expectile:alpha=0.3": "number", "Lq:q=3": "number", "Poisson": "positive", "Tweedie:variance_power=1.5": "positive",
    "MultiRMSE": "several", "MultiQuantile:alpha=0.2,0.7": "number", "Logloss": "class2", "CrossEntropy": "class2",
    "MultiClass": "classes", "MultiClassOneVsAll": "classes", "YetiRank": "rank", "QueryRMSE": "rank"}


def catboost_case(seed, folder):
    rng = np.random.default_rng(seed)
    count, features, classes = int(rng.integers(40, 400)), int(rng.integers(1, 12)), int(rng.integers(3, 7))
    missing = rng.choice([0, 0.2])
    rows = np.append(training_rows(rng, count, features, missing), rng.normal(size=(count, 1)), axis=1).astype(np.float32)
    loss = str(rng.choice(list(CATBOOST_LOSSES)))
    kind = CATBOOST_LOSSES[loss]
    label = target(rng, rows, "number" if kind == "several" else kind, classes)
    if kind == "several":
        label = np.stack([label, -label], axis=1)
    texts = kind in ("class2", "classes") and loss != "CrossEntropy" and rng.random() < 0.4
    if texts:
        label = np.array([f"class \u00e4{value}" for value in label])
    options = {"loss_function": loss, "iterations": int(rng.integers(1, 30)), "depth": int(rng.integers(1, 8)),
               "thread_count": 1, "verbose": 0, "random_seed": seed, "allow_writing_files": False,
               "nan_mode": str(rng.choice(["Min", "Max"])), "learning_rate": 0.3,
               "grow_policy": str(rng.choice(["SymmetricTree", "SymmetricTree", "Depthwise", "Lossguide"]))}
    if loss in ("YetiRank", "MultiRMSE", "MultiQuantile:alpha=0.2,0.7", "MultiClassOneVsAll") or kind == "rank":
        options["grow_policy"] = "SymmetricTree"
    groups = np.sort(rng.integers(0, 5, count)) if kind == "rank" else None
    model = catboost.CatBoost(options)
    model.fit(catboost.Pool(rows, label, group_id=groups))
    file = folder / "model.json"
    model.save_model(file, format="json")

    thresholds = {feature["feature_index"]: feature["borders"]
                  for feature in json.loads(file.read_text())["features_info"]["float_features"] if feature.get("borders")}
    asked = question_rows(rng, rows, thresholds, 40).astype(np.float32)
    if not missing:
        asked[np.isnan(asked)] = 0.5
    if kind in ("class2", "classes"):
        probabilities = model.predict(asked, prediction_type="Probability", thread_count=1)
        labels = model.predict(asked, prediction_type="Class", thread_count=1).reshape(-1)
        labels = np.array([str(label).encode() for label in labels]) if texts else labels.astype(int)
        expected = {"label": labels, "probabilities": probabilities}
    else:
        form = "Exponent" if loss.startswith(("Poisson", "Tweedie")) else "RawFormulaVal"
        expected = {"prediction": model.predict(asked, prediction_type=form, thread_count=1)}
    return Case(f"catboost {options} missing={missing}", file, asked, expected)


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
