"""predict, golden and bench: the same answers from a package, a model file and a server. The truth is scikit-learn's."""

import csv
import io
import json

import numpy as np
import onnx_models
import onnxruntime
import pytest
import requests

SCORE_TOLERANCE = 1e-5  # scikit-learn computes in float64, the ONNX model in float32


def check(predictions, expected):
    assert [p["cultivar"] for p in predictions] == [e["label"] for e in expected]
    for prediction, truth in zip(predictions, expected, strict=True):
        assert float(prediction["score"]) == pytest.approx(truth["score"], abs=SCORE_TOLERANCE)


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def packed(slipway, wine):
    slipway("pack", wine.folder)


@pytest.fixture
def forms(wine, tmp_path):
    """The sample in each form that predict reads: name -> file."""
    files = {name: tmp_path / f"records.{name}" for name in ("csv", "json", "jsonl", "other.csv", "tsv.txt")}
    files["csv"].write_bytes((wine.folder / "sample.csv").read_bytes())
    files["json"].write_text(json.dumps(wine.records))
    files["jsonl"].write_text("".join(json.dumps(record) + "\n" for record in wine.records))
    with files["other.csv"].open("w", newline="") as file:  # other order of columns, quotes and CRLF
        writer = csv.DictWriter(file, list(reversed(wine.columns)), quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(wine.records)
    files["tsv.txt"].write_bytes(files["csv"].read_bytes())  # by content, not by its name
    return files


def test_predict_reads_each_form_from_a_package(slipway, packed, wine, forms):
    for name, file in forms.items():
        check(lines(slipway("predict", "wine:1.0.0", file).stdout), wine.expected), name


def test_predict_reads_standard_input_and_the_command_line(slipway, packed, wine, forms):
    for name in ("csv", "json", "jsonl"):
        check(lines(slipway("predict", "wine", "-", input=forms[name].read_text()).stdout), wine.expected)
    check(lines(slipway("predict", "wine", json.dumps(wine.records[0])).stdout), wine.expected[:1])
    check(lines(slipway("predict", "wine", json.dumps(wine.records[:3])).stdout), wine.expected[:3])


def test_predict_writes_each_form(slipway, packed, wine, forms):
    check(json.loads(slipway("predict", "wine", forms["csv"], "--output", "json").stdout), wine.expected)
    check(slipway.json("predict", "wine", forms["csv"]), wine.expected)
    rows = csv.DictReader(io.StringIO(slipway("predict", "wine", forms["csv"], "--output", "csv").stdout))
    check(list(rows), wine.expected)


def test_predict_asks_a_server_with_the_same_words(slipway, packed, serve, wine, forms):
    server = serve("wine:1.0.0")
    here = slipway("predict", "wine", forms["csv"]).stdout
    for address in (f"{server.url}/predict/wine", f"{server.url}/predict/wine/versions/1.0.0", server.url):
        assert slipway("predict", address, forms["csv"]).stdout == here, address
    assert slipway("predict", server.url, forms["jsonl"], "--name", "wine", "--output", "csv").stdout.startswith(
        "cultivar,score\n")
    check(lines(here), wine.expected)


def test_predict_of_a_bare_model_takes_its_input_names(slipway, wine):
    session = onnxruntime.InferenceSession(wine.folder / "model.onnx")
    labels, _ = session.run(None, {"input": np.array(wine.rows, np.float32)})
    answers = slipway.json("predict", wine.folder / "model.onnx", json.dumps([{"input": row} for row in wine.rows]))
    assert [answer["output_label"] for answer in answers] == labels.tolist()


def test_predict_tells_every_fault_by_the_file_s_own_lines(slipway, packed, serve, wine, tmp_path):
    text = (wine.folder / "sample.csv").read_text().splitlines()
    text[2] = text[2].replace("13.28", "much")
    text[5] = ",".join(text[5].split(",")[:-1]) + ",many"
    bad = tmp_path / "bad.csv"
    bad.write_text("\n".join(text) + "\n")
    server = serve("wine:1.0.0")
    for target in ("wine", f"{server.url}/predict/wine"):
        done = slipway("predict", target, bad, code=1)
        for part in ("much", "alcohol", "line 3", "many", "proline", "line 6"):
            assert part in done.stderr, (target, done.stderr)
        assert done.stdout == ""


@pytest.mark.parametrize("records", ["", "[]", "{", '{"alcohol": NaN}', "[1]", '{"alcohol": 1, "alcohol": 2}', "\ufeff",
                                     "a,a\n1,2\n", "alcohol\n", '{"records": []}'])
def test_predict_refuses_what_is_no_record(slipway, packed, records):
    done = slipway("predict", "wine", "-", "--json", input=records, code=1)
    assert json.loads(done.stderr)["error"]["message"]


def test_predict_says_what_it_cannot_find(slipway, packed, serve, tmp_path):
    for target, records, says in (
            ("nobody", "{}", "nobody"), ("wine:9", "{}", "there are 1.0.0"), ("wine", tmp_path / "none.csv", "none.csv"),
            (tmp_path / "none.onnx", "{}", "none.onnx"), ("http://127.0.0.1:1/predict/wine", "{}", "127.0.0.1:1")):
        assert says in slipway("predict", target, records, code=1).stderr
    server = serve("wine:1.0.0")
    assert "nobody" in slipway("predict", f"{server.url}/predict/nobody", "{}", code=1).stderr
    assert "/predict/NAME" in slipway("predict", f"{server.url}/v2/models/wine", "{}", code=1).stderr


def test_golden_answers_are_equal_here_in_a_copy_and_on_a_server(slipway, packed, serve, tmp_path):
    count = slipway.json("inspect", "wine")["package"]["golden"]["count"]
    slipway("copy", "wine", tmp_path / "shelf")
    server = serve(f"{tmp_path}/shelf/wine:1.0.0")
    for against in ((), ("--against", f"{tmp_path}/shelf/wine:1.0.0"), ("--against", server.url),
                    ("--against", f"{server.url}/predict/wine")):
        report = tmp_path / "report.json"
        done = slipway("golden", "wine:1.0.0", *against, "--report", report)
        assert f"{count} of {count} golden answers equal" in done.stdout
        read = json.loads(report.read_text())
        assert (read["equal"], read["cases"]) == (True, count), read
        report.unlink()


def test_golden_goes_by_tensors_where_there_is_no_function(slipway, serve, tmp_path):
    model = onnx_models.times(tmp_path / "times.onnx", 3)
    slipway("pack", model)
    server = serve(model)
    assert "golden answers equal" in slipway("golden", "times", "--against", server.url).stdout
    assert "golden answers equal" in slipway("golden", "times", "--against", model).stdout


def test_golden_finds_another_model_under_the_same_name(slipway, serve, tmp_path):
    slipway("pack", onnx_models.times(tmp_path / "a/times.onnx", 3))
    other = onnx_models.times(tmp_path / "b/times.onnx", 3.001)
    server = serve(other)
    for target in (server.url, other):
        done = slipway("golden", "times", "--against", target, "--report", tmp_path / "report.json", code=3)
        report = json.loads((tmp_path / "report.json").read_text())
        assert (report["equal"], report["different"]) == (False, report["cases"]), report
        assert f"0 of {report['cases']} golden answers equal" in done.stdout
        assert {deviation["golden"] for deviation in report["deviations"]} <= set(range(report["cases"] + 1))
        assert all(deviation["where"] and deviation["what"] for deviation in report["deviations"])
        (tmp_path / "report.json").unlink()
    rounding = onnx_models.times(tmp_path / "c/times.onnx", 3.0000005)  # within the tolerance for FP32
    assert "identical" in slipway("golden", "times", "--against", rounding).stdout


def test_golden_against_nobody_is_a_failure_not_a_verdict(slipway, packed, tmp_path):
    slipway("golden", "wine", "--against", "http://127.0.0.1:1", "--report", tmp_path / "r.json", code=1)
    assert not (tmp_path / "r.json").exists()


def test_bench_counts_answers_and_times(slipway, packed, serve, wine, tmp_path):
    server = serve("wine:1.0.0")
    words = ("--duration", "200ms", "--warm-up", "50ms")
    report = slipway.json("bench", f"{server.url}/predict/wine", "-c", "2", *words)
    assert report["requests_total"] > 0 and report["failed_connections"] == 0
    assert report["by_status"] == {"200": report["requests_total"]}
    assert report["requests_per_second"] == pytest.approx(report["requests_total"] / report["seconds"], rel=0.01)
    latency = report["latency_us"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["p999"] <= latency["max"]
    assert "requests/s with 1 connection" in slipway("bench", f"{server.url}/predict/wine", *words).stdout
    slipway("bench", f"{server.url}/predict/wine", "--records", wine.folder / "sample.csv", *words)
    (tmp_path / "body.json").write_text(json.dumps(
        {"inputs": [{"name": "input", "datatype": "FP32", "shape": [1, 13], "data": wine.rows[0]}]}))
    slipway("bench", f"{server.url}/v2/models/wine/infer", "--body", tmp_path / "body.json", *words)
    page = requests.get(f"{server.admin}/metrics", timeout=10).text
    assert 'dialect="openinference"' in page and 'dialect="records"' in page


def test_bench_fails_where_answers_are_errors(slipway, packed, serve, tmp_path):
    server = serve("wine:1.0.0")
    (tmp_path / "body.json").write_text("{}")
    words = ("--duration", "100ms", "--warm-up", "0s")
    done = slipway("bench", f"{server.url}/predict/wine", "--body", tmp_path / "body.json", *words, code=1)
    assert "answers were 400" in done.stdout
    slipway("bench", f"{server.url}/predict/nobody", *words, code=1)
    assert "--body" in slipway("bench", f"{server.url}/v2/health/live", *words, code=1).stderr
    for wrong in (("--duration", "fast"), ("-c", "0"), ("--warm-up", "-1s")):
        slipway("bench", f"{server.url}/predict/wine", *wrong, code=1)
