"""The bytes between server and worker, as src/worker/wire has them: frames on the socket, blocks in shared memory."""

import array
import mmap
import os
import socket
import struct

from .tensor import SIZES, TYPES, Tensor

SETUP, READY, LOAD, FILE_WANTED, FILE, LOADED, FAILED, LOG = range(1, 9)

PAGE = SMALL = 4096
ENTRY = 64
MARKS = 1024
MAX_TENSORS = 4096
HEAD, TAIL, SLEEP, RUNNING, LANES, LANE_BYTES, LANE_SLEEP, RING = 0, 64, 128, 192, 1024, 64, 16, 4096

_PACKET = struct.Struct("<IHHII")
_MAGIC = 0x31575753
_PART = 32 << 10
_BLOCK = struct.Struct("<IIQ")
_RECORD = struct.Struct("<BB6xQQ16q")
_ALIGN = 64


class Gone(Exception):
    """The server's end of the socket is closed."""


class Broken(Exception):
    """The server breaks the rules."""


class Reader:
    """Takes fields from the front of a payload."""

    def __init__(self, payload):
        self.rest = memoryview(payload)

    def get(self, kind):
        size = struct.calcsize("<" + kind)
        if size > len(self.rest):
            raise Broken("a frame is cut short")
        (value,) = struct.unpack_from("<" + kind, self.rest)
        self.rest = self.rest[size:]
        return value

    def text(self):
        size = self.get("I")
        if size > len(self.rest):
            raise Broken("a frame is cut short")
        value, self.rest = bytes(self.rest[:size]).decode(), self.rest[size:]
        return value

    def list(self, one):
        count = self.get("I")
        if count > len(self.rest):
            raise Broken("a frame is cut short")
        return [one() for _ in range(count)]


def text(value):
    encoded = value.encode()
    return struct.pack("<I", len(encoded)) + encoded


def specs(values):
    out = struct.pack("<I", len(values))
    for spec in values:
        out += text(spec.name) + struct.pack(f"<BB{len(spec.shape)}q", TYPES.index(spec.dtype), len(spec.shape), *spec.shape)
    return out


def error(identity, message, code=13):
    """An Error without faults; 13 is INTERNAL, as of gRPC."""
    return struct.pack("<BB", code, 0) + text(identity) + text(message[:2000]) + struct.pack("<I", 0)


class Link:
    """The socket to the server."""

    def __init__(self, descriptor):
        self._socket = socket.socket(fileno=descriptor)

    def send(self, kind, payload):
        for offset in range(0, max(len(payload), 1), _PART):
            part = payload[offset:offset + _PART]
            self._socket.send(_PACKET.pack(_MAGIC, kind, 0, len(payload), offset) + part)

    def receive(self, wanted):
        """(payload, descriptors) of the next frame, which must be of that kind."""
        payload, descriptors, total = b"", [], None
        while total is None or len(payload) < total:
            packet, control, _, _ = self._socket.recvmsg(_PACKET.size + _PART, socket.CMSG_SPACE(4 * 64))
            for level, kind, data in control:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    received = array.array("i")
                    received.frombytes(data[:len(data) - len(data) % received.itemsize])
                    descriptors += received
            if not packet:
                raise Gone()
            magic, kind, _, total, offset = _PACKET.unpack_from(packet)
            if magic != _MAGIC or kind != wanted or offset != len(payload):
                raise Broken("the server sent another frame than is due")
            payload += packet[_PACKET.size:]
        return payload, descriptors


class Layout:
    """Where what lies in the two pieces of shared memory."""

    def __init__(self, slots, heap_bytes, lanes):
        self.slots, self.lanes, self.heap_bytes = slots, lanes, heap_bytes
        self.marks = RING + lanes * slots * ENTRY
        self.small = (self.marks + MARKS * 8 + PAGE - 1) // PAGE * PAGE
        self.heap = self.small + slots * SMALL
        self.total = self.heap + heap_bytes


def share(descriptor, size, writable):
    """The memory behind a descriptor, of exactly that size."""
    if os.fstat(descriptor).st_size != size:
        raise Broken("memory that was passed has not the size that was said")
    access = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
    return memoryview(mmap.mmap(descriptor, size, mmap.MAP_SHARED, access))


def _aligned(offset):
    return (offset + _ALIGN - 1) // _ALIGN * _ALIGN


def read_block(block):
    """(tensors that are views of the block, positions of the wanted outputs)."""
    tensors, wanted, _ = _BLOCK.unpack_from(block)
    if tensors > MAX_TENSORS or wanted > MAX_TENSORS:
        raise Broken("a block has too many tensors")
    found = []
    for i in range(tensors):
        dtype, rank, offset, size, *dims = _RECORD.unpack_from(block, _BLOCK.size + i * _RECORD.size)
        if dtype >= len(TYPES) or rank > 16 or offset + size > len(block):
            raise Broken("a block has a tensor that cannot be")
        found.append(Tensor(TYPES[dtype], dims[:rank], block[offset:offset + size].toreadonly()))
    positions = struct.unpack_from(f"<{wanted}I", block, _BLOCK.size + tensors * _RECORD.size)
    return found, positions


def block_bytes(tensors):
    size = _aligned(_BLOCK.size + len(tensors) * _RECORD.size)
    for tensor in tensors:
        size = _aligned(size + tensor.data.nbytes)
    return size


def write_block(tensors, block):
    """One copy of the tensors' bytes. Precondition: the block has block_bytes()."""
    _BLOCK.pack_into(block, 0, len(tensors), 0, 0)
    data = _aligned(_BLOCK.size + len(tensors) * _RECORD.size)
    for i, tensor in enumerate(tensors):
        dims = list(tensor.shape) + [0] * (16 - len(tensor.shape))
        size = tensor.data.nbytes
        _RECORD.pack_into(block, _BLOCK.size + i * _RECORD.size, TYPES.index(tensor.dtype), len(tensor.shape), data, size, *dims)
        if size > 0:
            block[data:data + size] = tensor.data.cast("B")
        end, data = data + size, _aligned(data + size)
        block[end:data] = bytes(data - end)


def fits(tensor):
    """True when the bytes are as many as type and shape say."""
    size = SIZES[TYPES.index(tensor.dtype)]
    for dim in tensor.shape:
        size *= dim
    return tensor.dtype == "BYTES" or size == tensor.data.nbytes
