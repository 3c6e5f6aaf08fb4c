// Decisions about workers, apart from workers: when one is started again, when a run hangs, which requests
// are not run any more. Pure: the time is an argument.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "base/clock.h"
#include "crypto/digest.h"

namespace slipway::worker {

/// The first death is answered at once; those that follow quickly wait twice as long each time.
class RestartPolicy {
 public:
  static constexpr Duration kFirst = std::chrono::milliseconds(100);
  static constexpr Duration kLongest = std::chrono::seconds(30);
  static constexpr Duration kForgiven = std::chrono::seconds(10);  ///< a life this long clears the past

  /// How long to wait before the next start. `lived`: from ready to death; zero when it never got ready.
  Duration after_death(Duration lived) {
    if (lived >= kForgiven) deaths_ = 0;
    const int before = deaths_++;
    if (before == 0) return Duration::zero();
    return std::min(kLongest, kFirst * (1 << std::min(before - 1, 20)));
  }

 private:
  int deaths_ = 0;
};

/// How long a run may take: a large multiple of the longest that was seen, and never less than `floor`.
class Watchdog {
 public:
  static constexpr int kFactor = 50;
  static constexpr int kFirstFactor = 6;  ///< times the floor, while no run was seen

  explicit Watchdog(Duration floor) : floor_(floor) {}

  void note_run(Duration took) { longest_ = std::max(longest_, took); }
  [[nodiscard]] Duration limit() const {
    if (longest_ == Duration::zero()) return floor_ * kFirstFactor;
    return std::max(floor_, longest_ * kFactor);
  }

 private:
  Duration floor_;
  Duration longest_{};
};

/// Requests, by digest, that a worker died of. After the second death one is refused for a while.
class PoisonGuard {
 public:
  static constexpr int kDeaths = 2;
  static constexpr Duration kRemembered = std::chrono::minutes(10);
  static constexpr std::size_t kMost = 1024;

  /// Gives how many there were.
  int note_death(const crypto::Digest& request, MonoTime now) {
    forget_old(now);
    Record& record = records_[request];
    const int deaths = ++record.deaths;
    record.until = now + kRemembered;
    order_.push_back({request, record.until});
    while (records_.size() > kMost) drop_oldest();
    return deaths;
  }
  /// What was known before a restart. Precondition: before everything else, what is forgotten soonest first.
  void remember(const crypto::Digest& request, int deaths, MonoTime until) {
    records_[request] = {deaths, until};
    order_.push_back({request, until});
  }
  /// It was run and the worker lived: the deaths were another's fault.
  void note_success(const crypto::Digest& request) { records_.erase(request); }
  [[nodiscard]] bool refuses(const crypto::Digest& request, MonoTime now) {
    forget_old(now);
    const auto at = records_.find(request);
    return at != records_.end() && at->second.deaths >= kDeaths;
  }
  [[nodiscard]] bool empty() const { return records_.empty(); }

 private:
  struct Record {
    int deaths = 0;
    MonoTime until{};
  };
  void forget_old(MonoTime now) {
    while (!order_.empty() && order_.front().second <= now) drop_oldest();
  }
  // An entry of the order that was renewed since is passed over.
  void drop_oldest() {
    const auto [request, until] = order_.front();
    order_.pop_front();
    const auto at = records_.find(request);
    if (at != records_.end() && at->second.until == until) records_.erase(at);
  }

  std::unordered_map<crypto::Digest, Record> records_;
  std::deque<std::pair<crypto::Digest, MonoTime>> order_;  // oldest first
};

}  // namespace slipway::worker
