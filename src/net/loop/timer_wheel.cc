#include "net/loop/timer_wheel.h"

#include <algorithm>

namespace slipway::net {

void Timer::unlink() {
  if (next_ == nullptr) return;
  next_->previous_ = previous_;
  previous_->next_ = next_;
  next_ = nullptr;
  previous_ = nullptr;
}

TimerWheel::TimerWheel(MonoTime now) : start_(now) {
  for (Head& head : slots_) {
    head.next_ = &head;
    head.previous_ = &head;
  }
}

TimerWheel::~TimerWheel() {
  for (Head& head : slots_) {
    while (head.next_ != &head) head.next_->unlink();
    head.next_ = nullptr;
    head.previous_ = nullptr;
  }
}

void TimerWheel::arm(Timer& timer, MonoTime deadline) {
  timer.unlink();
  timer.deadline_ = deadline;
  insert(timer);
}

void TimerWheel::insert(Timer& timer) {
  // The tick after the deadline, so that a timer is never early; at least the next one, at most a whole turn
  // ahead.
  const std::int64_t wanted = timer.deadline_ <= start_ ? 0 : tick_of(timer.deadline_) + 1;
  const std::int64_t tick =
      std::clamp(wanted, current_ + 1, current_ + static_cast<std::int64_t>(kSlots) - 1);
  Head& head = slots_[static_cast<std::size_t>(tick) % kSlots];
  timer.next_ = &head;
  timer.previous_ = head.previous_;
  head.previous_->next_ = &timer;
  head.previous_ = &timer;
}

void TimerWheel::advance(MonoTime now) {
  const std::int64_t target = tick_of(now);
  if (target <= current_) return;
  const std::int64_t first = std::max(current_ + 1, target - static_cast<std::int64_t>(kSlots) + 1);
  current_ = target;
  for (std::int64_t tick = first; tick <= target; ++tick) {
    Head& head = slots_[static_cast<std::size_t>(tick) % kSlots];
    // Taken out as a whole first: what a callback arms or destroys changes the lists under us.
    Head due;
    if (head.next_ == &head) continue;
    due.next_ = head.next_;
    due.previous_ = head.previous_;
    due.next_->previous_ = &due;
    due.previous_->next_ = &due;
    head.next_ = &head;
    head.previous_ = &head;
    while (due.next_ != &due) {
      Timer& timer = *due.next_;
      timer.unlink();
      if (timer.deadline_ <= now) {
        timer.on_timer();
      } else {
        insert(timer);
      }
    }
    due.next_ = nullptr;
  }
}

std::optional<MonoTime> TimerWheel::next() const {
  for (std::int64_t ahead = 1; ahead < static_cast<std::int64_t>(kSlots); ++ahead) {
    const std::int64_t tick = current_ + ahead;
    const Head& head = slots_[static_cast<std::size_t>(tick) % kSlots];
    if (head.next_ != &head) return start_ + tick * kTick;
  }
  return std::nullopt;
}

}  // namespace slipway::net
