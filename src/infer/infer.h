// A request for an inference and its answer, free of any wire format: what every dialect decodes into, every
// scheduler orders and every backend answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "tensor/tensor.h"

namespace slipway::infer {

using Input = NamedTensorView;

/// Borrows: every view in it, from memory that lives as long as the Call that carries the request (the
/// received bytes, or buffers that the call owns).
struct Request {
  std::string_view id;                              ///< the client's, given back unchanged; may be empty
  std::vector<Input> inputs;                        ///< any order; the server matches them by name
  std::vector<std::string_view> requested_outputs;  ///< empty = all
  MonoTime received{};                              ///< when its last byte came
  MonoTime deadline = MonoTime::max();              ///< when nobody waits for the answer any more
  std::uint64_t priority = 0;  ///< 1 goes first, then 2, ...; 0 = the model's default level
};

/// Where the time of one request went.
struct Timings {
  Duration receive{};  ///< from the request's head to its last byte
  Duration parse{};
  Duration queue{};
  Duration compute{};
  Duration encode{};
  std::size_t batch_rows = 1;  ///< rows of the run that answered it, its own and others'; 0 = it was in none
  bool leads_run = true;       ///< false for all but one of the requests that one run answered
};

/// The name lives as long as the model that answered.
using Output = NamedTensorView;

/// What a response's tensors live in. Backends derive from it.
class OutputMemory {
 public:
  virtual ~OutputMemory() = default;
};

/// Outputs in the order in which they were asked for, else the model's. Owns: the memory of its tensors.
struct Response {
  std::vector<Output> outputs;
  std::unique_ptr<OutputMemory> memory;
  Timings timings;  ///< set by the server; compute by an instance that runs in another process
};

/// One request on its way through the server. A dialect derives from it, fills `request` and hands it over;
/// the server calls done() exactly once, on any thread, and then destroys it.
class Call {
 public:
  virtual ~Call() = default;
  virtual void done(Result<Response> response) = 0;
  /// True when the answer would reach nobody any more; a call that waits is then dropped, with an error.
  /// Asked from other threads, and often: cheap, and no lock.
  [[nodiscard]] virtual bool gone() const { return false; }

  Request request;
  /// Where its time went when done() comes with an error: queue, compute and batch_rows, set by the server.
  Timings spent{.batch_rows = 0};
};

}  // namespace slipway::infer
