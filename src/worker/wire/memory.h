// Memory that two processes share, known by its descriptor only, and how it is laid out.
//
// Two pieces of one layout: requests (the front writes, the worker reads) and answers (the worker writes, the
// front reads). Answers come back in lanes, one for each of the front's loops, so that a loop takes its own
// answers itself. Each piece holds
//   0     a page of words:
//         at 0: uint64, in requests: head of the ring of requests
//         at 64: uint64, in answers: its tail, as far as the worker has read it
//         at 128: uint32, in answers: the worker's sleep word
//         at 192: 64 x uint64, in answers: the sequence that each run thread is running, 0 = none
//         at 1024: lanes x 64 bytes: uint64 head (in answers) or tail (in requests) of the lane's ring |
//         at 16: uint32, in requests: the sleep word of the lane's reader
//   4096  rings: lanes x slots x 64 bytes (ring.h); in requests, the first is the ring of requests
//         marks: kLargeAnswers x uint64, in requests: the sequence of the last large answer that the front
//         let go
//         small blocks: slots x kSmallBytes, one for each slot
//         the heap: blocks that are larger
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "net/loop/fd.h"

namespace slipway::worker {

inline constexpr std::size_t kSmallBytes = 4096;
inline constexpr std::size_t kRingEntryBytes = 64;
inline constexpr std::size_t kLargeAnswers = 1024;
inline constexpr std::size_t kMaxRunThreads = 64;
inline constexpr std::size_t kMaxLanes = 32;

struct Layout {
  static constexpr std::size_t kHead = 0;
  static constexpr std::size_t kTail = 64;
  static constexpr std::size_t kSleep = 128;
  static constexpr std::size_t kRunning = 192;
  static constexpr std::size_t kLanes = 1024;
  static constexpr std::size_t kLaneBytes = 64;
  static constexpr std::size_t kLaneSleep = 16;
  static constexpr std::size_t kRing = 4096;

  std::uint32_t slots = 0;
  std::uint32_t lanes = 0;
  std::uint64_t marks = 0;
  std::uint64_t small = 0;
  std::uint64_t heap = 0;
  std::uint64_t heap_bytes = 0;
  std::uint64_t total_bytes = 0;

  /// Nothing when a size is zero, absurd or no multiple of a page. Range: slots 1 to 65536, lanes 1 to
  /// kMaxLanes, heap up to 1 TiB.
  static std::optional<Layout> make(std::uint32_t slots, std::uint64_t heap_bytes, std::uint32_t lanes);
  /// True when a block at `offset` of `bytes` is a small one of `slot` or wholly in the heap.
  [[nodiscard]] bool holds(std::uint64_t offset, std::uint64_t bytes, std::uint32_t slot) const;
  [[nodiscard]] std::uint64_t small_of(std::uint32_t slot) const { return small + slot * kSmallBytes; }
  [[nodiscard]] static std::size_t sleep_of(std::uint32_t lane) {
    return kLanes + lane * kLaneBytes + kLaneSleep;
  }
};

/// A mapped memfd whose size is sealed, so that neither side can pull it away from under the other.
/// Move-only.
class SharedMemory {
 public:
  enum class Access : std::uint8_t { kRead, kReadWrite };

  SharedMemory() = default;
  ~SharedMemory();
  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&& other) noexcept;

  /// New memory, all zero; pages cost nothing before they are touched. Errors: worker.memory.
  static Result<SharedMemory> create(const char* name, std::uint64_t bytes, Access access);
  /// Memory received from the other side. Errors: worker.memory when it has another size or is not sealed.
  static Result<SharedMemory> adopt(net::Fd fd, std::uint64_t bytes, Access access);

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Gives whole pages in the range back to the system; they read as zero afterwards.
  void release_pages(std::uint64_t offset, std::uint64_t bytes);

 private:
  static Result<SharedMemory> map(net::Fd fd, std::uint64_t bytes, Access access);

  net::Fd fd_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// A descriptor to `fd`'s memory through which it can only be read. Errors: worker.memory.
Result<net::Fd> read_only_copy(int fd);

/// A file's bytes as a memfd that nobody can change any more. Errors: worker.memory.
Result<net::Fd> sealed_copy(const char* name, ByteView bytes);

}  // namespace slipway::worker
