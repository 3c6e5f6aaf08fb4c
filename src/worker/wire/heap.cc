#include "worker/wire/heap.h"

#include <algorithm>

#include "base/check.h"

namespace slipway::worker {

Heap::Heap(std::uint64_t size_bytes) : size_(size_bytes / kUnit * kUnit) {
  if (size_ > 0) free_.emplace(0, size_);
}

std::optional<std::uint64_t> Heap::take(std::uint64_t bytes) {
  if (bytes > size_) return std::nullopt;
  const std::uint64_t wanted = (std::max<std::uint64_t>(bytes, 1) + kUnit - 1) / kUnit * kUnit;
  const auto gap =
      std::find_if(free_.begin(), free_.end(), [&](const auto& entry) { return entry.second >= wanted; });
  if (gap == free_.end()) return std::nullopt;
  const auto [offset, size] = *gap;
  free_.erase(gap);
  if (size > wanted) free_.emplace(offset + wanted, size - wanted);
  taken_.emplace(offset, wanted);
  high_ = std::max(high_, offset + wanted);
  return offset;
}

void Heap::give(std::uint64_t offset) {
  const auto at = taken_.find(offset);
  SLIPWAY_CHECK(at != taken_.end());
  std::uint64_t size = at->second;
  taken_.erase(at);
  auto next = free_.lower_bound(offset);
  if (next != free_.end() && offset + size == next->first) {
    size += next->second;
    next = free_.erase(next);
  }
  if (next != free_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == offset) {
      before->second += size;
      return;
    }
  }
  free_.emplace(offset, size);
}

void Heap::reset_high() { high_ = taken_.empty() ? 0 : taken_.rbegin()->first + taken_.rbegin()->second; }

}  // namespace slipway::worker
