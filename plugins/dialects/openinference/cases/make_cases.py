#!/usr/bin/env python3
"""Writes requests.tsv with Triton's own client, and reads answers.tsv with it (make_cases.py --check).

requests.tsv: title, length of the JSON ("-" where all is JSON), the body in hexadecimal.
answers.tsv: title, length of the JSON, the body in hexadecimal; written by tritonclient_cases_test under
SLIPWAY_WRITE_CASES=1. The model answers its inputs, so what the client reads must be what it sent.
Needs: pip install "tritonclient[http]"
"""

import pathlib
import sys

import numpy as np
import tritonclient.http as http

HERE = pathlib.Path(__file__).parent
TYPES = {
    "BOOL": [True, False], "UINT8": [0, 255], "UINT16": [0, 65535], "UINT32": [0, 2**32 - 1],
    "UINT64": [0, 2**64 - 1], "INT8": [-128, 127], "INT16": [-32768, 32767], "INT32": [-(2**31), 2**31 - 1],
    "INT64": [-(2**63), 2**63 - 1], "FP16": [0.5, -2.0], "FP32": [0.1, -3e38], "FP64": [0.1, -1e300],
    "BYTES": [b"", "\u00e4\n\0\"".encode()],
}
NUMPY = {
    "BOOL": np.bool_, "FP16": np.float16, "FP32": np.float32, "FP64": np.float64, "BYTES": np.object_,
    **{f"{u.upper()}INT{n}": getattr(np, f"{u}int{n}") for u in ("u", "") for n in (8, 16, 32, 64)},
}


def cases():
    """Title -> (inputs by datatype, binary in, binary out)."""
    for name, values in TYPES.items():
        array = np.array(values, dtype=NUMPY[name])
        yield f"{name} binary", {name: array}, True, True
        yield f"{name} empty", {name: array[:0]}, True, True
        if name != "FP16":  # the client has no JSON form either
            yield f"{name} json", {name: array}, False, False
            yield f"{name} json in", {name: array}, False, True
            yield f"{name} json out", {name: array}, True, False
    every = {name: np.array(values, dtype=NUMPY[name]) for name, values in TYPES.items()}
    yield "all binary", every, True, True


def request(title, arrays, binary_in, binary_out):
    inputs, outputs = [], []
    for name, array in arrays.items():
        tensor = http.InferInput(name, list(array.shape), name)
        tensor.set_data_from_numpy(array, binary_data=binary_in)
        inputs.append(tensor)
        outputs.append(http.InferRequestedOutput(name, binary_data=binary_out))
    return http.InferenceServerClient.generate_request_body(
        inputs, outputs=outputs, request_id=title, timeout=1000000, parameters={"note": "a", "n": 1})


def write():
    with open(HERE / "requests.tsv", "w", encoding="ascii") as file:
        for title, arrays, binary_in, binary_out in cases():
            body, size = request(title, arrays, binary_in, binary_out)
            file.write(f"{title}\t{'-' if size is None else size}\t{bytes(body).hex()}\n")


def check():
    answers = {}
    for line in open(HERE / "answers.tsv", encoding="ascii"):
        title, size, body = line.rstrip("\n").split("\t")
        answers[title] = (None if size == "-" else int(size), bytes.fromhex(body))
    count = 0
    for title, arrays, _, _ in cases():
        size, body = answers[title]
        result = http.InferenceServerClient.parse_response_body(body, header_length=size)
        assert result.get_response()["id"] == title
        for name, array in arrays.items():
            got = result.as_numpy(name)
            if name == "BYTES":  # JSON gives text where binary data give bytes
                got = [x.encode() if isinstance(x, str) else x for x in got.tolist()]
                assert got == array.tolist(), (title, got)
            else:
                assert got.dtype == array.dtype and np.array_equal(got, array), (title, got)
            count += 1
    print(f"{count} tensors came back as they were sent")


if __name__ == "__main__":
    check() if sys.argv[1:] == ["--check"] else write()
