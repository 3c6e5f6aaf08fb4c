#include "net/body.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace slipway::net {
namespace {

constexpr std::size_t kSmallest = 4096;

}  // namespace

BodyBuffer::~BodyBuffer() {
  if (budget_ != nullptr && capacity_ > 0) budget_->give(capacity_);
}

void BodyBuffer::swap(BodyBuffer& other) noexcept {
  std::swap(budget_, other.budget_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
}

bool BodyBuffer::reserve(std::size_t capacity) {
  if (capacity <= capacity_) return true;
  // Old and new may exist together while the bytes move, so both are paid for.
  if (budget_ != nullptr && !budget_->take(capacity)) return false;
  char* grown = static_cast<char*>(std::realloc(data_.get(), capacity + kPadding));
  if (grown == nullptr) {
    if (budget_ != nullptr) budget_->give(capacity);
    return false;
  }
  static_cast<void>(data_.release());
  data_.reset(grown);
  if (budget_ != nullptr && capacity_ > 0) budget_->give(capacity_);
  capacity_ = capacity;
  return true;
}

bool BodyBuffer::append(std::string_view bytes) {
  if (bytes.size() > free_bytes() && !reserve(std::max({kSmallest, size_ + bytes.size(), capacity_ * 2})))
    return false;
  if (!bytes.empty()) std::memcpy(free_space(), bytes.data(), bytes.size());
  size_ += bytes.size();
  return true;
}

ByteView BodyBuffer::finish() {
  if (data_ == nullptr) return {};
  std::memset(data_.get() + size_, 0, kPadding);
  return as_bytes(std::string_view(data_.get(), size_));
}

}  // namespace slipway::net
