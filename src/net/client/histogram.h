// Latencies counted in buckets that grow with the value, so that every percentile is right to within 1 %.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"

namespace slipway::net {

/// Below 128 ns every nanosecond has a bucket, above it every doubling has 64: a bucket is at most 1/64 wide,
/// and its middle is at most 0.8 % off. Range: 0 to about 73 minutes; more is counted as that. Source: the
/// layout of HdrHistogram. Thread: external lock.
class Histogram {
 public:
  Histogram();

  void record(Duration value);
  void merge(const Histogram& other);
  void clear();

  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// The value that the share `frac` of all values does not exceed. Zero when nothing was recorded. Range:
  /// frac 0..1.
  [[nodiscard]] Duration quantile(double frac) const;
  /// Which share of all values is at most `value`, to within a bucket. Range: 0..1; 0 when nothing was
  /// recorded.
  [[nodiscard]] double share_up_to(Duration value) const;
  [[nodiscard]] Duration max() const { return Duration(static_cast<std::int64_t>(max_)); }
  [[nodiscard]] Duration mean() const;

 private:
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace slipway::net
