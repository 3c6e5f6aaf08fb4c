// Runs what waits: the threads of a revision whose runs are too long for an event loop.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "contracts/backend/backend.h"
#include "infer/infer.h"
#include "serving/queue/request_queue.h"
#include "serving/queue/stacking.h"

namespace slipway::serving {

/// Sets where the time of a run went. An instance that runs elsewhere has said what the run itself took; the
/// way there and back then counts as waiting.
inline void set_times(infer::Timings& timings, MonoTime created, MonoTime start, MonoTime end) {
  if (timings.compute <= Duration::zero() || timings.compute > end - start) timings.compute = end - start;
  timings.queue = end - created - timings.compute;
}

struct SchedulerOptions {
  std::size_t instances = 1;  ///< runs at the same time
  std::size_t ahead = 0;      ///< runs given to the instance before one of those ends
  QueueOptions queue = {};
  std::vector<std::pair<std::size_t, Duration>> measured = {};  ///< rows of runs, and what they took
};

/// What waits, for those who watch.
struct QueueState {
  std::size_t waiting = 0;
  std::size_t bytes = 0;
  std::size_t running = 0;
  Duration drain{};  ///< how long what waits will take
};

/// Work-conserving: a free thread takes what waits at once, as RequestQueue orders it, and waits for company
/// only where a delay is set. When a batch fails, its requests are run one by one, so that only the culprit's
/// fails. Threads start when there is work. Thread: safe. Destroying it runs what waits; not from one of its
/// own threads.
class Scheduler {
 public:
  /// Borrows: instance, clock.
  Scheduler(SchedulerOptions options, backend::Instance& instance, const Clock& clock);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Queues the request, or answers it with an error before this returns.
  void push(std::shared_ptr<Pending> request);
  [[nodiscard]] QueueState state() const;

 private:
  struct Flight;
  void serve_queue();
  void run(Batch batch);
  void submit(std::unique_ptr<Flight> flight);
  void landed(std::unique_ptr<Flight> flight, Result<infer::Response> response);
  void run_one_by_one(const Flight& flight);
  // `failed_run`: as Pending::failed_run, where the response is an error.
  void settle(const Slice& slice, Result<infer::Response> response, const infer::Timings& failed_run = {});
  void settle_part(const Slice& slice, Result<infer::Response> response, const infer::Timings& failed_run);
  static void answer_refused(RequestQueue::RefusedList refused);

  const SchedulerOptions options_;
  backend::Instance& instance_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Pace pace_;           // guarded by mutex_
  RequestQueue queue_;  // guarded by mutex_
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  std::size_t in_flight_ = 0;  // runs given to the instance and not completed, and those about to be
  bool closing_ = false;
};

}  // namespace slipway::serving
