// Starts worker processes, one for each model or group of models that is loaded, watches them and replaces
// those that die.
//
//   front                                        worker process
//   Backend::load, on the loader's thread        run_worker() (worker.h)
//     |  supervisor's thread: socket, pidfd, bell   |
//     |------ setup, load, files ------------------>|  confines itself, loads the model
//     |<----- loaded -------------------------------|
//   RemoteInstance::submit, on any thread           |
//     |------ block + frame in shared memory ------>|  runs it
//     |<----- block + frame ------------------------|
//   completion, on the loop that submitted
//
// A death is seen at once. What was being run gets an Error, what waited is run by the next worker, which is
// started at once, or with growing delays when deaths follow each other. A run far longer than any before it
// ends its worker. A request that two workers died of is refused for a while.
//
// Models whose loads name the same group share a process, and its death; it ends with the last of them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "contracts/backend/backend.h"
#include "worker/memory_groups.h"
#include "worker/poison_list.h"
#include "worker/process.h"

namespace slipway::worker {

/// What is told about workers. Thread: called on the supervisor's thread; must be quick, and must not wait
/// for anything that may wait in status().
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void worker_ready(std::string_view model) = 0;
  /// `kind`: "signal", "exit", "memory", "watchdog", "protocol", "load"; "start" when it could not be
  /// started.
  virtual void worker_died(std::string_view model, std::string_view kind) = 0;
};

struct SupervisorOptions {
  Program program;
  const Clock* clock = nullptr;      ///< Borrows
  Logger* logger = nullptr;          ///< Borrows
  Observer* observer = nullptr;      ///< Borrows; may be null
  PoisonList* poison = nullptr;      ///< Borrows; keeps what workers died of; null = nobody
  std::uint32_t loops = 1;           ///< that submit, and take their answers themselves
  std::uint32_t slots = 1024;        ///< requests in flight to the worker of one model
  std::uint32_t group_slots = 4096;  ///< and to that of a group
  std::uint64_t heap_bytes = std::uint64_t{256} << 20U;  ///< of its requests, and of its answers
  GroupTree* groups = nullptr;                     ///< Borrows; where memory is limited; null = the system's
  Duration load_limit = std::chrono::minutes(10);  ///< no load takes longer
  Duration watch_interval = std::chrono::milliseconds(500);
};

enum class WorkerState : std::uint8_t { kStarting, kReady, kDelayed, kEnded };
std::string_view worker_state_name(WorkerState state);

/// A model's worker as people see it; models of a group tell of the same one.
struct WorkerStatus {
  std::string model;
  std::string group;  ///< whose process it shares; empty when it has its own
  WorkerState state = WorkerState::kStarting;
  int pid = 0;  ///< 0 while there is none
  std::uint64_t deaths = 0;
  std::string last_death;          ///< why; empty when none
  std::string confined_by;         ///< what keeps it in
  std::uint64_t memory_bytes = 0;  ///< private; 0 when unknown
};

/// Thread: safe. Destroy it after every instance that came from it.
class Supervisor {
 public:
  /// Errors: net.loop.
  static Result<std::unique_ptr<Supervisor>> create(const SupervisorOptions& options);
  virtual ~Supervisor() = default;

  /// A backend that loads in a worker what `local` would load here, under the same name. Errors of its
  /// load(): those of `local`; backend.worker_died (the model's load ended the worker); worker.group (the
  /// group's worker has other limits); worker.*.
  /// Its instances answer a loop's submit() on that loop, later; any other thread waits in submit().
  /// Borrows: local, and this.
  [[nodiscard]] virtual std::unique_ptr<backend::Backend> isolated(backend::Backend& local) = 0;
  /// Cost: waits for the supervisor's thread; reads a file per worker.
  [[nodiscard]] virtual std::vector<WorkerStatus> status() = 0;
};

}  // namespace slipway::worker
