// The queue of a revision whose runs are too long for an event loop: bounded, with threads of its own, and
// batching.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "contracts/backend/backend.h"
#include "infer/infer.h"
#include "serving/binding.h"

namespace slipway::serving {

/// Sets where the time of a run went. An instance that runs elsewhere has said what the run itself took; the
/// way there and back then counts as waiting.
inline void set_times(infer::Timings& timings, MonoTime created, MonoTime start, MonoTime end) {
  if (timings.compute <= Duration::zero() || timings.compute > end - start) timings.compute = end - start;
  timings.queue = end - created - timings.compute;
}

/// A request that waits for its run. Destroyed after it was answered.
class Pending {
 public:
  virtual ~Pending() = default;
  /// Called once, on one of the scheduler's threads or the backend's. timings.queue, .compute and .batch_rows
  /// are set.
  virtual void answer(Result<infer::Response> response) = 0;

  Binding binding;
  MonoTime created{};
  MonoTime deadline = MonoTime::max();
};

struct SchedulerOptions {
  std::size_t instances = 1;                        ///< runs at the same time, each on a thread
  std::size_t max_items = 1024;                     ///< requests that may wait
  std::size_t max_bytes = std::size_t{256} << 20U;  ///< their inputs together
  std::size_t max_batch_rows = 1;                   ///< rows of one run; 1 = every request alone
  std::string name = "model";                       ///< of its threads
};

/// Work-conserving: a free thread takes what waits at once, the oldest request first, and with it those
/// behind it that can be stacked onto it, up to max_batch_rows; it never waits for company. A request larger
/// than that runs alone. When a batch fails, its requests are run one by one, so that only the culprit's
/// fails. Threads start when there is work. Thread: safe. Destroying it runs what waits; not from one of its
/// own threads.
class Scheduler {
 public:
  /// Borrows: instance, clock.
  Scheduler(SchedulerOptions options, backend::Instance& instance, const Clock& clock);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// False when the queue is full; the request is then left with the caller.
  [[nodiscard]] bool try_push(std::unique_ptr<Pending>& request);
  [[nodiscard]] std::size_t waiting() const;

 private:
  using Batch = std::vector<std::unique_ptr<Pending>>;
  void serve_queue();
  Batch take_batch();
  void run(Batch batch);
  void run_alone(std::unique_ptr<Pending> request);
  void run_stacked(Batch batch);
  void begin_run();
  void end_run();

  const SchedulerOptions options_;
  backend::Instance& instance_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<Pending>> queue_;
  std::size_t queued_bytes_ = 0;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  std::size_t in_flight_ = 0;  // runs given to the instance and not completed
  bool closing_ = false;
};

}  // namespace slipway::serving
