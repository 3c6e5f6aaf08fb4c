#include "net/loop/out_queue.h"

#include <algorithm>
#include <utility>

namespace slipway::net {
namespace {

constexpr std::size_t kSentBeforeErase = 64;

}  // namespace

std::string& OutQueue::open_piece(std::size_t size) {
  if (last_is_open_) {
    std::string& last = pieces_.back().own;
    if (last.capacity() - last.size() >= size || pool_ == nullptr) return last;
  }
  pieces_.push_back({.own = pool_ != nullptr ? pool_->take_string() : std::string()});
  last_is_open_ = true;
  return pieces_.back().own;
}

void OutQueue::append(std::string_view bytes) {
  if (bytes.empty()) return;
  bytes_ += bytes.size();
  open_piece(bytes.size()).append(bytes);
}

void OutQueue::append_owned(std::string&& bytes) {
  if (bytes.size() <= kCopyBytes) {
    append(bytes);
    return;
  }
  bytes_ += bytes.size();
  pieces_.push_back({.own = std::move(bytes)});
  last_is_open_ = false;
}

void OutQueue::append_shared(std::string_view head, const std::shared_ptr<const std::string>& text,
                             std::size_t from, std::size_t size) {
  if (size <= kCopyBytes) {
    append(head);
    append(std::string_view(*text).substr(from, size));
    return;
  }
  // Between large parts a gathering buffer would hold the head alone; a short string needs no memory.
  if (last_is_open_) {
    append(head);
  } else {
    bytes_ += head.size();
    pieces_.push_back({.own = std::string(head)});
  }
  bytes_ += size;
  pieces_.push_back({.own = {}, .shared = text, .from = from, .size = size});
  last_is_open_ = false;
}

void OutQueue::splice(OutQueue&& other) {
  for (std::size_t i = other.first_; i < other.pieces_.size(); ++i) {
    Piece& piece = other.pieces_[i];
    const std::size_t sent = i == other.first_ ? other.offset_ : 0;
    if (piece.shared != nullptr) {
      append_shared({}, piece.shared, piece.from + sent, piece.size - sent);
      continue;
    }
    if (sent > 0) piece.own.erase(0, sent);
    append_owned(std::move(piece.own));
  }
  other.pieces_.clear();
  other.clear();
}

std::size_t OutQueue::gather(std::span<iovec> out) const {
  std::size_t count = 0;
  for (std::size_t i = first_; i < pieces_.size() && count < out.size(); ++i, ++count) {
    const std::size_t skip = i == first_ ? offset_ : 0;
    const std::string_view bytes = pieces_[i].view().substr(skip);
    out[count] = {const_cast<char*>(bytes.data()), bytes.size()};
  }
  return count;
}

void OutQueue::drop_front() {
  Piece piece = std::move(pieces_[first_]);
  if (pool_ != nullptr && piece.shared == nullptr) pool_->give_string(std::move(piece.own));
  ++first_;
  offset_ = 0;
  if (first_ >= kSentBeforeErase) {
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void OutQueue::consume(std::size_t count) {
  bytes_ -= count;
  while (count > 0) {
    const std::size_t left = pieces_[first_].view().size() - offset_;
    if (count < left) {
      offset_ += count;
      return;
    }
    count -= left;
    drop_front();
  }
  if (bytes_ == 0) clear();
}

void OutQueue::clear() {
  while (first_ < pieces_.size()) drop_front();
  pieces_.clear();
  first_ = 0;
  offset_ = 0;
  bytes_ = 0;
  last_is_open_ = false;
}

}  // namespace slipway::net
