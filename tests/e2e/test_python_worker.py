"""python/slipway_worker apart from a server: numpy views, and what it refuses. src/worker/python_test.cc serves a model by it."""

import pathlib
import struct
import sys

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "python"))
from slipway_worker import Tensor, wire  # noqa: E402


@pytest.mark.parametrize("kind", ["?", "u1", "<u2", "<u4", "<u8", "i1", "<i2", "<i4", "<i8", "<f2", "<f4", "<f8"])
def test_arrays_are_views_of_the_bytes(kind):
    array = np.arange(6).astype(kind).reshape(2, 3)
    tensor = Tensor.of(array)
    assert tensor.array().dtype == array.dtype and (tensor.array() == array).all() and wire.fits(tensor)
    assert np.shares_memory(tensor.array(), array)


def test_a_block_comes_back_as_it_was_and_cannot_be_changed():
    tensors = [Tensor.of(np.arange(5, dtype="<f4")), Tensor.of(np.zeros((0, 2), "<i8"))]
    memory = bytearray(wire.block_bytes(tensors))
    wire.write_block(tensors, memoryview(memory))
    found, wanted = wire.read_block(memoryview(memory))
    assert [(tensor.dtype, tensor.shape, bytes(tensor.data)) for tensor in found] == [
        (tensor.dtype, tensor.shape, bytes(tensor.data)) for tensor in tensors] and wanted == ()
    assert np.shares_memory(found[0].array(), np.frombuffer(memory, "u1")) and not found[0].array().flags.writeable


@pytest.mark.parametrize("offset,value", [(0, 5000), (4, 5000), (16, 200), (17, 17)])
def test_a_block_that_cannot_be_is_refused(offset, value):
    tensor = Tensor.of(np.arange(5, dtype="<f4"))
    memory = bytearray(wire.block_bytes([tensor]))
    wire.write_block([tensor], memoryview(memory))
    struct.pack_into("<I" if offset < 16 else "<B", memory, offset, value)
    with pytest.raises(wire.Broken):
        wire.read_block(memoryview(memory))


def test_a_frame_that_is_cut_short_is_refused():
    for payload in (b"", b"\x05\0\0\0abc", b"\xff\xff\xff\xff"):
        with pytest.raises(wire.Broken):
            wire.Reader(payload).text()
