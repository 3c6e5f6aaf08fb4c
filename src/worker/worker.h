// The life of a worker process: it sets itself up, loads models as it is told, runs what comes, and ends with
// its front.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "contracts/backend/backend.h"

namespace slipway::worker {

struct WorkerOptions {
  int channel = 3;               ///< the descriptor of the socket to the front; taken over
  const Clock* clock = nullptr;  ///< Borrows
  /// Every backend of this program; the front says which one is used for all models. Lines of the logger go
  /// to the front.
  std::function<std::vector<std::unique_ptr<backend::Backend>>(Logger&)> make_backends;
};

/// The words of a worker's command line that make it take another program's place: kThen, then what
/// backend::ForeignProgram says.
inline constexpr const char* kThenWord = "then";
std::vector<std::string> foreign_words(const backend::ForeignProgram& program);

/// Serves until the front is gone, then ends the process on the spot: what runs is of no use to anybody.
/// Returns only when the worker could not start, with the exit code. `words`: those after "worker".
int run_worker(const WorkerOptions& options, const std::vector<std::string>& words);

}  // namespace slipway::worker
