// Time is injected, so that tests decide what time it is.
#pragma once

#include <chrono>
#include <cstdint>

namespace slipway {

using Duration = std::chrono::nanoseconds;
/// A point on a clock that never goes back; only differences mean anything.
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;
/// A point in civil time (UTC).
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

/// Thread: safe.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual MonoTime now() const = 0;
  [[nodiscard]] virtual WallTime wall_now() const = 0;
};

/// The machine's clock. It has no state; callers hand a reference down from where the program is assembled.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] MonoTime now() const override;
  [[nodiscard]] WallTime wall_now() const override;
};

/// A clock that moves only when told. Thread: external lock.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] MonoTime now() const override { return now_; }
  [[nodiscard]] WallTime wall_now() const override { return wall_; }
  void advance(Duration by) {
    now_ += by;
    wall_ += by;
  }
  void set_wall(WallTime wall) { wall_ = wall; }

 private:
  MonoTime now_{};
  WallTime wall_{};
};

}  // namespace slipway
