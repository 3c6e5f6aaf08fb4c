// Memory of small sizes that is taken and given back all the time, kept per loop: with many requests under
// way at once the allocator's own caches are too short.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace slipway::net {

/// Thread: confined to its loop, except for release(). Under the address sanitizer nothing is kept, so that
/// it sees every use after the end.
class FreeLists {
 public:
  static constexpr std::size_t kStep = 64;       ///< sizes are rounded up to a multiple of it
  static constexpr std::size_t kLargest = 2048;  ///< larger ones are the allocator's
  static constexpr std::size_t kMaxSpareBytes = std::size_t{1} << 20U;  ///< kept in all
  static constexpr std::size_t kMaxTexts = 512;
  static constexpr std::size_t kMaxTextBytes = 4096;

  FreeLists() = default;
  ~FreeLists();
  FreeLists(const FreeLists&) = delete;
  FreeLists& operator=(const FreeLists&) = delete;

  /// Null when there is no memory. Aligned to 16 bytes.
  [[nodiscard]] void* take(std::size_t size);
  void give(void* memory);
  /// As realloc().
  [[nodiscard]] void* resize(void* memory, std::size_t size);
  /// Gives memory back on another thread, or after the lists have ended.
  static void release(void* memory);

  /// An empty string, with memory when there is one to spare; and back.
  [[nodiscard]] std::string take_text();
  void give_text(std::string text);

 private:
  struct Head;
  std::array<Head*, kLargest / kStep> spare_{};
  std::size_t spare_bytes_ = 0;
  std::vector<std::string> texts_;
};

}  // namespace slipway::net
