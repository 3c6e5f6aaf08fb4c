#!/usr/bin/env python3
"""Makes the models of the tests, and what ONNX Runtime's own Python interface answers on them (expected.txt).

    pip install onnx==1.19.1 onnxruntime==1.31.1 && make_models.py

The files are committed; run this only to change them.
"""

import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import helper as h

HERE = pathlib.Path(__file__).parent
ML = "ai.onnx.ml"


def model(name, nodes, inputs, outputs, initializers=(), opsets=(("", 13), (ML, 2)), **options):
    graph = h.make_graph(nodes, name, inputs, outputs, initializer=list(initializers))
    made = h.make_model(graph, opset_imports=[h.make_opsetid(d, v) for d, v in opsets],
                        producer_name="make_models.py", producer_version="1", **{"ir_version": 8, **options})
    return made


def save(made, file):
    (HERE / file).write_bytes(made.SerializeToString(deterministic=True))
    return made


def value(name, dtype, shape):
    return h.make_tensor_value_info(name, dtype, shape)


def floats(name, dims, values):
    return h.make_tensor(name, T.FLOAT, dims, values)


def identities():
    for name, dtype in [("bool", T.BOOL), ("uint8", T.UINT8), ("uint16", T.UINT16), ("uint32", T.UINT32),
                        ("uint64", T.UINT64), ("int8", T.INT8), ("int16", T.INT16), ("int32", T.INT32),
                        ("int64", T.INT64), ("fp16", T.FLOAT16), ("bf16", T.BFLOAT16), ("fp32", T.FLOAT),
                        ("fp64", T.DOUBLE), ("bytes", T.STRING)]:
        save(model("identity", [h.make_node("Identity", ["x"], ["y"])], [value("x", dtype, ["batch", 3])],
                   [value("y", dtype, ["batch", 3])]), f"identity_{name}.onnx")


def plain():
    pair = ["batch", 2]
    save(model("sum_difference", [h.make_node("Add", ["a", "b"], ["sum"]), h.make_node("Sub", ["a", "b"], ["difference"])],
               [value("a", T.FLOAT, pair), value("b", T.FLOAT, pair)],
               [value("sum", T.FLOAT, pair), value("difference", T.FLOAT, pair)]), "sum_difference.onnx")
    save(model("lookup", [h.make_node("Gather", ["table", "index"], ["value"])], [value("index", T.INT64, ["n"])],
               [value("value", T.FLOAT, ["n"])], [floats("table", [3], [10, 20, 30])]), "lookup.onnx")
    save(model("lengths", [h.make_node("ReduceMean", ["x"], ["mean"], axes=[2], keepdims=0)],
               [value("x", T.FLOAT, ["batch", "length", 4])], [value("mean", T.FLOAT, ["batch", "length"])]),
         "lengths.onnx")
    save(model("words", [h.make_node("LabelEncoder", ["word"], ["number"], domain=ML, keys_strings=["a", "b\u00df", ""],
                                     values_int64s=[1, 2, 3], default_int64=-1)],
               [value("word", T.STRING, ["n"])], [value("number", T.INT64, ["n"])]), "words.onnx")


def classifier(labels, zipped, opsets):
    strings = isinstance(labels[0], str)
    classes = {"classlabels_strings" if strings else "classlabels_ints": labels}
    zip_classes = {"classlabels_strings" if strings else "classlabels_int64s": labels}
    nodes = [h.make_node("LinearClassifier", ["x"], ["label", "raw"], domain=ML, multi_class=1, post_transform="SOFTMAX",
                         coefficients=[1.0, 0.0, 0.0, 1.0, -1.0, -1.0], intercepts=[0.1, 0.2, 0.3], **classes)]
    outputs = [value("label", T.STRING if strings else T.INT64, [None])]
    if zipped:
        nodes.append(h.make_node("ZipMap", ["raw"], ["probabilities"], domain=ML, **zip_classes))
        key = T.STRING if strings else T.INT64
        kind = h.make_sequence_type_proto(h.make_map_type_proto(key, h.make_tensor_type_proto(T.FLOAT, [])))
        outputs.append(h.make_value_info("probabilities", kind))
    else:
        outputs.append(value("raw", T.FLOAT, [None, 3]))
    return model("classifier", nodes, [value("x", T.FLOAT, [None, 2])], outputs, opsets=opsets)


CLASSIFIERS = {"zipmap_int.onnx": [7, -2, 40], "zipmap_string.onnx": ["red", "gr\u00fcn", "blue"],
               "zipmap_ml_only.onnx": [1, 2, 3], "classifier_string.onnx": ["red", "green", "blue"]}


def classifiers():
    for file, labels in CLASSIFIERS.items():
        opsets = ((ML, 1),) if "ml_only" in file else (("", 13), (ML, 1))
        save(classifier(labels, "zipmap" in file, opsets), file)


def external(location, file, nested=False):
    weight = floats("w", [2, 2], [])
    del weight.float_data[:]
    weight.data_location = T.EXTERNAL
    for key, text in (("location", location), ("offset", "16"), ("length", "16")):
        weight.external_data.add(key=key, value=text)
    x, y = value("x", T.FLOAT, ["batch", 2]), value("y", T.FLOAT, ["batch", 2])
    if not nested:
        return save(model("external", [h.make_node("MatMul", ["x", "w"], ["y"])], [x], [y], [weight]), file)
    inner = h.make_graph([h.make_node("MatMul", ["x", "w"], ["z"])], "inner", [], [value("z", T.FLOAT, [None, 2])],
                         initializer=[weight])
    choose = h.make_node("If", ["yes"], ["y"], then_branch=inner, else_branch=inner)
    return save(model("nested", [choose], [x], [y], [h.make_tensor("yes", T.BOOL, [], [True])]), file)


def externals():
    (HERE / "weights.bin").write_bytes(np.array([9, 9, 9, 9, 1, 2, 3, 4], "<f4").tobytes())
    external("weights.bin", "external.onnx")
    external("../weights.bin", "external_up.onnx")
    external("a/../../weights.bin", "external_up_inside.onnx")
    external("/etc/hostname", "external_absolute.onnx")
    external("C:\\weights.bin", "external_drive.onnx")
    external("*/_ORT_MEM_ADDR_/*", "external_address.onnx")
    external("", "external_empty.onnx")
    external("weights.bin", "external_nested.onnx", nested=True)


def refused():
    x, y = value("x", T.FLOAT, ["batch", 3]), value("y", T.FLOAT, ["batch", 3])
    identity = h.make_node("Identity", ["x"], ["y"])
    save(model("custom", [h.make_node("Mystery", ["x"], ["y"], domain="com.example")], [x], [y],
               opsets=(("", 13), ("com.example", 1))), "custom_domain.onnx")
    save(model("opset", [identity], [x], [y], opsets=(("", 999),)), "bad_opset.onnx")
    save(model("ir", [identity], [x], [y], ir_version=999), "bad_ir.onnx")
    save(model("cycle", [h.make_node("Add", ["x", "b"], ["a"]), h.make_node("Add", ["x", "a"], ["b"]),
                         h.make_node("Identity", ["b"], ["y"])], [x], [y]), "cycle.onnx")
    save(model("dangling", [h.make_node("Add", ["x", "nowhere"], ["y"])], [x], [y]), "dangling.onnx")
    save(model("unknown", [h.make_node("NoSuchOperator", ["x"], ["y"])], [x], [y]), "unknown_operator.onnx")
    save(model("types", [identity], [x], [value("y", T.INT64, ["batch", 3])]), "wrong_types.onnx")
    huge = floats("w", [3], [1, 2, 3])
    huge.dims[0] = 1 << 60
    save(model("huge", [h.make_node("Add", ["x", "w"], ["y"])], [x], [y], [huge]), "huge_weight.onnx")
    pieces = h.make_tensor_sequence_value_info("pieces", T.FLOAT, None)
    save(model("sequence", [h.make_node("SplitToSequence", ["x"], ["pieces"], axis=1)], [x], [pieces]), "sequence.onnx")
    save(model("maps", [h.make_node("CastMap", ["m"], ["y"], domain=ML)],
               [h.make_value_info("m", h.make_map_type_proto(T.INT64, h.make_tensor_type_proto(T.FLOAT, [])))],
               [value("y", T.FLOAT, [1, None])]), "map_input.onnx")
    save(model("complex", [identity], [value("x", T.COMPLEX64, [3])], [value("y", T.COMPLEX64, [3])]), "complex.onnx")
    save(model("shapeless", [identity], [h.make_tensor_value_info("x", T.FLOAT, None)],
               [h.make_tensor_value_info("y", T.FLOAT, None)]), "shapeless.onnx")


def expect(lines, file, inputs, labels=()):
    session = onnxruntime.InferenceSession(str(HERE / file), providers=["CPUExecutionProvider"])
    for output, got in zip(session.get_outputs(), session.run(None, inputs)):
        if isinstance(got, list):
            got = [[row[label] for label in labels] for row in got]
        flat = np.asarray(got).ravel()
        texts = [str(v) if flat.dtype.kind in "OUi" else float(np.float32(v)).hex() for v in flat]
        lines.append(" ".join([file, output.name, *texts]))


def awkward():
    """Models whose runs are not all alike: shapes that depend on values, an output that is the input, chance, and a count that
    lives in the middle of the model."""
    save(model("nonzero", [h.make_node("NonZero", ["x"], ["where"])], [value("x", T.FLOAT, ["n"])],
               [value("where", T.INT64, [1, "found"])]), "nonzero.onnx")
    save(model("passthrough", [h.make_node("Neg", ["x"], ["minus"])], [value("x", T.FLOAT, ["n"])],
               [value("x", T.FLOAT, ["n"]), value("minus", T.FLOAT, ["n"])]), "passthrough.onnx")
    save(model("chance", [h.make_node("RandomUniformLike", ["x"], ["y"])], [value("x", T.FLOAT, ["n"])],
               [value("y", T.FLOAT, ["n"])]), "chance.onnx")


def main():
    identities()
    plain()
    awkward()
    classifiers()
    externals()
    refused()
    lines = []
    rows = np.array([[0.5, -1.25], [3, 0.75], [-2, -2], [0, 0]], np.float32)
    for file, labels in CLASSIFIERS.items():
        expect(lines, file, {"x": rows}, labels)
    expect(lines, "external.onnx", {"x": rows})
    expect(lines, "lengths.onnx", {"x": np.arange(24, dtype=np.float32).reshape(2, 3, 4)})
    expect(lines, "words.onnx", {"word": np.array(["b\u00df", "", "x", "a"])})
    (HERE / "expected.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
