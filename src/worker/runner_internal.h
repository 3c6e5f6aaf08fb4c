// The worker's side of the shared memory: takes requests, runs them on its threads, gives answers.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "contracts/backend/backend.h"
#include "net/loop/fd.h"
#include "worker/wire/heap.h"
#include "worker/wire/memory.h"
#include "worker/wire/ring.h"

namespace slipway::worker {

struct RunnerOptions {
  Layout layout;
  SharedMemory requests;  ///< readable
  SharedMemory answers;   ///< writable
  net::Fd worker_bell;
  std::vector<net::Fd> lane_bells;  ///< one for each lane
  const Clock* clock = nullptr;     ///< Borrows
};

/// One thread at a time waits for requests. When runs are short it goes on running them itself, since handing
/// over would cost more, and rings the front once for several answers; when they are long, another thread
/// takes over the waiting. Threads never end: the process does.
class Runner {
 public:
  explicit Runner(RunnerOptions options);

  /// Requests for the model are run from now on, by at least so many threads.
  void add(std::uint32_t model, std::shared_ptr<backend::Instance> instance, std::uint32_t threads);
  /// Precondition: the front has got every answer of it. Its instance goes with the run that is still at it.
  void remove(std::uint32_t model);

 private:
  struct LargeAnswer {
    std::uint32_t mark = 0;
    std::uint64_t sequence = 0;
    std::uint64_t offset = 0;  ///< in the heap
  };

  void serve(std::uint32_t thread);
  void wait_for_requests();
  /// Gives what it took.
  Duration run(const RequestFrame& request, std::uint32_t thread);
  [[nodiscard]] std::shared_ptr<backend::Instance> find(std::uint32_t model);
  Result<infer::Response> run_model(const RequestFrame& request, backend::Instance& instance);
  void answer(const RequestFrame& request, const Result<infer::Response>& response, Duration took);
  void sleep_until_rung();
  Status write_outputs(const infer::Response& response, AnswerFrame& frame);
  void write_failure(const Error& error, AnswerFrame& frame);
  void put_answer(const AnswerFrame& frame, std::uint32_t lane);
  void run_apart(const RequestFrame& request, std::uint32_t thread);
  void ring_lanes();
  std::optional<LargeAnswer> take_place(std::uint64_t sequence, std::uint64_t bytes);
  void reclaim();
  [[nodiscard]] bool may_have_to_trim();
  void trim_answers();
  void set_running(std::uint32_t thread, std::uint64_t sequence);

  RunnerOptions options_;

  std::mutex models_mutex_;  // guards this
  std::unordered_map<std::uint32_t, std::shared_ptr<backend::Instance>> models_;

  std::mutex turn_;  // held by the thread that waits for requests; guards these
  RingReader<RequestFrame> reader_;
  SleepWord sleep_;
  std::atomic<std::int64_t> usual_run_ns_{0};
  std::uint32_t unrung_ = 0;        // answers since the last ring_lanes(),
  Duration unrung_for_{};           // the time they took,
  std::uint32_t unrung_lanes_ = 0;  // and a bit for each of their lanes

  std::mutex answers_mutex_;                      // guards these
  std::vector<RingWriter<AnswerFrame>> writers_;  // one for each lane
  std::vector<Bell> bells_;
  std::uint32_t runs_elsewhere_ = 0;  // without turn_
  Heap heap_;
  std::deque<LargeAnswer> large_;  // given and not yet let go, oldest first
  std::vector<std::uint32_t> free_marks_;

  std::vector<std::thread> threads_;  // grows by the main thread alone
};

}  // namespace slipway::worker
