// Places in a piece of shared memory. What is free is known here alone, in private memory, so that nobody
// else can confuse it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

namespace slipway::worker {

/// First fit from the low end, so that pages once touched are used again. Thread: external lock.
class Heap {
 public:
  static constexpr std::uint64_t kUnit = 4096;  ///< what sizes are rounded up to

  explicit Heap(std::uint64_t size_bytes);

  /// The offset of `bytes` free bytes; nothing when there is no such gap. Range: bytes > 0.
  [[nodiscard]] std::optional<std::uint64_t> take(std::uint64_t bytes);
  /// Precondition: `offset` came from take() and was not given back since.
  void give(std::uint64_t offset);

  [[nodiscard]] bool empty() const { return taken_.empty(); }
  /// The end of the highest place taken since the last reset_high(): what may have been touched.
  [[nodiscard]] std::uint64_t high_bytes() const { return high_; }
  void reset_high();

 private:
  std::uint64_t size_;
  std::uint64_t high_ = 0;
  std::map<std::uint64_t, std::uint64_t> free_;   // offset -> bytes; no two touch
  std::map<std::uint64_t, std::uint64_t> taken_;  // offset -> bytes
};

}  // namespace slipway::worker
