"""What models get and give."""

import dataclasses

TYPES = ["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "BF16", "FP32", "FP64", "BYTES"]
SIZES = [1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8, 0]
NUMPY = ["?", "u1", "<u2", "<u4", "<u8", "i1", "<i2", "<i4", "<i8", "<f2", None, "<f4", "<f8", None]


@dataclasses.dataclass(frozen=True)
class Spec:
    """An input or output as the model declares it; -1 is a free dimension."""

    name: str
    dtype: str
    shape: list


@dataclasses.dataclass(frozen=True)
class Tensor:
    """Row-major, little-endian bytes. Those of an input are shared memory, and hold until run() returns."""

    dtype: str
    shape: list
    data: memoryview

    def array(self):
        """The numpy view of the bytes, without a copy; read-only for inputs."""
        import numpy

        kind = NUMPY[TYPES.index(self.dtype)]
        if kind is None:
            raise TypeError(f"numpy has no type for {self.dtype}")
        return numpy.frombuffer(self.data, dtype=kind).reshape(self.shape)

    @staticmethod
    def of(array):
        """A tensor of a numpy array."""
        import numpy

        array = numpy.ascontiguousarray(array)
        kind = array.dtype.newbyteorder("<").str.replace("|b1", "?").lstrip("|")
        return Tensor(TYPES[NUMPY.index(kind)], list(array.shape), memoryview(array.reshape(-1).view("u1")))
