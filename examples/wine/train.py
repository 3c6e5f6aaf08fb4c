#!/usr/bin/env python3
"""Trains the wine classifier and writes model.onnx, sample.csv and expected.json beside this file.

    "$(scripts/test-venv)/bin/python" examples/wine/train.py

The data are the 178 wines of the UCI Wine data set (Aeberhard and Forina, CC BY 4.0), which scikit-learn carries. 142
wines train the model; the other 36 are the sample. expected.json holds scikit-learn's own answers for the sample.
"""

import csv
import json
import pathlib

import numpy as np
import skl2onnx
import sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_wine
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import train_test_split

HERE = pathlib.Path(__file__).parent
COLUMNS = [
    "alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids",
    "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280_od315_of_diluted_wines", "proline",
]
CULTIVARS = ["barolo", "grignolino", "barbera"]  # classes 1, 2 and 3 of the data set


def main():
    data, target = load_wine(return_X_y=True)
    train_x, sample_x, train_y, sample_y = train_test_split(
        data.astype(np.float32), target, test_size=36, random_state=0, stratify=target)
    model = GradientBoostingClassifier(n_estimators=40, max_depth=3, learning_rate=0.1, random_state=0)
    model.fit(train_x, train_y)

    graph = skl2onnx.to_onnx(model, initial_types=[("input", FloatTensorType([None, len(COLUMNS)]))], name="wine")
    (HERE / "model.onnx").write_bytes(graph.SerializeToString())

    with open(HERE / "sample.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([[str(value) for value in row] for row in sample_x])

    labels = model.predict(sample_x)
    scores = model.predict_proba(sample_x)
    expected = {
        "made_by": f"scikit-learn {sklearn.__version__}",
        "accuracy": float(np.mean(labels == sample_y)),
        "predictions": [
            {"label": CULTIVARS[label], "score": float(row.max()), "scores": dict(zip(CULTIVARS, map(float, row)))}
            for label, row in zip(labels, scores)
        ],
    }
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    print(f"accuracy on the sample: {expected['accuracy']:.3f}")


if __name__ == "__main__":
    main()
