// What a client may do that costs us more than it costs the client: spent by the act, earned back by time and
// by useful work.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace slipway::net::http2 {

/// A token bucket that starts full. Thread: external lock.
class Allowance {
 public:
  /// `most` it can hold; `per_second` it gains by itself.
  Allowance(double most, double per_second) : most_(most), per_second_(per_second), left_(most) {}

  /// Takes one. False when there is none.
  [[nodiscard]] bool spend(MonoTime now) {
    if (!started_) {
      started_ = true;
      filled_ = now;
    }
    if (left_ < 1) refill(now);
    if (left_ < 1) return false;
    left_ -= 1;
    return true;
  }
  void earn(double count) { left_ = std::min(most_, left_ + count); }

 private:
  void refill(MonoTime now) {
    earn(std::chrono::duration<double>(now - filled_).count() * per_second_);
    filled_ = now;
  }

  double most_;
  double per_second_;
  double left_;
  bool started_ = false;
  MonoTime filled_{};
};

}  // namespace slipway::net::http2
