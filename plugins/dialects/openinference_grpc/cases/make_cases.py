#!/usr/bin/env python3
"""Writes infer.tsv and facts.tsv with protobuf's own Python and the messages of Triton's client.

infer.tsv: title, a ModelInferRequest, the ModelInferResponse of a model that answers its inputs; in hexadecimal.
facts.tsv: the name of a message, and the message that tells of the server in cases_test.cc; in hexadecimal.
Needs: pip install "tritonclient[grpc]"
"""

import pathlib

import numpy as np
from tritonclient.grpc import model_config_pb2 as config_pb2
from tritonclient.grpc import service_pb2 as pb
from tritonclient.utils import serialize_byte_tensor

HERE = pathlib.Path(__file__).parent
TYPES = {
    "BOOL": [True, False], "UINT8": [0, 255], "UINT16": [0, 65535], "UINT32": [0, 2**32 - 1],
    "UINT64": [0, 2**64 - 1], "INT8": [-128, 127], "INT16": [-32768, 32767], "INT32": [-(2**31), 2**31 - 1],
    "INT64": [-(2**63), 2**63 - 1], "FP16": [0.5, -2.0], "FP32": [0.1, -3e38], "FP64": [0.1, -1e300],
    "BYTES": [b"", "\u00e4\n\0\"".encode()],
}
LISTS = {
    "BOOL": "bool", "INT8": "int", "INT16": "int", "INT32": "int", "INT64": "int64", "UINT8": "uint", "UINT16": "uint",
    "UINT32": "uint", "UINT64": "uint64", "FP32": "fp32", "FP64": "fp64", "BYTES": "bytes",
}
NUMPY = {
    "BOOL": np.bool_, "FP16": np.float16, "FP32": np.float32, "FP64": np.float64,
    **{f"{u.upper()}INT{n}": getattr(np, f"{u}int{n}") for u in ("u", "") for n in (8, 16, 32, 64)},
}


def raw(name, values):
    if name == "BYTES":
        return serialize_byte_tensor(np.array(values, dtype=np.object_)).item() if values else b""
    return np.array(values, dtype=NUMPY[name]).tobytes()


def request(tensors, typed=False, **fields):
    """tensors: datatype -> values; the input has the datatype's name."""
    message = pb.ModelInferRequest(model_name="echo", **fields)
    for name, values in tensors.items():
        tensor = message.inputs.add(name=name, datatype=name, shape=[len(values)])
        if typed:
            getattr(tensor.contents, LISTS[name] + "_contents").extend(values)
        else:
            message.raw_input_contents.append(raw(name, values))
    return message


def answer(tensors, shape=None, **fields):
    message = pb.ModelInferResponse(model_name="echo", model_version="1", **fields)
    for name, values in tensors.items():
        message.outputs.add(name=name, datatype=name, shape=[len(values)] if shape is None else shape)
        message.raw_output_contents.append(raw(name, values))
    return message


def one(name, contents):
    """A request with one typed input whose contents are these bytes."""
    head = pb.ModelInferRequest(model_name="echo").SerializeToString()
    tensor = pb.ModelInferRequest.InferInputTensor(name=name, datatype=name, shape=[2]).SerializeToString()
    for piece in contents:
        tensor += b"\x2a" + bytes([len(piece)]) + piece
    return head + b"\x2a" + bytes([len(tensor)]) + tensor


def infer_cases():
    """Title, request as bytes, answer."""
    for name, values in TYPES.items():
        some = {name: values}
        none = {name: []}
        yield f"{name} raw", request(some), answer(some)
        yield f"{name} raw, empty", request(none), answer(none)
        if name in LISTS:
            yield f"{name} contents", request(some, typed=True), answer(some)
            yield f"{name} contents, empty", request(none, typed=True), answer(none)
    yield "all raw", request(TYPES), answer(TYPES)
    typed = {name: values for name, values in TYPES.items() if name in LISTS}
    yield "all contents", request(typed, typed=True), answer(typed)

    fp32, int8 = {"FP32": TYPES["FP32"]}, {"INT8": TYPES["INT8"]}
    yield "an id", request(fp32, id="\u00e4 1"), answer(fp32, id="\u00e4 1")
    yield "a version", request(fp32, model_version="1"), answer(fp32)
    message = request(fp32, id="7")
    message.parameters["note"].string_param = "x"
    message.parameters["timeout"].int64_param = 5000000
    message.parameters["priority"].uint64_param = 2**64 - 1
    message.parameters["share"].double_param = 0.5
    message.parameters["on"].bool_param = False
    message.inputs[0].parameters["binary_data_size"].int64_param = 8
    yield "parameters", message, answer(fp32, id="7")
    message = request({**fp32, **int8})
    message.outputs.add(name="INT8")
    message.outputs.add(name="FP32").parameters["content_type"].string_param = "np"
    yield "outputs in another order", message, answer({**int8, **fp32})
    message = request({"FP32": [7.5]})
    del message.inputs[0].shape[:]
    yield "a scalar", message, answer({"FP32": [7.5]}, shape=[])
    message = request({"FP32": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]})
    message.inputs[0].shape[:] = [2, 1, 3]
    yield "three dimensions", message, answer({"FP32": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]}, shape=[2, 1, 3])
    message = request(fp32)
    message.outputs.add(name="FP32").parameters["classification"].int64_param = 5
    classes = answer({})
    classes.outputs.add(name="FP32", datatype="BYTES", shape=[2])
    texts = [f"{value:f}:{index}".encode() for index, value in enumerate(np.array(TYPES["FP32"], np.float32))]
    classes.raw_output_contents.append(raw("BYTES", texts))
    yield "classes", message, classes

    # What serializers do not write, but readers must take.
    whole = request({**fp32, **int8})
    late = pb.ModelInferRequest()
    late.CopyFrom(whole)
    del late.raw_input_contents[:]
    early = pb.ModelInferRequest(raw_input_contents=whole.raw_input_contents)
    yield "raw contents before their inputs", early.SerializeToString() + late.SerializeToString(), \
        answer({**fp32, **int8})
    yield "a name given twice", pb.ModelInferRequest(model_name="beer").SerializeToString() + \
        request(fp32).SerializeToString(), answer(fp32)
    fp = np.array(TYPES["FP32"], np.float32)
    yield "floats one by one", one("FP32", [b"".join(b"\x35" + x.tobytes() for x in fp)]), answer(fp32)
    yield "floats in two lists", one("FP32", [b"\x32\x04" + x.tobytes() for x in fp]), answer(fp32)
    yield "floats one by one and in a list", one("FP32", [b"\x35" + fp[0].tobytes() + b"\x32\x04" + fp[1].tobytes()]), \
        answer(fp32)
    yield "numbers one by one", one("INT8", [b"\x10" + b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\x01" + b"\x10\x7f"]), \
        answer(int8)
    yield "empty lists of others", one("INT8", [b"\x0a\x00\x32\x00\x12\x0b" + b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\x01" +
                                                b"\x7f"]), answer(int8)
    yield "unknown fields", b"\xa2\x06\x01x\x98\x06\x01" + one("INT8", [
        b"\x92\x03\x02hi\x15\x01\x02\x03\x04\x12\x0b\x80\xff\xff\xff\xff\xff\xff\xff\xff\x01\x7f"]), answer(int8)
    message = request(fp32)
    message.inputs[0].contents.SetInParent()
    yield "raw contents beside empty ones", message, answer(fp32)


def duration(count=0, ns=0):
    return pb.StatisticDuration(count=count, ns=ns)


def facts():
    yield pb.ServerLiveResponse(live=True)
    yield pb.ServerReadyResponse(ready=True)
    yield pb.ModelReadyResponse(ready=True)
    yield pb.ServerMetadataResponse(name="slipway", version="1.2.3", extensions=[
        "binary_tensor_data", "classification", "parameters", "model_repository", "statistics", "model_configuration",
        "logging"])
    metadata = pb.ModelMetadataResponse(name="wine", versions=["1"], platform="onnxruntime")
    metadata.inputs.add(name="x", datatype="FP32", shape=[-1, 2])
    metadata.outputs.add(name="label", datatype="INT64", shape=[-1])
    metadata.outputs.add(name="t", datatype="BYTES", shape=[])
    yield metadata
    config = config_pb2.ModelConfig(name="wine", platform="onnxruntime", backend="onnxruntime")
    config.input.add(name="x", data_type=config_pb2.TYPE_FP32, dims=[-1, 2])
    config.output.add(name="label", data_type=config_pb2.TYPE_INT64, dims=[-1])
    config.output.add(name="t", data_type=config_pb2.TYPE_STRING)
    yield pb.ModelConfigResponse(config=config)
    statistics = pb.ModelStatistics(name="wine", version="1")
    for name in ("success", "fail", "queue", "compute_input", "compute_infer", "compute_output", "cache_hit", "cache_miss"):
        getattr(statistics.inference_stats, name).SetInParent()
    yield pb.ModelStatisticsResponse(model_stats=[statistics])
    index = pb.RepositoryIndexResponse()
    index.models.add(name="wine", version="1", state="READY")
    index.models.add(name="beer", version="2", state="UNAVAILABLE", reason="no hops")
    yield index


def main():
    with open(HERE / "infer.tsv", "w", encoding="ascii") as file:
        for title, message, expected in infer_cases():
            data = message if isinstance(message, bytes) else message.SerializeToString(deterministic=True)
            pb.ModelInferRequest.FromString(data)
            file.write(f"{title}\t{data.hex()}\t{expected.SerializeToString(deterministic=True).hex()}\n")
    with open(HERE / "facts.tsv", "w", encoding="ascii") as file:
        for message in facts():
            file.write(f"{type(message).__name__}\t{message.SerializeToString(deterministic=True).hex()}\n")


if __name__ == "__main__":
    main()
