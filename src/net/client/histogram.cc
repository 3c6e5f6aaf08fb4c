#include "net/client/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

namespace slipway::net {
namespace {

constexpr unsigned kSubBits = 6;  // 64 buckets for each doubling
constexpr unsigned kMaxBits = 42;
constexpr std::uint64_t kMaxValue = (std::uint64_t{1} << kMaxBits) - 1;

std::size_t bucket_of(std::uint64_t value) {
  const auto bits = static_cast<unsigned>(std::bit_width(value));
  if (bits <= kSubBits + 1) return static_cast<std::size_t>(value);
  const unsigned shift = bits - kSubBits - 1;
  return (static_cast<std::size_t>(shift) << kSubBits) + static_cast<std::size_t>(value >> shift);
}

std::uint64_t middle_of(std::size_t bucket) {
  if (bucket < (std::size_t{2} << kSubBits)) return bucket;
  const std::size_t shift = (bucket >> kSubBits) - 1;
  const std::uint64_t first = static_cast<std::uint64_t>(bucket - (shift << kSubBits)) << shift;
  return first + (std::uint64_t{1} << shift) / 2;
}

}  // namespace

Histogram::Histogram() : buckets_(bucket_of(kMaxValue) + 1) {}

void Histogram::record(Duration value) {
  const auto clamped =
      std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(value.count(), 0)), kMaxValue);
  ++buckets_[bucket_of(clamped)];
  ++count_;
  max_ = std::max(max_, clamped);
  sum_ += static_cast<double>(clamped);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

void Histogram::clear() { *this = Histogram(); }

Duration Histogram::quantile(double frac) const {
  if (count_ == 0) return Duration::zero();
  const double wanted = std::ceil(std::clamp(frac, 0.0, 1.0) * static_cast<double>(count_));
  const auto rank = std::max<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank) return Duration(static_cast<std::int64_t>(std::min(middle_of(i), max_)));
  }
  return max();
}

double Histogram::share_up_to(Duration value) const {
  if (count_ == 0 || value.count() < 0) return 0;
  const std::size_t last = bucket_of(std::min(static_cast<std::uint64_t>(value.count()), kMaxValue));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i <= last; ++i) seen += buckets_[i];
  return static_cast<double>(seen) / static_cast<double>(count_);
}

Duration Histogram::mean() const {
  return count_ == 0 ? Duration::zero()
                     : Duration(static_cast<std::int64_t>(sum_ / static_cast<double>(count_)));
}

}  // namespace slipway::net
