// The order in which requests of one model are run, and which of them are refused: no threads, no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "infer/infer.h"
#include "serving/queue/binding.h"
#include "serving/queue/pace.h"

namespace slipway::serving {

/// A request that waits for its run. Destroyed after it was answered.
class Pending {
 public:
  virtual ~Pending() = default;
  /// Called once, on one of the scheduler's threads or the backend's. timings.queue, .compute and .batch_rows
  /// are set.
  virtual void answer(Result<infer::Response> response) = 0;
  /// Nobody waits for the answer any more. Cheap; any thread.
  [[nodiscard]] virtual bool gone() const { return false; }

  Binding binding;
  MonoTime created{};
  MonoTime deadline = MonoTime::max();
  std::uint64_t priority = 0;  ///< as infer::Request::priority
  /// Of a request whose run failed: compute and batch_rows.
  infer::Timings failed_run{.batch_rows = 0};

 private:
  friend class RequestQueue;
  friend class Scheduler;
  struct Part {
    std::size_t first = 0;
    infer::Response response;
  };
  // The queue's and the scheduler's, under the scheduler's lock.
  std::size_t level_ = 0;
  Duration work_{};             // what its runs are expected to take one instance
  std::size_t taken_rows_ = 0;  // rows that are on their way already
  std::size_t done_rows_ = 0;
  bool answered_ = false;  // with the failure of one of its parts
  std::vector<Part> parts_;
};

/// Rows of one request.
struct Slice {
  std::shared_ptr<Pending> request;
  std::size_t first = 0;
  std::size_t rows = 0;
  [[nodiscard]] bool whole() const { return first == 0 && rows == request->binding.rows; }
};

/// What is run together; nothing when there are no slices.
struct Batch {
  std::vector<Slice> slices;
  std::size_t rows = 0;      ///< of the slices
  std::size_t run_rows = 0;  ///< of the run: as many, or more where only some sizes are allowed
};

struct QueueOptions {
  std::size_t max_items = 1024;                     ///< requests that may wait
  std::size_t max_bytes = std::size_t{256} << 20U;  ///< their inputs together
  std::size_t max_batch_rows = 1;                   ///< rows of one run; 1 = every request alone
  bool split = false;  ///< a request of more rows is run in pieces; else alone, as it is
  std::vector<std::size_t> batch_sizes = {};  ///< rows that a run may have, ascending; empty = any
  Duration batch_delay{};                     ///< how long a request waits for company
  Duration max_wait = Duration::max();        ///< refused when it would wait longer, whatever its deadline
  std::size_t priority_levels = 1;            ///< 1 goes first
  std::size_t default_priority = 1;           ///< of requests that name none, or one that there is not
  std::string name = "model";                 ///< in messages
};

/// Requests wait in the order of their priority, then of their coming. A request is refused at once when the
/// queue is full, and when it is expected to be answered too late by what Pace knows; with a full queue, a
/// request that nobody waits for any more, else the youngest of a lower priority, makes room. What is taken
/// is the first request and with it those behind it that can be stacked onto it. Thread: external lock.
class RequestQueue {
 public:
  /// What is to be answered with an error, by the caller, when no lock is held.
  struct Refused {
    std::shared_ptr<Pending> request;
    Error error;
  };
  using RefusedList = std::vector<Refused>;

  /// Borrows: pace.
  RequestQueue(QueueOptions options, const Pace& pace);

  /// Queues it, or adds it to `refused`: infer.overloaded, infer.deadline.
  void push(std::shared_ptr<Pending> request, MonoTime now, RefusedList& refused);
  /// Takes the next batch; adds to `refused` what it met on the way whose deadline passed or whose client is
  /// gone: infer.deadline, infer.cancelled.
  Batch take(MonoTime now, RefusedList& refused);
  /// When a batch may be taken: at once, or when the first request has waited for company long enough.
  /// Precondition: not empty.
  [[nodiscard]] MonoTime ready_at() const;

  /// The smallest allowed number of rows for a run of `rows`.
  [[nodiscard]] std::size_t allowed_size(std::size_t rows) const;
  [[nodiscard]] bool empty() const { return items_ == 0; }
  [[nodiscard]] std::size_t size() const { return items_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// How long what waits will take to be answered.
  [[nodiscard]] Duration drain_time(MonoTime now) const;

 private:
  using Entry = std::shared_ptr<Pending>;
  struct Level {
    std::deque<Entry> entries;
    Duration work{};
    std::size_t rows = 0;  // not yet taken
  };

  [[nodiscard]] std::size_t level_of(std::uint64_t priority) const;
  [[nodiscard]] bool stacks() const { return options_.max_batch_rows > 1; }
  [[nodiscard]] Duration work_of(std::size_t rows) const;
  [[nodiscard]] bool has_room(const Pending& request) const;
  [[nodiscard]] Duration wait_of(const Pending& request, MonoTime now) const;
  [[nodiscard]] Error too_late(const Pending& request, Duration wait, MonoTime now) const;
  [[nodiscard]] Error full(MonoTime now) const;
  void make_room(const Pending& request, MonoTime now, RefusedList& refused);
  void drop_gone(RefusedList& refused);
  std::deque<Entry>::iterator remove(Level& level, std::deque<Entry>::iterator at);
  bool drop_dead(Level& level, std::deque<Entry>::iterator& at, MonoTime now, RefusedList& refused);
  void take_rows(Level& level, std::deque<Entry>::iterator& at, std::size_t rows, Batch& batch);
  static void refuse(const Entry& request, Error error, RefusedList& refused);

  const QueueOptions options_;
  const Pace& pace_;
  std::vector<Level> levels_;
  std::size_t items_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace slipway::serving
