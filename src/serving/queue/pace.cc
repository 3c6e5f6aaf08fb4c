#include "serving/queue/pace.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace slipway::serving {
namespace {

std::size_t size_of(std::size_t rows) {
  return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(std::max<std::size_t>(rows, 1))) - 1,
                               31);
}

Duration nanoseconds(double ns) { return Duration(static_cast<std::int64_t>(ns)); }

}  // namespace

void Pace::learn(std::size_t rows, Duration took) {
  constexpr double kWeight = 1.0 / 16;
  Size& size = sizes_[size_of(rows)];
  const auto ns = static_cast<double>(std::max<std::int64_t>(took.count(), 1));
  if (!std::exchange(size.known, true)) {
    size.mean_ns = ns;
    return;
  }
  size.deviation_ns += (std::abs(ns - size.mean_ns) - size.deviation_ns) * kWeight;
  size.mean_ns += (ns - size.mean_ns) * kWeight;
}

std::pair<const Pace::Size*, double> Pace::nearest(std::size_t rows) const {
  const std::size_t wanted = size_of(rows);
  for (std::size_t at = wanted + 1; at-- > 0;) {
    if (sizes_[at].known) return {&sizes_[at], std::ldexp(1.0, static_cast<int>(wanted - at))};
  }
  for (std::size_t at = wanted; at < sizes_.size(); ++at) {
    if (sizes_[at].known) return {&sizes_[at], 1.0};
  }
  return {nullptr, 0};
}

Duration Pace::expect(std::size_t rows) const {
  const auto [size, factor] = nearest(rows);
  return size == nullptr ? Duration{} : nanoseconds(size->mean_ns * factor);
}

Duration Pace::margin(std::size_t rows, Duration before) const {
  const auto [size, factor] = nearest(rows);
  if (size == nullptr) return {};
  const double runs = 1 + static_cast<double>(before.count()) / (size->mean_ns * factor);
  return nanoseconds(3 * size->deviation_ns * factor * std::sqrt(std::max(runs, 1.0)));
}

Pace::RunId Pace::begin(std::size_t rows, MonoTime now) {
  runs_.push_back({++next_, now, expect(rows)});
  return next_;
}

void Pace::end(RunId run) {
  std::erase_if(runs_, [&](const Run& one) { return one.id == run; });
}

Duration Pace::drain_time(Duration work, MonoTime now) const {
  Duration left = work;
  if (runs_.size() >= instances_) {
    for (const Run& run : runs_) left += std::max(run.expected - (now - run.start), Duration{});
  }
  return left / static_cast<std::int64_t>(instances_);
}

}  // namespace slipway::serving
