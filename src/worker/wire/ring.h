// Rings of fixed frames in shared memory, one for requests and one per lane for answers, and the bells that
// wake who waits for them.
//
// A side writes only its own piece of memory: its frames, its head, and how far it has read the other's ring
// (the tail). Head and tail count frames since the start and never wrap. What is read from the other side is
// copied once, then judged. Each side keeps its own counts in private memory, so the other can confuse
// nothing but itself.
//
// Bells: the sleep word is odd while its writer sleeps, and counts up at each change. Who has put frames
// rings once per sleep: one wake-up carries all that waits. Who was rung and finds nothing begins another
// sleep, else the next ring would not come.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "worker/wire/memory.h"

namespace slipway::worker {

/// To the worker: run this block.
struct RequestFrame {
  std::uint64_t sequence = 0;  ///< never the same twice, never 0
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint32_t slot = 0;
  std::uint32_t lane = 0;   ///< where the answer is to go
  std::uint32_t model = 0;  ///< by the number with which it was loaded
  std::uint32_t reserved = 0;
};

/// From the worker: done.
struct AnswerFrame {
  static constexpr std::uint32_t kNoMark = UINT32_MAX;

  std::uint64_t sequence = 0;  ///< of the request
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t run_ns = 0;
  std::uint32_t slot = 0;
  std::uint32_t mark = kNoMark;  ///< of a large answer: where the front says that it let go
  std::uint32_t failed = 0;      ///< 1: the block is an encoded Error
  std::uint32_t reserved = 0;
};
static_assert(sizeof(RequestFrame) <= kRingEntryBytes && sizeof(AnswerFrame) <= kRingEntryBytes);

/// Where a ring lies: its head and frames in the writer's piece, its tail in the reader's.
struct RingPlace {
  std::size_t head = 0;
  std::size_t tail = 0;
  std::size_t frames = 0;

  static RingPlace requests() { return {Layout::kHead, Layout::kTail, Layout::kRing}; }
  static RingPlace answers(const Layout& layout, std::uint32_t lane) {
    const std::size_t words = Layout::kLanes + lane * Layout::kLaneBytes;
    return {words, words, Layout::kRing + std::size_t{lane} * layout.slots * kRingEntryBytes};
  }
};

namespace internal {
template <typename T>
T load(const std::byte* at, int order) {
  return __atomic_load_n(reinterpret_cast<const T*>(at), order);
}
template <typename T>
void store(std::byte* at, T value, int order) {
  __atomic_store_n(reinterpret_cast<T*>(at), value, order);
}
}  // namespace internal

/// Thread: external lock.
template <typename Frame>
class RingWriter {
 public:
  RingWriter() = default;
  /// `own`: the writer's piece; `other`: the reader's.
  RingWriter(std::byte* own, const std::byte* other, const RingPlace& place, std::uint32_t slots)
      : own_(own), other_(other), place_(place), slots_(slots) {
    internal::store<std::uint64_t>(own_ + place_.head, 0, __ATOMIC_RELEASE);
  }

  /// False when the reader has left no room; that cannot be with a reader that keeps the rules and no more
  /// frames than slots.
  [[nodiscard]] bool put(const Frame& frame) {
    const auto tail = internal::load<std::uint64_t>(other_ + place_.tail, __ATOMIC_ACQUIRE);
    if (head_ - tail >= slots_) return false;
    std::memcpy(own_ + place_.frames + head_ % slots_ * kRingEntryBytes, &frame, sizeof(frame));
    // Pairs with Bell::should_ring(): the head is seen before the sleep word is looked at.
    internal::store(own_ + place_.head, ++head_, __ATOMIC_SEQ_CST);
    return true;
  }
  /// Frames that the reader has taken, as it says.
  [[nodiscard]] std::uint64_t taken() const {
    return internal::load<std::uint64_t>(other_ + place_.tail, __ATOMIC_ACQUIRE);
  }
  [[nodiscard]] bool all_taken() const { return taken() == head_; }

 private:
  std::byte* own_ = nullptr;
  const std::byte* other_ = nullptr;
  RingPlace place_;
  std::uint64_t slots_ = 0;
  std::uint64_t head_ = 0;
};

enum class Taken : std::uint8_t { kFrame, kNothing, kBroken };

/// Thread: external lock.
template <typename Frame>
class RingReader {
 public:
  RingReader() = default;
  RingReader(std::byte* own, const std::byte* other, const RingPlace& place, std::uint32_t slots)
      : own_(own), other_(other), place_(place), slots_(slots) {
    internal::store<std::uint64_t>(own_ + place_.tail, 0, __ATOMIC_RELEASE);
  }

  /// kBroken: the writer says that it wrote more than there is room for.
  [[nodiscard]] Taken take(Frame& frame) {
    const auto head = internal::load<std::uint64_t>(other_ + place_.head, __ATOMIC_ACQUIRE);
    if (head == tail_) return Taken::kNothing;
    if (head - tail_ > slots_) return Taken::kBroken;
    std::memcpy(&frame, other_ + place_.frames + tail_ % slots_ * kRingEntryBytes, sizeof(frame));
    internal::store(own_ + place_.tail, ++tail_, __ATOMIC_RELEASE);
    return Taken::kFrame;
  }
  [[nodiscard]] bool empty() const {
    return internal::load<std::uint64_t>(other_ + place_.head, __ATOMIC_SEQ_CST) == tail_;
  }

 private:
  std::byte* own_ = nullptr;
  const std::byte* other_ = nullptr;
  RingPlace place_;
  std::uint64_t slots_ = 0;
  std::uint64_t tail_ = 0;
};

/// The sleep word of this side. Thread: confined to who reads the ring.
class SleepWord {
 public:
  SleepWord() = default;
  /// `word`: in this side's own piece.
  explicit SleepWord(std::byte* word) : word_(word) { set(0); }
  /// Look at the ring once more after this, before sleeping.
  void fall_asleep() { set(value_ | 1U); }
  void awake() { set((value_ | 1U) + 1); }
  [[nodiscard]] bool asleep() const { return (value_ & 1U) != 0; }

 private:
  void set(std::uint32_t value) {
    value_ = value;
    internal::store(word_, value, __ATOMIC_SEQ_CST);
  }
  std::byte* word_ = nullptr;
  std::uint32_t value_ = 0;
};

/// Wakes the other side. Thread: external lock, the same as the ring's writer.
class Bell {
 public:
  Bell() = default;
  /// `word`: the sleep word of the other side. Borrows: fd, an eventfd.
  Bell(const std::byte* word, int fd) : word_(word), fd_(fd) {}

  /// True when the other side sleeps and was not rung in this sleep: call ring(). Call it after put().
  [[nodiscard]] bool should_ring() {
    const auto word = internal::load<std::uint32_t>(word_, __ATOMIC_SEQ_CST);
    if ((word & 1U) == 0 || word == rung_) return false;
    rung_ = word;
    return true;
  }
  /// Cost: a system call.
  void ring() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof(one));
  }

 private:
  const std::byte* word_ = nullptr;
  int fd_ = -1;
  std::uint32_t rung_ = 0;
};

}  // namespace slipway::worker
