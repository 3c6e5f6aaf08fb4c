// Memory for bodies that do not fit their connection's receive buffer, counted against one budget of the
// server.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "net/loop/block.h"

namespace slipway::net {

/// Bytes that all bodies together may hold. Thread: safe.
class Budget {
 public:
  explicit Budget(std::size_t limit) : limit_(limit) {}
  /// Takes bytes, or nothing and gives false.
  [[nodiscard]] bool take(std::size_t bytes) {
    if (held_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= limit_) return true;
    give(bytes);
    return false;
  }
  void give(std::size_t bytes) { held_.fetch_sub(bytes, std::memory_order_relaxed); }
  [[nodiscard]] std::size_t held() const { return held_.load(std::memory_order_relaxed); }

 private:
  std::size_t limit_;
  std::atomic<std::size_t> held_{0};
};

/// A growing body, always followed by kPadding readable bytes. Memory is not touched before it is filled.
class BodyBuffer {
 public:
  BodyBuffer() = default;
  explicit BodyBuffer(std::shared_ptr<Budget> budget) : budget_(std::move(budget)) {}
  BodyBuffer(BodyBuffer&& other) noexcept { swap(other); }
  BodyBuffer& operator=(BodyBuffer&& other) noexcept {
    swap(other);
    return *this;
  }
  BodyBuffer(const BodyBuffer&) = delete;
  BodyBuffer& operator=(const BodyBuffer&) = delete;
  ~BodyBuffer();

  /// Room for `capacity` bytes in all. False: the budget does not allow it; nothing changed.
  [[nodiscard]] bool reserve(std::size_t capacity);
  /// Grows by doubling as needed.
  [[nodiscard]] bool append(std::string_view bytes);

  [[nodiscard]] char* free_space() { return data_.get() + size_; }
  [[nodiscard]] std::size_t free_bytes() const { return capacity_ - size_; }
  void grow_size(std::size_t bytes) { size_ += bytes; }
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Zeroes the padding; call it when the body is whole.
  [[nodiscard]] ByteView finish();

 private:
  void swap(BodyBuffer& other) noexcept;

  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };

  std::shared_ptr<Budget> budget_;
  std::unique_ptr<char, Free> data_;  ///< of malloc(), whose large pieces grow without being copied
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace slipway::net
