// Coarse timers: arming, moving and disarming one costs a few pointer writes, so every connection has one.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace slipway::net {

/// One deadline. Derive from it. Thread: confined to its loop. Destroying it disarms it.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer() { unlink(); }

  /// Called once per arming, at or up to one tick after the deadline; the timer is disarmed and may be armed
  /// again.
  virtual void on_timer() = 0;
  [[nodiscard]] bool armed() const { return next_ != nullptr; }
  [[nodiscard]] MonoTime deadline() const { return deadline_; }

 private:
  friend class TimerWheel;
  void unlink();

  Timer* next_ = nullptr;
  Timer* previous_ = nullptr;
  MonoTime deadline_{};
};

/// A hashed wheel of 512 slots of 100 ms; a later deadline waits in the last slot and is put in again from
/// there. Source: Varghese and Lauck, "Hashed and hierarchical timing wheels", 1987, scheme 6. Thread:
/// confined to its loop.
class TimerWheel {
 public:
  static constexpr Duration kTick = std::chrono::milliseconds(100);

  explicit TimerWheel(MonoTime now);
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  /// Also moves a timer that is armed.
  void arm(Timer& timer, MonoTime deadline);
  void disarm(Timer& timer) { timer.unlink(); }
  /// Calls what is due.
  void advance(MonoTime now);
  /// When advance() has something to look at; nothing when no timer is armed. Cost: a walk over the slots.
  [[nodiscard]] std::optional<MonoTime> next() const;

 private:
  static constexpr std::size_t kSlots = 512;
  struct Head final : Timer {
    void on_timer() override {}
  };

  void insert(Timer& timer);
  [[nodiscard]] std::int64_t tick_of(MonoTime time) const { return (time - start_) / kTick; }

  MonoTime start_;
  std::int64_t current_ = 0;  ///< the last tick that was looked at
  std::array<Head, kSlots> slots_;
};

}  // namespace slipway::net
