// Receive buffers. A block is shared by the connection that reads into it and the requests that stand in it,
// and goes back to its loop's pool when the last of them lets go.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace slipway::net {

/// Readable bytes behind every buffer that holds a body, for parsers that read in wide steps.
inline constexpr std::size_t kPadding = 64;

class BlockPool;

/// A counted reference to memory of a fixed size. Thread: the count is safe, the bytes are their writer's.
class BlockRef {
 public:
  BlockRef() = default;
  BlockRef(const BlockRef& other) : block_(other.block_) {
    if (block_ != nullptr) block_->refs.fetch_add(1, std::memory_order_relaxed);
  }
  BlockRef(BlockRef&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  BlockRef& operator=(BlockRef other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~BlockRef() {
    if (block_ != nullptr) release(block_);
  }

  [[nodiscard]] explicit operator bool() const { return block_ != nullptr; }
  [[nodiscard]] char* data() const { return reinterpret_cast<char*>(block_ + 1); }
  /// Without the padding behind it.
  [[nodiscard]] std::size_t capacity() const { return block_->capacity; }
  /// True when nobody else holds the block, so that its bytes may be overwritten.
  [[nodiscard]] bool exclusive() const { return block_->refs.load(std::memory_order_acquire) == 1; }

 private:
  friend class BlockPool;
  struct alignas(16) Block {
    std::atomic<std::uint32_t> refs{1};
    std::uint32_t capacity = 0;
    BlockPool* pool = nullptr;  ///< only compared, never followed from another thread
  };
  explicit BlockRef(Block* block) : block_(block) {}
  static void release(Block* block);

  Block* block_ = nullptr;
};

/// Spare blocks and strings of one loop. Thread: confined to its loop; a block let go elsewhere is freed
/// instead.
class BlockPool {
 public:
  static constexpr std::size_t kBlockBytes = std::size_t{16}
                                             << 10U;  ///< as allocated: header, capacity and padding
  static constexpr std::size_t kMaxSpare = 64;

  BlockPool() = default;
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  [[nodiscard]] BlockRef take();
  /// A block of at least `capacity` bytes, which is not kept afterwards.
  [[nodiscard]] BlockRef take_large(std::size_t capacity);

  /// An empty string with memory, for answers; and back.
  [[nodiscard]] std::string take_string();
  void give_string(std::string text);

  /// Makes this the pool that blocks let go on this thread return to. The loop calls it.
  void enter();
  static void leave();

 private:
  friend class BlockRef;
  std::vector<BlockRef::Block*> spare_;
  std::vector<std::string> spare_strings_;
};

}  // namespace slipway::net
