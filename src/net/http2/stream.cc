#include "net/http2/stream.h"

#include <utility>

namespace slipway::net::http2 {
namespace {

// From here on a piece is shared with the output rather than copied.
constexpr std::size_t kLargeBytes = OutQueue::kCopyBytes * 2;

}  // namespace

void OutBody::add(std::string&& piece) {
  if (piece.empty()) return;
  bytes_ += piece.size();
  if (piece.size() >= kLargeBytes) {
    pieces_.push_back({.small = {}, .large = std::make_shared<const std::string>(std::move(piece))});
    return;
  }
  // Small pieces that wait leave in one frame.
  if (first_ < pieces_.size()) {
    Piece& last = pieces_.back();
    if (last.large == nullptr && last.small.size() + piece.size() <= kLargeBytes) {
      last.small.append(piece);
      return;
    }
  }
  pieces_.push_back({.small = std::move(piece), .large = nullptr});
}

std::size_t OutBody::front_bytes() const {
  return first_ < pieces_.size() ? pieces_[first_].text().size() - offset_ : 0;
}

void OutBody::move_to(OutQueue& out, std::string_view head, std::size_t size) {
  if (size == 0) {
    out.append(head);
    return;
  }
  Piece& piece = pieces_[first_];
  if (piece.large != nullptr) {
    out.append_shared(head, piece.large, offset_, size);
  } else {
    out.append(head);
    out.append(std::string_view(piece.small).substr(offset_, size));
  }
  offset_ += size;
  bytes_ -= size;
  if (offset_ < piece.text().size()) return;
  piece = {};
  offset_ = 0;
  if (++first_ == pieces_.size()) {
    pieces_.clear();
    first_ = 0;
  }
}

void OutBody::clear() {
  pieces_.clear();
  first_ = 0;
  offset_ = 0;
  bytes_ = 0;
}

}  // namespace slipway::net::http2
