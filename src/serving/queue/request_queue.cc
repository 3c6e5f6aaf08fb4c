#include "serving/queue/request_queue.h"

#include <algorithm>

#include "base/check.h"
#include "serving/queue/stacking.h"

namespace slipway::serving {
namespace {

std::string milliseconds(Duration time) {
  return std::to_string(std::chrono::ceil<std::chrono::milliseconds>(time).count()) + " ms";
}

Error passed(std::string_view where) {
  return deadline_exceeded("infer.deadline", "the deadline passed " + std::string(where));
}

}  // namespace

RequestQueue::RequestQueue(QueueOptions options, const Pace& pace)
    : options_(std::move(options)), pace_(pace), levels_(options_.priority_levels) {
  SLIPWAY_CHECK(options_.max_batch_rows > 0 && !levels_.empty());
  SLIPWAY_CHECK(options_.default_priority > 0 && options_.default_priority <= levels_.size());
}

std::size_t RequestQueue::level_of(std::uint64_t priority) const {
  const bool known = priority > 0 && priority <= levels_.size();
  return (known ? static_cast<std::size_t>(priority) : options_.default_priority) - 1;
}

// Where requests are run together, a request takes its share of a full run.
Duration RequestQueue::work_of(std::size_t rows) const {
  if (!stacks()) return pace_.expect(rows);
  const double share = static_cast<double>(rows) / static_cast<double>(options_.max_batch_rows);
  return Duration(
      static_cast<std::int64_t>(share * static_cast<double>(pace_.expect(options_.max_batch_rows).count())));
}

// One request larger than all the room still gets in when nothing waits.
bool RequestQueue::has_room(const Pending& request) const {
  if (items_ >= options_.max_items) return false;
  return items_ == 0 || bytes_ + request.binding.input_bytes <= options_.max_bytes;
}

Duration RequestQueue::drain_time(MonoTime now) const {
  Duration work{};
  for (const Level& level : levels_) work += level.work;
  return pace_.drain_time(work, now);
}

// Parts of the request may be on their way; they find that it was answered.
void RequestQueue::refuse(const Entry& request, Error error, RefusedList& refused) {
  request->answered_ = true;
  refused.push_back({request, std::move(error)});
}

// Until the request is answered, if nothing of a higher priority comes.
Duration RequestQueue::wait_of(const Pending& request, MonoTime now) const {
  Duration work{};
  std::size_t rows = request.binding.rows;
  for (std::size_t at = 0; at <= request.level_; ++at) {
    work += levels_[at].work;
    rows += levels_[at].rows;
  }
  const std::size_t most = options_.max_batch_rows;
  std::size_t own = request.binding.rows;
  if (stacks() && own <= most) own = std::min(rows, most);
  if (options_.split && own > most) {
    work += work_of(own - most);
    own = most;
  }
  const Duration before = pace_.drain_time(work, now);
  return before + pace_.expect(own) + pace_.margin(own, before);
}

Error RequestQueue::full(MonoTime now) const {
  return resource_exhausted("infer.overloaded", "model \"" + options_.name + "\" has " +
                                                    std::to_string(items_) +
                                                    " requests waiting; try again later")
      .with_retry_after(drain_time(now));
}

Error RequestQueue::too_late(const Pending& request, Duration wait, MonoTime now) const {
  const bool late = request.deadline != MonoTime::max() && now + wait > request.deadline;
  const Duration limit = late ? request.deadline - now : options_.max_wait;
  return resource_exhausted("infer.overloaded",
                            "model \"" + options_.name + "\" has " + std::to_string(items_) +
                                " requests waiting, so an answer would take about " + milliseconds(wait) +
                                ", and " + milliseconds(limit) +
                                (late ? " are left until the request's deadline" : " are the limit") +
                                "; try again later")
      .with_retry_after(drain_time(now));
}

void RequestQueue::push(std::shared_ptr<Pending> request, MonoTime now, RefusedList& refused) {
  request->level_ = level_of(request->priority);
  if (request->deadline <= now) {
    refuse(request, passed("before the request was queued"), refused);
    return;
  }
  if (!has_room(*request)) make_room(*request, now, refused);
  if (!has_room(*request)) {
    refuse(request, full(now), refused);
    return;
  }
  // An idle model takes every request: so it is known again what its runs take, should that have been wrong.
  if (items_ > 0 || pace_.in_flight() > 0) {
    const Duration wait = wait_of(*request, now);
    const Duration limit = std::min(request->deadline - now, options_.max_wait);
    if (wait > limit) {
      refuse(request, too_late(*request, wait, now), refused);
      return;
    }
  }
  Level& level = levels_[request->level_];
  request->work_ = work_of(request->binding.rows);
  level.work += request->work_;
  level.rows += request->binding.rows;
  bytes_ += request->binding.input_bytes;
  ++items_;
  level.entries.push_back(std::move(request));
}

void RequestQueue::drop_gone(RefusedList& refused) {
  for (Level& level : levels_) {
    for (auto at = level.entries.begin(); at != level.entries.end();) {
      if (!(*at)->gone() || (*at)->answered_) {
        ++at;
        continue;
      }
      refuse(*at, cancelled("infer.cancelled", "the client is gone"), refused);
      at = remove(level, at);
    }
  }
}

void RequestQueue::make_room(const Pending& request, MonoTime now, RefusedList& refused) {
  drop_gone(refused);
  for (std::size_t at = levels_.size(); at-- > request.level_ + 1 && !has_room(request);) {
    Level& level = levels_[at];
    while (!level.entries.empty() && level.entries.back()->taken_rows_ == 0 && !has_room(request)) {
      refuse(level.entries.back(), full(now), refused);
      remove(level, std::prev(level.entries.end()));
    }
  }
}

std::deque<RequestQueue::Entry>::iterator RequestQueue::remove(Level& level, std::deque<Entry>::iterator at) {
  Pending& request = **at;
  level.work -= request.work_;
  level.rows -= request.binding.rows - request.taken_rows_;
  bytes_ -= request.binding.input_bytes;
  --items_;
  return level.entries.erase(at);
}

MonoTime RequestQueue::ready_at() const {
  if (options_.batch_delay <= Duration{}) return MonoTime{};
  std::size_t rows = 0;
  MonoTime oldest = MonoTime::max();
  for (const Level& level : levels_) {
    rows += level.rows;
    if (!level.entries.empty()) oldest = std::min(oldest, level.entries.front()->created);
  }
  return rows >= options_.max_batch_rows ? MonoTime{} : oldest + options_.batch_delay;
}

// True when the entry was removed; `at` is then the one behind it.
bool RequestQueue::drop_dead(Level& level, std::deque<Entry>::iterator& at, MonoTime now,
                             RefusedList& refused) {
  Pending& request = **at;
  if (request.answered_) {
    at = remove(level, at);
    return true;
  }
  const bool late = request.deadline <= now;
  if (!late && !request.gone()) return false;
  refuse(*at,
         late ? passed("while the request waited in the queue")
              : cancelled("infer.cancelled", "the client is gone"),
         refused);
  at = remove(level, at);
  return true;
}

void RequestQueue::take_rows(Level& level, std::deque<Entry>::iterator& at, std::size_t rows, Batch& batch) {
  Pending& request = **at;
  batch.slices.push_back({*at, request.taken_rows_, rows});
  batch.rows += rows;
  const std::size_t left = request.binding.rows - request.taken_rows_ - rows;
  if (left == 0) {
    at = remove(level, at);
    request.taken_rows_ = request.binding.rows;
    return;
  }
  const auto work = Duration(request.work_.count() * static_cast<std::int64_t>(rows) /
                             static_cast<std::int64_t>(left + rows));
  request.work_ -= work;
  level.work -= work;
  level.rows -= rows;
  request.taken_rows_ += rows;
  ++at;
}

std::size_t RequestQueue::allowed_size(std::size_t rows) const {
  const auto& sizes = options_.batch_sizes;
  const auto at = std::lower_bound(sizes.begin(), sizes.end(), rows);
  return at == sizes.end() ? rows : *at;
}

Batch RequestQueue::take(MonoTime now, RefusedList& refused) {
  Batch batch;
  const std::size_t most = options_.max_batch_rows;
  for (Level& level : levels_) {
    for (auto at = level.entries.begin(); at != level.entries.end() && (batch.rows < most);) {
      if (drop_dead(level, at, now, refused)) continue;
      const Pending& request = **at;
      const std::size_t left = request.binding.rows - request.taken_rows_;
      if (batch.slices.empty()) {
        const bool in_pieces = options_.split && left > most && rows_agree(request.binding);
        take_rows(level, at, in_pieces ? most : left, batch);
        continue;
      }
      const bool fits =
          batch.rows + left <= most && can_stack(batch.slices.front().request->binding, request.binding);
      if (fits) {
        take_rows(level, at, left, batch);
      } else {
        ++at;
      }
    }
  }
  batch.run_rows = allowed_size(batch.rows);
  return batch;
}

}  // namespace slipway::serving
