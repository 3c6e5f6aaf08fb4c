#include "net/http2_stream.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/check.h"

namespace slipway::net {
namespace {

constexpr std::size_t kUsualHeadBytes = 512;
constexpr std::size_t kSmallBodyBytes = 8192;  // beyond, a body is counted against the server's budget
constexpr std::size_t kFieldOverhead = 32;     // of a field in a header list. Source: RFC 9113 section 6.5.2
constexpr std::string_view kHostName = "host";
constexpr std::string_view kKindName = "content-type";
constexpr std::size_t kMaxKindBytes = 256;
constexpr std::array<char, kPadding> kNothing{};

dialect::Method method_of(std::string_view text) {
  using dialect::Method;
  static constexpr std::array kKnown{Method::kPost,   Method::kGet,     Method::kHead, Method::kPut,
                                     Method::kDelete, Method::kOptions, Method::kPatch};
  const auto found = std::find_if(kKnown.begin(), kKnown.end(),
                                  [&](Method method) { return dialect::method_name(method) == text; });
  return found == kKnown.end() ? Method::kOther : *found;
}

}  // namespace

Http2Stream& Http2Stream::make(Loop& loop) {
  void* memory = loop.memory().take(sizeof(Http2Stream));
  SLIPWAY_CHECK(memory != nullptr);
  return *std::construct_at(static_cast<Http2Stream*>(memory), loop);
}

Http2Stream::Http2Stream(Loop& loop)
    : RequestState(loop.inbox()), memory_(loop.memory()), text_(loop.memory().take_text()) {
  http2 = true;
  text_.reserve(kUsualHeadBytes);
  text_ = kHostName;
}

void Http2Stream::dispose() {
  if (!on_loop_of(inbox())) {
    std::destroy_at(this);
    FreeLists::release(this);
    return;
  }
  FreeLists& memory = memory_;
  memory.give_text(std::move(text_));
  memory.give_text(std::move(small_));
  std::destroy_at(this);
  memory.give(this);
}

Http2Stream::~Http2Stream() {
  if (pieces_held_ > 0) pieces_budget_->give(pieces_held_);
}

std::uint32_t Http2Stream::store(std::string_view text) {
  const auto at = static_cast<std::uint32_t>(text_.size());
  text_.append(text);
  return at;
}

void Http2Stream::add_field(std::string_view name, std::string_view value, const Limits& limits) {
  head_bytes_ += name.size() + value.size() + kFieldOverhead;
  // What kind of request it is, also of a head that is too large: who is refused must understand it.
  if (name == kKindName && value.size() <= kMaxKindBytes && !std::exchange(kind_known_, true)) {
    is_grpc_ = dialect::is_grpc(value);
    add_stored(name, value);
    return;
  }
  if (head_bytes_ > limits.max_head_bytes) {
    fault(refusals::kHeadTooLarge);
    return;
  }
  if (name.starts_with(':')) {
    add_pseudo(name, value, limits);
    return;
  }
  if (head.fields.size() >= limits.max_fields) {
    fault(refusals::kTooManyFields);
    return;
  }
  if (name == kHostName) {
    add_host(value);
    return;
  }
  note_meaning(name, value);
  add_stored(name, value);
}

void Http2Stream::add_stored(std::string_view name, std::string_view value) {
  const std::uint32_t name_at = store(name);
  head.fields.add({name_at, static_cast<std::uint32_t>(name.size()), store(value),
                   static_cast<std::uint32_t>(value.size())});
}

void Http2Stream::add_pseudo(std::string_view name, std::string_view value, const Limits& limits) {
  if (name == ":method") {
    head.method = method_of(value);
  } else if (name == ":authority") {
    add_host(value);
  } else if (name == ":path") {
    if (value.size() > limits.max_target_bytes) fault(refusals::kTargetTooLong);
    head.target_at = store(value);
    head.target_size = static_cast<std::uint32_t>(value.size());
  }
}

// A request says its host once, or twice the same. Source: RFC 9113 section 8.3.1.
void Http2Stream::add_host(std::string_view value) {
  if (host_at_ != 0) {
    if (std::string_view(text_).substr(host_at_, host_size_) != value) fault(refusals::kHost);
    return;
  }
  if (!is_host(value)) fault(refusals::kHost);
  host_at_ = store(value);
  host_size_ = static_cast<std::uint32_t>(value.size());
  head.fields.add({0, static_cast<std::uint32_t>(kHostName.size()), host_at_, host_size_});
}

void Http2Stream::note_meaning(std::string_view name, std::string_view value) {
  switch (name.size()) {
    case 6:
      if (name == "expect") {
        if (!equals_lower(value, "100-continue")) fault(refusals::kExpect);
        head.expect_continue = true;
      }
      break;
    case 14:
      if (name == "content-length") {
        const auto length = content_length(value);
        if (!length) fault(refusals::kFraming);
        head.content_length = length.value_or(0);
      }
      break;
    case 15:
      if (name == "accept-encoding") head.accepts_gzip = head.accepts_gzip || accepts_gzip(value);
      break;
    case 16:
      if (name == "content-encoding") {
        head.coding = head.coding == Coding::kIdentity ? content_coding(value) : Coding::kUnknown;
      }
      break;
    default:
      break;
  }
}

const Refusal* Http2Stream::check_head(const Limits& limits) {
  base = text_.data();
  const std::string_view raw(base + head.target_at, head.target_size);
  if (raw.size() > limits.max_target_bytes || !parse_target(raw, target)) {
    target = {};
    fault(refusals::kPath);
  }
  if (fault_ == nullptr && head.coding == Coding::kUnknown) fault(refusals::kContentCoding);
  body = as_bytes(std::string_view(kNothing.data(), 0));
  return fault_;
}

const Refusal* Http2Stream::expect_body(const std::shared_ptr<Budget>& budget, const Limits& limits) {
  body_mode = Body::kWhole;
  if (head.content_length > limits.max_body_bytes) return &refusals::kBodyTooLarge;
  const auto length = static_cast<std::size_t>(head.content_length);
  if (head.coding != Coding::kIdentity) {
    inflater_ = std::make_unique<Inflater>(head.coding);
    body_buffer = BodyBuffer(budget);
  } else if (length <= kSmallBodyBytes) {
    small_ = memory_.take_text();
    small_.reserve(length > 0 ? length + kPadding : 0);
  } else {
    body_buffer = BodyBuffer(budget);
    if (!body_buffer.reserve(length)) return &refusals::kHeldBytes;
  }
  return nullptr;
}

const Refusal* Http2Stream::add_body(std::string_view bytes, const std::shared_ptr<Budget>& budget,
                                     const Limits& limits) {
  body_received += bytes.size();
  if (body_received > limits.max_body_bytes) return &refusals::kBodyTooLarge;
  if (inflater_ != nullptr) return inflater_->feed(bytes, body_buffer, limits);
  if (body_buffer.size() == 0 && body_buffer.free_bytes() == 0) {
    if (small_.size() + bytes.size() <= kSmallBodyBytes) {
      if (small_.empty()) small_.reserve(bytes.size() + kPadding);
      small_.append(bytes);
      return nullptr;
    }
    body_buffer = BodyBuffer(budget);
    if (!body_buffer.append(small_)) return &refusals::kHeldBytes;
    small_ = {};
  }
  return body_buffer.append(bytes) ? nullptr : &refusals::kHeldBytes;
}

const Refusal* Http2Stream::end_body() {
  if (inflater_ != nullptr && body_received > 0 && !inflater_->finished()) return &refusals::kCompressed;
  inflater_.reset();
  if (body_buffer.size() > 0) {
    body = body_buffer.finish();
    return nullptr;
  }
  const std::size_t size = small_.size();
  small_.append(kPadding, '\0');
  body = as_bytes(std::string_view(small_).substr(0, size));
  return nullptr;
}

void Http2Stream::ignore_body() {
  body_mode = Body::kIgnored;
  inflater_.reset();
  body_buffer = {};
  small_ = {};
  body = as_bytes(std::string_view(kNothing.data(), 0));
}

// What came so far was let through the client's window already.
void Http2Stream::read_in_pieces() {
  body_mode = Body::kPieces;
  streaming = true;
  pieces_ = std::move(small_);
  if (body_buffer.size() > 0) pieces_.append(as_text(body_buffer.finish()));
  body_buffer = {};
}

bool Http2Stream::add_piece(std::string_view bytes, const std::shared_ptr<Budget>& budget) {
  if (!budget->take(bytes.size())) return false;
  pieces_budget_ = budget;
  pieces_held_ += bytes.size();
  pieces_.append(bytes);
  return true;
}

dialect::BodyPiece Http2Stream::take_piece(std::size_t& window) {
  window = std::exchange(pieces_held_, 0);
  if (window > 0) pieces_budget_->give(window);
  return {.bytes = std::exchange(pieces_, {}), .last = body_ended};
}

}  // namespace slipway::net
