// What connects a channel with one worker process: the answers' memory, the ring of requests and its bell. It
// lives as long as an answer that lies in that memory.
#pragma once

#include <memory>

#include "base/error.h"
#include "infer/infer.h"
#include "net/loop/fd.h"
#include "tensor/signature.h"
#include "worker/wire/heap.h"
#include "worker/wire/memory.h"
#include "worker/wire/ring.h"

namespace slipway::worker {

struct Line {
  /// Errors: worker.memory.
  static Result<std::shared_ptr<Line>> create(const Layout& layout,
                                              const std::shared_ptr<SharedMemory>& requests);

  Layout layout;
  std::shared_ptr<SharedMemory> requests;
  SharedMemory answers;
  net::Fd worker_bell_fd;
  RingWriter<RequestFrame> writer;
  Bell worker_bell;
};

/// The answer in a frame, as a response: copied out of the shared memory where it is small or must be checked
/// (the worker could change it afterwards), else left there until the response is destroyed.
/// Errors: worker.protocol (the worker breaks the rules); in `response`: backend.run, backend.output_size and
/// what the worker says.
Status read_answer(const std::shared_ptr<Line>& line, const AnswerFrame& frame, const Signature& signature,
                   std::span<const std::size_t> wanted, std::uint64_t max_output_bytes,
                   std::optional<Result<infer::Response>>& response);

}  // namespace slipway::worker
