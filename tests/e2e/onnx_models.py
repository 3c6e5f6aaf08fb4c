"""Small ONNX models, written by the onnx package, for tests that need one of a certain kind."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 9


def _write(path, nodes, inputs, outputs, initializers=(), **saving):
    graph = helper.make_graph(nodes, "test", inputs, outputs, list(initializers))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path), **saving)
    return path


def times(path, factor, shape=("batch", 2)):
    """y = factor * x, both FP32 of `shape`: which version answered can be seen in the answer."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)
    return _write(path, [helper.make_node("Mul", ["x", "k"], ["y"])], [x], [y],
                  [numpy_helper.from_array(np.float32(factor), "k")])


def with_external_data(path, rows=256):
    """y = x @ w of [-1,rows] with w in a file beside the model; gives w."""
    weights = np.random.default_rng(7).normal(size=(rows, 2)).astype(np.float32)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", rows])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])
    _write(path, [helper.make_node("MatMul", ["x", "w"], ["y"])], [x], [y], [numpy_helper.from_array(weights, "w")],
           save_as_external_data=True, location=f"{path.name}.data", size_threshold=0)
    return weights


def slow(path, size=600, steps=4):
    """Several milliseconds a run: x [-1,2] through a chain of large products; y is x again, up to rounding to 0."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])
    nodes = [helper.make_node("ReduceSum", ["x"], ["s"], keepdims=0),
             helper.make_node("Mul", ["s", "eye"], ["m0"])]
    nodes += [helper.make_node("MatMul", [f"m{i}", "eye"], [f"m{i + 1}"]) for i in range(steps)]
    nodes += [helper.make_node("ReduceSum", [f"m{steps}"], ["t"], keepdims=0),
              helper.make_node("Mul", ["t", "zero"], ["z"]), helper.make_node("Add", ["x", "z"], ["y"])]
    return _write(path, nodes, [x], [y], [numpy_helper.from_array(np.eye(size, dtype=np.float32), "eye"),
                                          numpy_helper.from_array(np.float32(0), "zero")])


def open_shape(path):
    """The mean over every pixel of image FP32 [batch,3,height,width]: two dimensions that nobody can guess."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, "height", "width"])
    mean = helper.make_tensor_value_info("mean", TensorProto.FLOAT, ["batch", 1, 1, 1])
    return _write(path, [helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1, 2, 3])], [image], [mean])


def echo(path):
    """y is the text x, both BYTES of [-1]."""
    x = helper.make_tensor_value_info("x", TensorProto.STRING, ["batch"])
    y = helper.make_tensor_value_info("y", TensorProto.STRING, ["batch"])
    return _write(path, [helper.make_node("Identity", ["x"], ["y"])], [x], [y])
