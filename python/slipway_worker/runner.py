"""The life of a worker: it loads one model, runs what comes, and ends with its server."""

import os
import select
import struct
import sys
import threading
import time
import traceback

from . import wire

CHANNEL = 3
NO_MARK = 0xFFFFFFFF
_REQUEST = struct.Struct("<QQQIIII")
_ANSWER = struct.Struct("<QQQQIIII")
# Backstop for a ring that was missed; rings are what wakes.
_LONGEST_SLEEP_MS = 1000


class Files:
    """The model's files, which the server hands over when they are read."""

    def __init__(self, link, main, names):
        self._link, self.main, self.names, self._held = link, main, names, {}

    def read(self, name):
        if name not in self._held:
            self._link.send(wire.FILE_WANTED, wire.text(name))
            payload, descriptors = self._link.receive(wire.FILE)
            reader = wire.Reader(payload)
            reader.text()
            size, failed = reader.get("Q"), reader.get("B")
            if failed or len(descriptors) != 1:
                raise FileNotFoundError(name)
            self._held[name] = wire.share(descriptors[0], size, False) if size else memoryview(b"")
        return self._held[name]


class Heap:
    """Places for answers that are larger than a page, until the server lets them go."""

    def __init__(self, layout, requests):
        self._layout, self._marks = layout, requests[layout.marks:layout.marks + wire.MARKS * 8].cast("Q")
        self._taken, self._free = [], list(range(wire.MARKS))  # taken: (offset, bytes, mark, sequence)

    def take(self, size, sequence):
        """(offset, mark); nothing when there is no room."""
        kept = [place for place in self._taken if self._marks[place[2]] != place[3]]
        self._free += [place[2] for place in self._taken if self._marks[place[2]] == place[3]]
        self._taken, at = sorted(kept), 0
        size = (size + wire.PAGE - 1) // wire.PAGE * wire.PAGE
        for offset, length, _, _ in self._taken:
            if offset - at >= size:
                break
            at = offset + length
        if at + size > self._layout.heap_bytes or not self._free:
            return None
        mark = self._free.pop()
        self._taken.append((at, size, mark, sequence))
        return self._layout.heap + at, mark


class Runner:
    """Takes requests from the shared memory, runs them one by one and puts the answers there."""

    def __init__(self, model, layout, requests, answers, bell, lane_bells):
        self._model, self._layout, self._requests, self._answers = model, layout, requests, answers
        self._bell, self._lane_bells = bell, lane_bells
        # Whole words, so that each is written and read at once.
        self._words_in, self._words_out = requests[:wire.PAGE].cast("Q"), answers[:wire.PAGE].cast("Q")
        self._halves_in, self._halves_out = requests[:wire.PAGE].cast("I"), answers[:wire.PAGE].cast("I")
        self._tail, self._sleep = 0, 0
        self._heads, self._rung = [0] * layout.lanes, [0] * layout.lanes
        self._heap, self._fence = Heap(layout, requests), threading.Lock()

    def serve(self, ended):
        poll = select.poll()
        poll.register(self._bell, select.POLLIN)
        poll.register(ended, select.POLLIN)
        while True:
            while self._tail != self._words_in[wire.HEAD // 8]:
                self._take()
            self._set_sleep(self._sleep | 1)
            if self._tail == self._words_in[wire.HEAD // 8]:
                for descriptor, _ in poll.poll(_LONGEST_SLEEP_MS):
                    if descriptor == ended:
                        return
                    os.eventfd_read(self._bell)
            self._set_sleep((self._sleep | 1) + 1 & 0xFFFFFFFF)

    def _set_sleep(self, value):
        self._sleep = value
        self._halves_out[wire.SLEEP // 4] = value
        with self._fence:  # what is read next is read after this was written
            pass

    def _take(self):
        at = wire.RING + self._tail % self._layout.slots * wire.ENTRY
        sequence, offset, size, slot, lane, _, _ = _REQUEST.unpack_from(self._requests, at)
        self._tail += 1
        self._words_out[wire.TAIL // 8] = self._tail
        self._words_out[wire.RUNNING // 8] = sequence
        start = time.monotonic_ns()
        try:
            outputs = self._run(self._requests[offset:offset + size])
            place = self._place(wire.block_bytes(outputs), slot, sequence)
            wire.write_block(outputs, self._answers[place[0]:place[0] + place[1]])
            failed = 0
        except wire.Broken:
            raise
        except Exception as problem:
            traceback.print_exc(file=sys.stderr)
            text = wire.error("backend.run", f"the model failed: {problem}")
            place, failed = (self._layout.small + slot * wire.SMALL, len(text), NO_MARK), 1
            self._answers[place[0]:place[0] + len(text)] = text
        self._answer(lane, (sequence, place[0], place[1], time.monotonic_ns() - start, slot, place[2], failed, 0))
        self._words_out[wire.RUNNING // 8] = 0

    def _run(self, block):
        tensors, wanted = wire.read_block(block)
        outputs = self._model.run(tensors)
        if len(outputs) != len(self._model.outputs) or not all(wire.fits(output) for output in outputs):
            raise ValueError("it gave other outputs than it declares")
        return [outputs[i] for i in wanted] if wanted else outputs

    def _place(self, size, slot, sequence):
        if size <= wire.SMALL:
            return self._layout.small + slot * wire.SMALL, size, NO_MARK
        place = self._heap.take(size, sequence)
        if place is None:
            raise MemoryError("the answer does not fit into the memory that is shared with the server")
        return place[0], size, place[1]

    def _answer(self, lane, frame):
        at = wire.RING + (lane * self._layout.slots + self._heads[lane] % self._layout.slots) * wire.ENTRY
        _ANSWER.pack_into(self._answers, at, *frame)
        words = wire.LANES + lane * wire.LANE_BYTES
        self._heads[lane] += 1
        self._words_out[words // 8] = self._heads[lane]
        with self._fence:
            pass
        sleep = self._halves_in[(words + wire.LANE_SLEEP) // 4]
        if sleep & 1 and sleep != self._rung[lane]:
            self._rung[lane] = sleep
            os.eventfd_write(self._lane_bells[lane], 1)


def serve(load, channel=CHANNEL):
    """Serves the model that load(files) gives until the server is gone, and then ends the process."""
    link = wire.Link(channel)
    payload, descriptors = link.receive(wire.SETUP)
    reader = wire.Reader(payload)
    layout = wire.Layout(reader.get("I"), reader.get("Q"), reader.get("I"))
    requests = wire.share(descriptors[0], layout.total, False)
    answers = wire.share(descriptors[1], layout.total, True)
    link.send(wire.READY, wire.text(os.environ.get("SLIPWAY_CONFINED_BY", "nothing: a worker in Python")))
    payload, _ = link.receive(wire.LOAD)
    reader = wire.Reader(payload)
    number, _, main, _ = reader.get("I"), reader.get("I"), reader.text(), reader.text()
    try:
        model = load(Files(link, main, reader.list(reader.text)))
    except Exception as problem:
        traceback.print_exc(file=sys.stderr)
        link.send(wire.FAILED, struct.pack("<I", number) + wire.error("backend.load", f"the model cannot be loaded: {problem}", code=3))
        os._exit(1)
    runner = Runner(model, layout, requests, answers, descriptors[2], descriptors[3:])
    labels = list(getattr(model, "labels", []))
    link.send(wire.LOADED, struct.pack("<I", number) + wire.specs(model.inputs) + wire.specs(model.outputs) +
              struct.pack("<I", len(labels)) + b"".join(wire.text(label) for label in labels))
    runner.serve(channel)
    os._exit(0)
