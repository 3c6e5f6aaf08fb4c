"""The echo model that python_test.cc serves: y is x. The first number says what else a run does."""

import os
import struct

import slipway_worker


class Echo:
    inputs = [slipway_worker.Spec("x", "FP32", [-1, 2])]
    outputs = [slipway_worker.Spec("y", "FP32", [-1, 2])]
    labels = ["good", "bad"]

    def run(self, tensors):
        data = tensors[0].data
        first = struct.unpack_from("<f", data)[0] if data.nbytes else 0
        if first == 1001:
            os._exit(7)
        if first == 1002:
            raise ValueError("refused on demand")
        if not data.readonly:
            raise ValueError("a request could be changed")
        return tensors


def load(files):
    if bytes(files.read(files.main)) != b"BAD echo":
        raise ValueError("no echo model")
    return Echo()


slipway_worker.serve(load)
