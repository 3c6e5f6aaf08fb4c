#include "net/http2/stream.h"

#include <utility>

namespace slipway::net::http2 {
namespace {

// From here on a piece is shared with the output rather than copied.
constexpr std::size_t kLargeBytes = OutQueue::kCopyBytes * 2;

}  // namespace

void OutBody::add(std::string&& piece) {
  if (piece.empty()) return;
  const bool is_front = std::exchange(bytes_, bytes_ + piece.size()) == 0;
  Piece made;
  if (piece.size() >= kLargeBytes) {
    made.large = std::make_shared<const std::string>(std::move(piece));
  } else {
    // Small pieces that wait leave in one frame.
    Piece& before = last();
    if (!is_front && before.large == nullptr && before.small.size() + piece.size() <= kLargeBytes) {
      before.small.append(piece);
      return;
    }
    made.small = std::move(piece);
  }
  if (is_front) {
    front_ = std::move(made);
  } else {
    rest_.push_back(std::move(made));
  }
}

std::size_t OutBody::front_bytes() const { return bytes_ == 0 ? 0 : front_.text().size() - offset_; }

void OutBody::move_to(OutQueue& out, std::string_view head, std::size_t size) {
  if (size == 0) {
    out.append(head);
    return;
  }
  if (front_.large != nullptr) {
    out.append_shared(head, front_.large, offset_, size);
  } else {
    out.append(head);
    out.append(std::string_view(front_.small).substr(offset_, size));
  }
  offset_ += size;
  bytes_ -= size;
  if (offset_ < front_.text().size()) return;
  front_ = {};
  offset_ = 0;
  if (next_ == rest_.size()) return;
  front_ = std::move(rest_[next_]);
  if (++next_ == rest_.size()) {
    rest_.clear();
    next_ = 0;
  }
}

}  // namespace slipway::net::http2
