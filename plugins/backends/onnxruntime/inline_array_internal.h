// A fixed number of trivial elements, without allocation while they are few.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

namespace slipway::onnxruntime {

template <typename T, std::size_t kInline>
class InlineArray {
 public:
  explicit InlineArray(std::size_t size) : size_(size) {
    if (size > kInline) more_ = std::make_unique<T[]>(size);
  }
  InlineArray(const InlineArray&) = delete;
  InlineArray& operator=(const InlineArray&) = delete;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] T* data() { return more_ ? more_.get() : few_.data(); }
  T& operator[](std::size_t i) { return data()[i]; }

 private:
  std::size_t size_;
  std::array<T, kInline> few_{};
  std::unique_ptr<T[]> more_;
};

}  // namespace slipway::onnxruntime
