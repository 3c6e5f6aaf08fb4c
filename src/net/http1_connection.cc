#include "net/http1_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace slipway::net {
namespace {

constexpr std::size_t kMinimumRead = 1024;  // less free space than this is not worth a system call
constexpr std::size_t kDirectPerTurn = std::size_t{1}
                                       << 20U;  // of a large body, before others have their turn

}  // namespace

Http1Connection::Http1Connection(Link link, bool local, const ConnectionHost& host, ConnectionOwner& owner)
    : Connection(host), owner_(owner), link_(std::move(link)), local_(local), idle_since_(host.loop.now()) {
  out_.use_pool(host.loop.blocks());
}

Http1Connection::~Http1Connection() { SLIPWAY_CHECK(closed_ || !link_.valid()); }

Status Http1Connection::open() {
  interest_ = EPOLLIN;
  if (Status status = host_.loop.watch(link_.fd(), interest_, *this); !status.ok()) {
    link_.close();
    return status;
  }
  update_deadline();
  if (link_.pending()) host_.loop.defer(*this);
  return {};
}

void Http1Connection::on_events(std::uint32_t events) {
  if (closed_) return;
  in_turn_ = true;
  if ((events & EPOLLERR) != 0 || ((events & EPOLLHUP) != 0 && (interest_ & EPOLLIN) == 0)) {
    cut();
    return;
  }
  if ((events & EPOLLOUT) != 0) blocked_ = false;
  if ((events & (EPOLLIN | EPOLLHUP)) != 0) read_some();
  finish_turn();
}

void Http1Connection::read_some() {
  if (lingering_) {
    linger_some();
    return;
  }
  std::size_t turn = 0;
  for (;;) {
    const bool direct = phase_ == Phase::kBodyDirect;
    if (!direct && !ensure_space()) return;
    char* const to = direct ? current_->body_buffer.free_space() : block_.data() + end_;
    const std::size_t room =
        direct ? static_cast<std::size_t>(current_->head.content_length) - current_->body_buffer.size()
               : block_.capacity() - end_;
    const ssize_t got = link_.receive(to, room);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) cut();
      return;
    }
    if (got == 0) {
      on_end_of_input();
      return;
    }
    const auto count = static_cast<std::size_t>(got);
    host_.counters.bytes_received.add(count);
    if (phase_ != Phase::kHead) body_received_ += count;
    if (direct) {
      current_->body_buffer.grow_size(count);
    } else {
      end_ += count;
    }
    process();
    turn += count;
    // A short read means that there is no more, except under TLS, where it is a record's end; a large body
    // goes on while it is its turn.
    if (closed_ || phase_ != Phase::kBodyDirect || turn >= kDirectPerTurn) return;
    if (count < room && !link_.is_tls()) return;
  }
}

// Free space behind end_ in a block that nobody else looks at.
bool Http1Connection::ensure_space() {
  const std::size_t kept = end_ - begin_;
  if (!block_ || (kept == 0 && !block_.exclusive())) {
    block_ = host_.loop.blocks().take();
    begin_ = end_ = 0;
    return true;
  }
  if (kept == 0) begin_ = end_ = 0;
  if (!block_.exclusive()) {
    const bool fits = kept + kMinimumRead <= BlockPool::kBlockBytes / 2;
    move_to(fits ? host_.loop.blocks().take()
                 : host_.loop.blocks().take_large(std::max(block_.capacity(), kept * 2)));
    return true;
  }
  if (block_.capacity() - end_ >= kMinimumRead) return true;
  if (begin_ > 0) {
    std::memmove(block_.data(), block_.data() + begin_, kept);
    begin_ = 0;
    end_ = kept;
  }
  if (block_.capacity() > end_) return true;
  // A head larger than the block; the scanner has refused it if it is larger than the limit.
  move_to(host_.loop.blocks().take_large(block_.capacity() * 2));
  return true;
}

void Http1Connection::move_to(BlockRef block) {
  const std::size_t kept = end_ - begin_;
  std::memcpy(block.data(), block_.data() + begin_, kept);
  block_ = std::move(block);
  begin_ = 0;
  end_ = kept;
}

void Http1Connection::linger_some() {
  char thrown_away[4096];
  const ssize_t got = ::recv(link_.fd(), thrown_away, sizeof thrown_away, 0);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) cut();
}

void Http1Connection::on_end_of_input() {
  end_of_input_ = true;
  input_closed_ = true;
  if (current_ != nullptr) {
    // The rest of this body never comes, so there is no request to answer, nor anyone known to wait for the
    // earlier ones.
    cut();
    return;
  }
  begin_ = end_;
  if (order_first_ == nullptr) {
    closing_ = true;
  } else {
    ask_at_ = host_.loop.now() + kAskAfter;
  }
}

// A client may end its sending side and still wait for its answers; one that closed its socket looks the same
// until it is sent something, which its kernel then resets. An interim answer may be sent at any time to
// whoever speaks HTTP/1.1. Source: RFC 9110 section 15.2. Simple clients do not expect one, so it is kept for
// answers that take long. Who cannot be asked is taken to wait.
void Http1Connection::ask_whether_it_is_there() {
  ask_at_ = kNever;
  if (order_first_ == nullptr || order_first_->started || !order_first_->head.http11) return;
  order_first_->continue_pending = true;
  send_continue();
}

bool Http1Connection::should_pause() const {
  return order_count_ >= limits().max_pipelined || out_.bytes() > limits().pause_unsent_bytes;
}

void Http1Connection::process() {
  bool going = true;
  while (going && !closed_ && !input_closed_) {
    if (phase_ != Phase::kHead) {
      going = process_body();
    } else if (should_pause()) {
      paused_ = true;
      going = false;
    } else {
      going = process_head();
    }
  }
}

// True when something was taken and there may be more.
bool Http1Connection::process_head() {
  while (end_ - begin_ >= 2 && scanner_.head_size() == 0 && unread().starts_with("\r\n")) begin_ += 2;
  if (begin_ == end_) return false;
  if (unread() == "\r") {
    if (head_began_ == kNever) head_began_ = host_.loop.now();
    return false;
  }
  switch (scanner_.scan(unread(), limits())) {
    case HeadScanner::Verdict::kMore:
      if (head_began_ == kNever) head_began_ = host_.loop.now();
      return false;
    case HeadScanner::Verdict::kRefused:
      if (&scanner_.refusal() == &refusals::kHttp2 && host_.http2 && !served_any_ &&
          order_first_ == nullptr) {
        hand_over();
      } else {
        refuse(scanner_.refusal());
      }
      return false;
    case HeadScanner::Verdict::kWhole:
      begin_request(scanner_.head_size());
      return true;
  }
  return false;
}

// The preface is no request, so nothing of this connection's is lost with it.
void Http1Connection::hand_over() {
  closed_ = true;
  host_.loop.unwatch(link_.fd());
  host_.loop.disarm(*this);
  const BlockRef block = std::move(block_);
  owner_.speaks_http2(*this, std::move(link_), local_, {block.data() + begin_, end_ - begin_});
}

void Http1Connection::begin_request(std::size_t head_size) {
  head_began_ = kNever;
  head_size_ = head_size;
  scanner_.reset();
  RequestState& request = new_request();
  current_ = &request;
  request.base = block_.data() + begin_;
  if (const Refusal* refusal = parse_head({request.base, head_size}, request.head)) {
    refuse(*refusal);
    return;
  }
  if (!parse_target({request.base + request.head.target_at, request.head.target_size}, request.target)) {
    refuse(refusals::kPath);
    return;
  }
  if (request.head.coding == Coding::kUnknown) {
    refuse(refusals::kContentCoding);
    return;
  }
  if (request.head.framing == Framing::kNone) {
    dispatch();
    return;
  }
  if (const Refusal* refusal = plan_body(request)) {
    refuse(*refusal);
    return;
  }
  body_began_ = host_.loop.now();
  request.begun = body_began_;
  body_check_at_ = body_began_ + kBodyCheckEvery;
  body_received_ = end_ - begin_ - head_size_;
  request.continue_pending = request.head.expect_continue && body_received_ == 0;
  send_continue();
}

const Refusal* Http1Connection::plan_body(RequestState& request) {
  const RequestHead& head = request.head;
  if (head.framing == Framing::kLength && head.content_length > limits().max_body_bytes)
    return &refusals::kBodyTooLarge;
  const auto length = static_cast<std::size_t>(head.content_length);
  if (head.framing == Framing::kChunked || head.coding != Coding::kIdentity) {
    request.body_buffer = BodyBuffer(host_.budget);
    decoding_ = std::make_unique<Decoding>();
    if (head.framing == Framing::kChunked) decoding_->chunks.emplace();
    if (head.coding != Coding::kIdentity) decoding_->inflater.emplace(head.coding);
    decoding_->left = length;
    phase_ = Phase::kBodyDecoded;
    return nullptr;
  }
  if (head_size_ + length <= block_.capacity()) {
    phase_ = Phase::kBodyInBlock;
    return nullptr;
  }
  request.body_buffer = BodyBuffer(host_.budget);
  if (!request.body_buffer.reserve(length)) return &refusals::kHeldBytes;
  const std::string_view here = unread().substr(head_size_, length);
  if (!request.body_buffer.append(here)) return &refusals::kHeldBytes;
  end_ = begin_ + head_size_;  // it does not fit the block, so nothing of a next request is in it
  phase_ = Phase::kBodyDirect;
  return nullptr;
}

bool Http1Connection::process_body() {
  if (phase_ == Phase::kBodyDecoded) {
    if (const Refusal* refusal = decode_body()) {
      refuse(*refusal);
      return false;
    }
    return phase_ == Phase::kHead;
  }
  const auto length = static_cast<std::size_t>(current_->head.content_length);
  if (phase_ == Phase::kBodyDirect) {
    if (current_->body_buffer.size() < length) return false;
    current_->body = current_->body_buffer.finish();
  } else {
    if (end_ - begin_ < head_size_ + length) return false;
    current_->body = as_bytes(unread().substr(head_size_, length));
    head_size_ += length;
  }
  dispatch();
  return true;
}

// The encoded bytes stand behind the head and are taken away as they are decoded; the head stays where it is.
const Refusal* Http1Connection::decode_body() {
  std::string_view bytes = unread().substr(head_size_);
  bool done = false;
  if (decoding_->chunks) {
    std::string_view data;
    for (bool more = true; more;) {
      switch (decoding_->chunks->next(bytes, data, limits())) {
        case ChunkDecoder::Verdict::kData:
          if (const Refusal* refusal = feed_decoded(data)) return refusal;
          break;
        case ChunkDecoder::Verdict::kRefused:
          return &decoding_->chunks->refusal();
        case ChunkDecoder::Verdict::kDone:
          done = true;
          [[fallthrough]];
        case ChunkDecoder::Verdict::kMore:
          more = false;
          break;
      }
    }
  } else {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), decoding_->left));
    if (const Refusal* refusal = feed_decoded(bytes.substr(0, count))) return refusal;
    bytes.remove_prefix(count);
    decoding_->left -= count;
    done = decoding_->left == 0;
  }
  if (!done) {
    end_ = begin_ + head_size_;
    return nullptr;
  }
  if (decoding_->inflater && !decoding_->inflater->finished()) return &refusals::kCompressed;
  decoding_.reset();
  current_->body = current_->body_buffer.finish();
  head_size_ = end_ - begin_ - bytes.size();
  dispatch();
  return nullptr;
}

const Refusal* Http1Connection::feed_decoded(std::string_view data) {
  BodyBuffer& buffer = current_->body_buffer;
  if (decoding_->inflater) return decoding_->inflater->feed(data, buffer, limits());
  if (buffer.size() + data.size() > limits().max_body_bytes) return &refusals::kBodyTooLarge;
  return buffer.append(data) ? nullptr : &refusals::kHeldBytes;
}

void Http1Connection::refuse(const Refusal& refusal) {
  const bool whole_without_body = current_ != nullptr && current_->head.framing == Framing::kNone;
  RequestState& request = current_ != nullptr ? *current_ : new_request();
  current_ = &request;
  request.refusal = &refusal;
  request.body = {};
  request.continue_pending = false;
  decoding_.reset();
  if (refusal.close || !whole_without_body) {
    request.close_after = true;
    input_closed_ = true;
    linger_ = true;
    head_size_ = end_ - begin_;
  }
  dispatch();
}

void Http1Connection::dispatch() {
  RequestState& request = *std::exchange(current_, nullptr);
  const char* const base = block_.data() + begin_;
  if (request.base != base) {
    request.base = base;  // the head moved since it was parsed
    if (request.head.target_size > 0 &&
        !parse_target({base + request.head.target_at, request.head.target_size}, request.target)) {
      request.target = {};
    }
  } else if (request.refusal == &refusals::kPath) {
    request.target = {};
  }
  request.block = block_;
  request.received = host_.loop.clock().now();
  request.local = local_;
  request.peer = link_.peer();
  request.may_compress = host_.compress_get && request.head.method == dialect::Method::kGet;
  begin_ += head_size_;
  // An empty body, too, stands before readable bytes.
  if (request.body.empty()) request.body = as_bytes(unread().substr(0, 0));
  head_size_ = 0;
  phase_ = Phase::kHead;
  if (!request.head.keep_alive) input_closed_ = true;
  auto exchange = std::make_unique<HttpExchange>(request);
  if (request.refusal != nullptr) {
    host_.counters.refused_requests.add(1);
    host_.handler.refuse(to_error(*request.refusal), std::move(exchange));
  } else {
    host_.counters.requests.add(1);
    host_.handler.handle(std::move(exchange));
  }
}

}  // namespace slipway::net
