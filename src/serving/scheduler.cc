#include "serving/scheduler.h"

#include <pthread.h>

#include <utility>

#include "base/check.h"
#include "serving/stacking.h"

namespace slipway::serving {

Scheduler::Scheduler(SchedulerOptions options, backend::Instance& instance, const Clock& clock)
    : options_(std::move(options)), instance_(instance), clock_(clock) {
  SLIPWAY_CHECK(options_.instances > 0 && options_.max_batch_rows > 0);
}

Scheduler::~Scheduler() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return in_flight_ == 0; });
}

bool Scheduler::try_push(std::unique_ptr<Pending>& request) {
  {
    const std::lock_guard lock(mutex_);
    SLIPWAY_CHECK(!closing_);
    const std::size_t bytes = request->binding.input_bytes;
    // One request larger than all the room still gets in when nothing waits.
    if (queue_.size() >= options_.max_items) return false;
    if (!queue_.empty() && queued_bytes_ + bytes > options_.max_bytes) return false;
    queued_bytes_ += bytes;
    queue_.push_back(std::move(request));
    if (idle_ < queue_.size() && threads_.size() < options_.instances) {
      threads_.emplace_back([this] { serve_queue(); });
      pthread_setname_np(threads_.back().native_handle(), options_.name.substr(0, 15).c_str());
    }
  }
  wake_.notify_one();
  return true;
}

std::size_t Scheduler::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

void Scheduler::serve_queue() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    // An instance may answer later than submit() returns, so the runs in flight are counted, not the threads.
    wake_.wait(lock, [this] { return queue_.empty() ? closing_ : in_flight_ < options_.instances; });
    --idle_;
    if (queue_.empty()) return;
    Batch batch = take_batch();
    ++in_flight_;
    lock.unlock();
    run(std::move(batch));
    lock.lock();
  }
}

// The oldest request and those behind it that fit onto it. Requests of another shape are passed over and keep
// their place.
Scheduler::Batch Scheduler::take_batch() {
  Batch batch;
  batch.push_back(std::move(queue_.front()));
  queue_.pop_front();
  std::size_t rows = batch.front()->binding.rows;
  queued_bytes_ -= batch.front()->binding.input_bytes;
  for (auto at = queue_.begin(); at != queue_.end() && rows < options_.max_batch_rows;) {
    Pending& candidate = **at;
    const bool fits = rows + candidate.binding.rows <= options_.max_batch_rows &&
                      can_stack(batch.front()->binding, candidate.binding);
    if (!fits) {
      ++at;
      continue;
    }
    rows += candidate.binding.rows;
    queued_bytes_ -= candidate.binding.input_bytes;
    batch.push_back(std::move(*at));
    at = queue_.erase(at);
  }
  return batch;
}

void Scheduler::run(Batch batch) {
  const MonoTime now = clock_.now();
  std::erase_if(batch, [&](std::unique_ptr<Pending>& request) {
    if (now < request->deadline) return false;
    request->answer(
        deadline_exceeded("infer.deadline", "the deadline passed while the request waited in the queue"));
    return true;
  });
  if (batch.size() > 1) {
    run_stacked(std::move(batch));
  } else if (!batch.empty()) {
    run_alone(std::move(batch.front()));
  } else {
    end_run();
  }
}

void Scheduler::begin_run() {
  const std::lock_guard lock(mutex_);
  ++in_flight_;
}

void Scheduler::end_run() {
  // Notified under the lock: the destructor may be waiting for this very run, and would free what is
  // notified.
  const std::lock_guard lock(mutex_);
  --in_flight_;
  wake_.notify_all();
}

// Precondition for both: the run is counted in in_flight_.
void Scheduler::run_alone(std::unique_ptr<Pending> request) {
  const MonoTime start = clock_.now();
  Pending* raw = request.release();
  instance_.submit(raw->binding.inputs, raw->binding.outputs,
                   [this, raw, start](Result<infer::Response> response) {
                     const std::unique_ptr<Pending> owned(raw);
                     if (response.ok()) {
                       set_times(response->timings, owned->created, start, clock_.now());
                       response->timings.batch_rows = owned->binding.rows;
                     }
                     owned->answer(std::move(response));
                     end_run();
                   });
}

namespace {

/// A batch on its way through the instance.
struct Flight {
  std::vector<std::unique_ptr<Pending>> requests;
  Stacked stacked;
  std::vector<std::size_t> rows;
  MonoTime start{};
};

// `ran`: what the run took, when the instance has said so.
void answer_all(Flight& flight, std::vector<infer::Response> parts, Duration ran, MonoTime end) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts[i].timings.compute = ran;
    set_times(parts[i].timings, flight.requests[i]->created, flight.start, end);
    parts[i].timings.batch_rows = flight.stacked.rows;
    parts[i].timings.leads_run = i == 0;
    flight.requests[i]->answer(std::move(parts[i]));
  }
}

}  // namespace

void Scheduler::run_stacked(Batch batch) {
  auto flight = std::make_unique<Flight>();
  std::vector<const Binding*> parts;
  for (const auto& request : batch) {
    parts.push_back(&request->binding);
    flight->rows.push_back(request->binding.rows);
  }
  flight->stacked = stack(parts);
  flight->requests = std::move(batch);
  flight->start = clock_.now();
  Flight* raw = flight.release();
  instance_.submit(raw->stacked.inputs, raw->requests.front()->binding.outputs,
                   [this, raw](Result<infer::Response> response) {
                     const std::unique_ptr<Flight> owned(raw);
                     const Duration ran = response.ok() ? response->timings.compute : Duration::zero();
                     auto apart = response.ok() ? cut(std::move(*response), owned->rows)
                                                : Result<std::vector<infer::Response>>(response.error());
                     if (apart.ok()) {
                       answer_all(*owned, std::move(*apart), ran, clock_.now());
                     } else {
                       for (auto& request : owned->requests) {
                         begin_run();
                         run_alone(std::move(request));
                       }
                     }
                     end_run();
                   });
}

}  // namespace slipway::serving
