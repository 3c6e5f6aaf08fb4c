#include "serving/queue/scheduler.h"

#include <pthread.h>

#include <algorithm>
#include <optional>

#include "base/check.h"

namespace slipway::serving {

/// A batch on its way through the instance.
struct Scheduler::Flight {
  Batch batch;
  Stacked stacked;                 // owns what was copied
  std::vector<TensorView> inputs;  // of a part of a request, where they stand
  std::optional<Pace::RunId> run;
  MonoTime start{};
};

Scheduler::Scheduler(SchedulerOptions options, backend::Instance& instance, const Clock& clock)
    : options_(std::move(options)),
      instance_(instance),
      clock_(clock),
      pace_(options_.instances),
      queue_(options_.queue, pace_) {
  SLIPWAY_CHECK(options_.instances > 0);
  for (const auto& [rows, took] : options_.measured) pace_.learn(rows, took);
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

void Scheduler::answer_refused(RequestQueue::RefusedList refused) {
  for (auto& one : refused) one.request->answer(std::move(one.error));
}

void Scheduler::push(std::shared_ptr<Pending> request) {
  RequestQueue::RefusedList refused;
  {
    const std::lock_guard lock(mutex_);
    SLIPWAY_CHECK(!closing_);
    queue_.push(std::move(request), clock_.now(), refused);
    const std::size_t most = options_.instances + options_.ahead;
    if (idle_ < queue_.size() && threads_.size() < most) {
      threads_.emplace_back([this] { serve_queue(); });
      pthread_setname_np(threads_.back().native_handle(), options_.queue.name.substr(0, 15).c_str());
    }
  }
  wake_.notify_one();
  answer_refused(std::move(refused));
}

QueueState Scheduler::state() const {
  const std::lock_guard lock(mutex_);
  return {queue_.size(), queue_.bytes(), in_flight_, queue_.drain_time(clock_.now())};
}

void Scheduler::serve_queue() {
  std::unique_lock lock(mutex_);
  // An instance may answer later than submit() returns, so the runs in flight are counted, not the threads.
  const auto may_run = [this] { return in_flight_ < options_.instances + options_.ahead; };
  while (true) {
    ++idle_;
    wake_.wait(lock, [&] { return queue_.empty() ? closing_ : may_run(); });
    --idle_;
    if (queue_.empty()) return;
    const MonoTime now = clock_.now();
    if (const MonoTime ready = queue_.ready_at(); ready > now && !closing_) {
      ++idle_;
      wake_.wait_for(lock, ready - now);
      --idle_;
      continue;
    }
    RequestQueue::RefusedList refused;
    Batch batch = queue_.take(now, refused);
    const bool some = !batch.slices.empty();
    if (some) ++in_flight_;
    lock.unlock();
    answer_refused(std::move(refused));
    if (some) run(std::move(batch));
    lock.lock();
  }
}

void Scheduler::run(Batch batch) {
  auto flight = std::make_unique<Flight>();
  flight->batch = std::move(batch);
  const Batch& taken = flight->batch;
  if (taken.slices.size() > 1 || taken.run_rows > taken.rows) {
    std::vector<RowRange> parts;
    for (const Slice& slice : taken.slices)
      parts.push_back({&slice.request->binding, slice.first, slice.rows});
    flight->stacked = stack(parts, taken.run_rows);
  } else if (!taken.slices.front().whole()) {
    const Slice& slice = taken.slices.front();
    flight->inputs = rows_of({&slice.request->binding, slice.first, slice.rows});
  }
  submit(std::move(flight));
}

// Precondition: the run is counted in in_flight_.
void Scheduler::submit(std::unique_ptr<Flight> flight) {
  flight->start = clock_.now();
  {
    const std::lock_guard lock(mutex_);
    flight->run = pace_.begin(flight->batch.run_rows, flight->start);
  }
  Flight* raw = flight.release();
  const Binding& first = raw->batch.slices.front().request->binding;
  std::span<const TensorView> inputs = first.inputs;
  if (!raw->stacked.inputs.empty()) inputs = raw->stacked.inputs;
  if (!raw->inputs.empty()) inputs = raw->inputs;
  instance_.submit(inputs, first.outputs, [this, raw](Result<infer::Response> response) {
    landed(std::unique_ptr<Flight>(raw), std::move(response));
  });
}

void Scheduler::landed(std::unique_ptr<Flight> flight, Result<infer::Response> response) {
  const MonoTime end = clock_.now();
  const auto& slices = flight->batch.slices;
  const std::size_t run_rows = flight->batch.run_rows;
  Duration took = end - flight->start;
  if (response.ok() && response->timings.compute > Duration{} && response->timings.compute < took)
    took = response->timings.compute;
  {
    const std::lock_guard lock(mutex_);
    pace_.end(*flight->run);
    if (response.ok()) pace_.learn(run_rows, took);
  }
  const auto timed = [&](infer::Response part, std::size_t at) {
    part.timings.compute = took;
    set_times(part.timings, slices[at].request->created, flight->start, end);
    part.timings.batch_rows = run_rows;
    part.timings.leads_run = at == 0;
    settle(slices[at], std::move(part));
  };
  const bool alone = slices.size() == 1 && run_rows == flight->batch.rows;
  if (alone && response.ok()) {
    timed(std::move(*response), 0);
  } else if (response.ok()) {
    std::vector<std::size_t> rows;
    for (const Slice& slice : slices) rows.push_back(slice.rows);
    auto apart = cut(std::move(*response), rows, run_rows);
    if (!apart.ok()) {
      run_one_by_one(*flight);
    } else {
      for (std::size_t i = 0; i < slices.size(); ++i) timed(std::move((*apart)[i]), i);
    }
  } else if (slices.size() > 1) {
    run_one_by_one(*flight);
  } else {
    settle(slices.front(), response.error(), {.compute = took, .batch_rows = run_rows});
  }
  flight.reset();
  // Notified under the lock: the destructor may be waiting for this very run, and would free what is
  // notified.
  const std::lock_guard lock(mutex_);
  --in_flight_;
  wake_.notify_all();
}

// Where only some sizes are allowed, each is still padded to one of them; where padding is what went wrong,
// it goes without.
void Scheduler::run_one_by_one(const Flight& flight) {
  const auto& slices = flight.batch.slices;
  for (const Slice& slice : slices) {
    Batch alone{{slice}, slice.rows, slice.rows};
    if (slices.size() > 1) alone.run_rows = queue_.allowed_size(slice.rows);
    {
      const std::lock_guard lock(mutex_);
      ++in_flight_;
    }
    run(std::move(alone));
  }
}

void Scheduler::settle(const Slice& slice, Result<infer::Response> response,
                       const infer::Timings& failed_run) {
  if (slice.whole()) {
    if (!response.ok()) slice.request->failed_run = failed_run;
    slice.request->answer(std::move(response));
  } else {
    settle_part(slice, std::move(response), failed_run);
  }
}

// The last part to come answers the request, or the first that failed.
void Scheduler::settle_part(const Slice& slice, Result<infer::Response> response,
                            const infer::Timings& failed_run) {
  Pending& request = *slice.request;
  std::vector<Pending::Part> parts;
  {
    const std::lock_guard lock(mutex_);
    if (request.answered_) return;
    if (response.ok()) {
      request.done_rows_ += slice.rows;
      request.parts_.push_back({slice.first, std::move(*response)});
      if (request.done_rows_ < request.binding.rows) return;
    }
    request.answered_ = true;
    parts.swap(request.parts_);
  }
  if (!response.ok()) {
    request.failed_run = failed_run;
    request.answer(std::move(response));
    return;
  }
  std::sort(parts.begin(), parts.end(),
            [](const Pending::Part& a, const Pending::Part& b) { return a.first < b.first; });
  std::vector<infer::Response> responses;
  for (Pending::Part& part : parts) responses.push_back(std::move(part.response));
  auto whole = join(std::move(responses));
  if (whole.ok()) {
    whole->timings.queue =
        std::max(clock_.now() - request.created - whole->timings.compute, Duration::zero());
  }
  request.answer(std::move(whole));
}

}  // namespace slipway::serving
