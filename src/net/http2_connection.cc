#include "net/http2_connection.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <utility>

#include "base/check.h"
#include "net/answer_fields.h"

namespace slipway::net {
namespace {

constexpr std::size_t kReadPerTurn = std::size_t{1} << 20U;  // before other connections have their turn
constexpr std::size_t kOutBytes = std::size_t{256} << 10U;   // frames made ahead of the socket
constexpr std::size_t kPiecesPerWrite = 64;
constexpr std::size_t kMaxQueuedFrames =
    1000;  // of a client that does not read; beyond, it is not read either
constexpr Duration kCheckEvery = std::chrono::seconds(1);

http2::SessionLimits session_limits(const Limits& limits) {
  const auto small = [](std::size_t value) {
    return static_cast<std::uint32_t>(std::min<std::size_t>(value, 0x7fffffff));
  };
  http2::SessionLimits out;
  out.max_streams = small(limits.max_streams);
  out.max_head_bytes = small(limits.max_head_bytes);
  out.stream_window_bytes = small(limits.stream_window_bytes);
  out.connection_window_bytes = small(limits.connection_window_bytes);
  return out;
}

bool has_no_body(const RequestState& request, int status) {
  return request.head.method == dialect::Method::kHead || status == 204 || status == 304 || status < 200;
}

void append_length(std::string& out, std::size_t length) {
  std::array<char, 24> text;
  const auto result = std::to_chars(text.data(), text.data() + text.size(), length);
  out.append("content-length: ").append(text.data(), result.ptr).append("\r\n");
}

Http2Stream& own(http2::Stream& stream) { return static_cast<Http2Stream&>(stream); }

}  // namespace

Http2Connection::Http2Connection(Link link, bool local, const ConnectionHost& host, ConnectionOwner& owner)
    : Connection(host),
      owner_(owner),
      link_(std::move(link)),
      session_(session_limits(host.limits), *this, host.loop.memory()),
      local_(local),
      head_until_(host.loop.now() + host.limits.head_timeout),
      idle_since_(host.loop.now()),
      last_sent_(host.loop.now()) {
  out_.use_pool(host.loop.blocks());
}

Http2Connection::~Http2Connection() { SLIPWAY_CHECK(closed_ || !link_.valid()); }

Status Http2Connection::open() {
  interest_ = EPOLLIN;
  Status status = host_.loop.watch(link_.fd(), interest_, *this);
  if (!status.ok()) link_.close();
  return status;
}

void Http2Connection::begin(std::string_view received) {
  in_turn_ = true;
  take(received);
  finish_turn();
}

void Http2Connection::on_events(std::uint32_t events) {
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

void Http2Connection::read_some() {
  const BlockRef block = host_.loop.blocks().take();
  for (std::size_t turn = 0; turn < kReadPerTurn && !closed_ && !should_pause();) {
    const ssize_t got = link_.receive(block.data(), block.capacity());
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) cut();
      return;
    }
    // Requests of a client that sends no more may be unfinished, and its windows stay as they are.
    if (got == 0) {
      cut();
      return;
    }
    const auto count = static_cast<std::size_t>(got);
    host_.counters.bytes_received.add(count);
    if (!lingering_ && !input_closed_) take({block.data(), count});
    turn += count;
    if (count < block.capacity() && !link_.pending()) return;
  }
}

void Http2Connection::take(std::string_view bytes) {
  const bool was_waiting = session_.in_head() || !session_.greeted();
  if (!session_.feed(bytes, host_.loop.now())) {
    input_closed_ = true;
    abandon_streams();
    return;
  }
  if (!session_.in_head() && session_.greeted()) {
    head_until_ = kNever;
  } else if (!was_waiting) {
    head_until_ = host_.loop.now() + limits().head_timeout;
  }
  if (unasked_ > 0) ask_who_streams();
}

http2::Stream* Http2Connection::opened(std::int32_t) {
  if (unsent_bytes_ > limits().max_unsent_bytes) return nullptr;
  Http2Stream* stream = &Http2Stream::make(host_.loop);
  stream->session = this;
  stream->list_next = streams_;
  if (streams_ != nullptr) streams_->list_previous = stream;
  streams_ = stream;
  ++stream_count_;
  asked_anything_ = true;
  return stream;
}

void Http2Connection::field(http2::Stream& stream, std::string_view name, std::string_view value) {
  own(stream).add_field(name, value, limits());
}

void Http2Connection::head(http2::Stream& opened, bool ended) {
  Http2Stream& stream = own(opened);
  const Refusal* refusal = stream.check_head(limits());
  if (refusal == nullptr && !ended) refusal = stream.expect_body(host_.budget, limits());
  if (refusal != nullptr) {
    refuse(stream, *refusal);
    return;
  }
  if (ended) {
    dispatch(stream);
    return;
  }
  stream.body_began = host_.loop.now();
  stream.begun = stream.body_began;
  stream.unasked = stream.head.coding == Coding::kIdentity;
  if (stream.unasked) ++unasked_;
  if (stream.head.expect_continue) session_.inform(stream, 100);
}

void Http2Connection::no_longer_unasked(Http2Stream& stream) {
  if (std::exchange(stream.unasked, false)) --unasked_;
}

// A body that came with its head is whole by now, and nobody needs to be asked about it.
void Http2Connection::ask_who_streams() {
  for (Http2Stream* at = streams_; at != nullptr && unasked_ > 0;) {
    Http2Stream& stream = *std::exchange(at, at->list_next);
    if (!stream.unasked) continue;
    no_longer_unasked(stream);
    if (!host_.handler.streams(stream.head.method, stream.target.path)) continue;
    stream.read_in_pieces();
    dispatch(stream);
  }
}

void Http2Connection::data(http2::Stream& receiving, std::string_view bytes) {
  Http2Stream& stream = own(receiving);
  if (stream.body_mode == Http2Stream::Body::kPieces) {
    if (!stream.add_piece(bytes, host_.budget)) {
      session_.reset(stream, http2::ErrorCode::kEnhanceYourCalm);
    } else if (stream.wants_piece()) {
      make_ready(stream);
    }
    return;
  }
  if (stream.body_mode != Http2Stream::Body::kWhole) return;
  if (const Refusal* refusal = stream.add_body(bytes, host_.budget, limits()); refusal != nullptr) {
    refuse(stream, *refusal);
    return;
  }
  session_.consume(stream, bytes.size());
}

void Http2Connection::ended(http2::Stream& receiving) {
  Http2Stream& stream = own(receiving);
  if (stream.body_mode == Http2Stream::Body::kPieces) {
    stream.body_ended = true;
    if (stream.wants_piece()) make_ready(stream);
    return;
  }
  if (stream.body_mode != Http2Stream::Body::kWhole) return;
  no_longer_unasked(stream);
  stream.body_mode = Http2Stream::Body::kNone;
  if (const Refusal* refusal = stream.end_body(); refusal != nullptr) {
    refuse(stream, *refusal);
  } else {
    dispatch(stream);
  }
}

void Http2Connection::refuse(Http2Stream& stream, const Refusal& refusal) {
  no_longer_unasked(stream);
  stream.refusal = &refusal;
  stream.ignore_body();
  dispatch(stream);
}

void Http2Connection::dispatch(Http2Stream& stream) {
  stream.received = host_.loop.clock().now();
  stream.local = local_;
  stream.peer = link_.peer();
  stream.may_compress = host_.compress_get && stream.head.method == dialect::Method::kGet;
  auto exchange = std::make_unique<HttpExchange>(stream);
  if (stream.refusal != nullptr) {
    host_.counters.refused_requests.add(1);
    host_.handler.refuse(to_error(*stream.refusal), std::move(exchange));
  } else {
    host_.counters.requests.add(1);
    host_.handler.handle(std::move(exchange));
  }
}

void Http2Connection::make_ready(Http2Stream& stream) {
  if (std::exchange(stream.ready, true)) return;
  stream.ref();
  ready_.push_back(&stream);
}

// By index, since who gets a piece may ask for the next one.
void Http2Connection::give_pieces() {
  for (std::size_t i = 0; i < ready_.size(); ++i) {
    Http2Stream& stream = *ready_[i];
    stream.ready = false;
    if (stream.session != nullptr && stream.has_piece() && stream.wants_piece()) {
      std::size_t window = 0;
      dialect::BodyPiece piece = stream.take_piece(window);
      if (window > 0) session_.consume(stream, window);
      stream.give_piece(std::move(piece));
    }
    if (stream.session != nullptr && stream.has_piece() && stream.wants_piece()) make_ready(stream);
    stream.unref();
  }
  ready_.clear();
}

void Http2Connection::sent(http2::Stream& sending, std::size_t bytes) {
  Http2Stream& stream = own(sending);
  unsent_bytes_ -= bytes;
  stream.progress = host_.loop.now();
  if (stream.in_pieces) stream.took_unsent(bytes);
}

void Http2Connection::closed(http2::Stream& closing, bool whole) {
  Http2Stream& stream = own(closing);
  no_longer_unasked(stream);
  unsent_bytes_ -= stream.unsent_bytes();
  if (stream.list_next != nullptr) stream.list_next->list_previous = stream.list_previous;
  if (stream.list_previous != nullptr) {
    stream.list_previous->list_next = stream.list_next;
  } else {
    streams_ = stream.list_next;
  }
  --stream_count_;
  idle_since_ = host_.loop.now();
  stream.session = nullptr;
  if (!whole) stream.set_gone();
  stream.unref();
}

void Http2Connection::abandon_streams() {
  while (streams_ != nullptr) closed(*streams_, false);
}

void Http2Connection::start_answer(Http2Stream& stream, const AnswerStep& step, bool whole) {
  thread_local std::string fields;
  // A gRPC client looks for its status in the trailers of an answer that is well by HTTP's.
  const bool overruled = stream.refusal != nullptr && !stream.is_grpc();
  const int status = overruled ? stream.refusal->status : step.status;
  stream.started = true;
  stream.bodyless = has_no_body(stream, status);
  stream.progress = host_.loop.now();
  fields.assign(host_.loop.date_line());
  fields.append(step.fields);
  if (stream.refusal == &refusals::kContentCoding) fields.append("accept-encoding: gzip, deflate\r\n");
  const bool tells_length = whole && !step.has_trailers && status >= 200 && status != 204 && status != 304;
  if (tells_length) append_length(fields, step.body.size());
  bool ended = whole && (stream.bodyless || step.body.empty());
  // Trailers without a body are one head with all of it, as gRPC's "trailers only".
  if (ended && step.has_trailers) fields.append(step.trailers);
  session_.start_answer(stream, status, fields, ended);
  if (step.close && !std::exchange(leaving_, true)) session_.go_away();
}

void Http2Connection::answer_whole(Http2Stream& stream, AnswerStep&& step) {
  start_answer(stream, step, true);
  if (stream.bodyless || step.body.empty()) return;
  unsent_bytes_ += step.body.size();
  session_.add_body(stream, std::move(step.body));
  session_.end_answer(stream, step.has_trailers ? step.trailers : std::string_view());
}

void Http2Connection::add_piece(Http2Stream& stream, std::string&& piece) {
  if (stream.bodyless) {
    stream.took_unsent(piece.size());
    return;
  }
  unsent_bytes_ += piece.size();
  session_.add_body(stream, std::move(piece));
  if (stream.unsent_bytes() > limits().max_unsent_bytes) session_.reset(stream, http2::ErrorCode::kCancel);
}

void Http2Connection::deliver(RequestState& request, AnswerStep&& step) {
  auto& stream = static_cast<Http2Stream&>(request);
  if (step.kind == AnswerStep::Kind::kRead) {
    if (stream.has_piece()) make_ready(stream);
  } else if (stream.ended) {
    return;
  } else {
    stream.ended = step.kind != AnswerStep::Kind::kStart && step.kind != AnswerStep::Kind::kPiece;
    switch (step.kind) {
      case AnswerStep::Kind::kWhole:
        answer_whole(stream, std::move(step));
        break;
      case AnswerStep::Kind::kStart:
        stream.in_pieces = true;
        start_answer(stream, step, false);
        break;
      case AnswerStep::Kind::kPiece:
        add_piece(stream, std::move(step.body));
        break;
      case AnswerStep::Kind::kEnd:
        session_.end_answer(stream, step.fields);
        break;
      case AnswerStep::Kind::kAbort:
        session_.reset(stream, http2::ErrorCode::kInternalError);
        break;
      case AnswerStep::Kind::kRead:
        break;
    }
  }
  if (!in_turn_) host_.loop.defer(*this);
}

// False when the connection ended.
bool Http2Connection::flush() {
  while (!blocked_) {
    session_.produce(out_, kOutBytes);
    if (out_.empty()) break;
    if (!send_some()) return false;
  }
  return true;
}

bool Http2Connection::send_some() {
  std::array<iovec, kPiecesPerWrite> pieces;
  const ssize_t sent = link_.send({pieces.data(), out_.gather(pieces)});
  if (sent < 0) {
    if (errno == EINTR) return true;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      cut();
      return false;
    }
    blocked_ = true;
    return true;
  }
  last_sent_ = host_.loop.now();
  host_.counters.bytes_sent.add(static_cast<std::uint64_t>(sent));
  out_.consume(static_cast<std::size_t>(sent));
  return true;
}

void Http2Connection::finish_turn() {
  do {
    if (closed_) return;
    give_pieces();
    if (!flush()) return;
  } while (!ready_.empty());
  if (session_.finished() && out_.empty() && !lingering_) {
    end_after_flush();
    if (closed_) return;
  }
  in_turn_ = false;
  update_interest();
  update_deadline();
  // The loop tells of the socket alone.
  if ((interest_ & EPOLLIN) != 0 && !lingering_ && link_.pending()) host_.loop.defer(*this);
}

void Http2Connection::end_after_flush() {
  abandon_streams();
  // Closing with input unread would reset the connection, and the client might never see the last frames.
  link_.end_sending();
  lingering_ = true;
  linger_until_ = host_.loop.now() + limits().linger;
}

bool Http2Connection::should_pause() const {
  return blocked_ && !lingering_ && session_.queued_frames() > kMaxQueuedFrames;
}

void Http2Connection::update_interest() {
  std::uint32_t wanted = should_pause() ? 0U : static_cast<std::uint32_t>(EPOLLIN);
  if (blocked_) wanted |= EPOLLOUT;
  if (wanted == interest_) return;
  interest_ = wanted;
  host_.loop.change(link_.fd(), interest_, *this);
}

MonoTime Http2Connection::wanted_deadline() const {
  if (lingering_) return linger_until_;
  MonoTime at = std::min(head_until_, drain_until_);
  if (blocked_) at = std::min(at, last_sent_ + limits().write_timeout);
  return std::min(at, stream_count_ > 0 ? next_check_ : idle_since_ + limits().idle_timeout);
}

// The timer is moved only when it must come earlier; one that comes too early looks again.
void Http2Connection::update_deadline() {
  if (stream_count_ > 0 && next_check_ <= host_.loop.now()) next_check_ = host_.loop.now() + kCheckEvery;
  timeout_at_ = wanted_deadline();
  if (timeout_at_ == kNever) return;
  if (!armed() || deadline() > timeout_at_) host_.loop.arm(*this, timeout_at_);
}

void Http2Connection::on_timer() {
  if (closed_ || timeout_at_ == kNever) return;
  if (timeout_at_ > host_.loop.now()) {
    host_.loop.arm(*this, timeout_at_);
    return;
  }
  in_turn_ = true;
  expired();
  finish_turn();
}

void Http2Connection::expired() {
  const MonoTime now = host_.loop.now();
  const bool stuck = blocked_ && last_sent_ + limits().write_timeout <= now;
  if (lingering_ || stuck || head_until_ <= now) {
    cut();
    return;
  }
  const bool idle = stream_count_ == 0 && idle_since_ + limits().idle_timeout <= now;
  if (drain_until_ <= now || idle) {
    drain_until_ = kNever;
    idle_since_ = now;
    if (!std::exchange(leaving_, true)) session_.go_away();
  }
  if (stream_count_ > 0 && next_check_ <= now) check_streams();
}

// Bodies that come too slowly, and answers that their client does not take.
void Http2Connection::check_streams() {
  const MonoTime now = host_.loop.now();
  for (Http2Stream* at = streams_; at != nullptr;) {
    Http2Stream& stream = *std::exchange(at, at->list_next);
    if (stream.unsent_bytes() > 0 && now - stream.progress > limits().write_timeout) {
      session_.reset(stream, http2::ErrorCode::kCancel);
    }
    if (stream.body_mode != Http2Stream::Body::kWhole) continue;
    const double judged =
        std::chrono::duration<double>(now - stream.body_began - limits().body_grace).count();
    if (static_cast<double>(stream.body_received) < judged * static_cast<double>(limits().min_body_rate)) {
      refuse(stream, refusals::kBodyTimeout);
    }
  }
}

void Http2Connection::on_deferred() {
  if (closed_) return;
  in_turn_ = true;
  if ((interest_ & EPOLLIN) != 0 && !lingering_ && link_.pending()) read_some();
  finish_turn();
}

void Http2Connection::note_draining() {
  if (closed_ || std::exchange(announced_, true)) return;
  session_.announce_shutdown();
  if (!in_turn_) host_.loop.defer(*this);
}

void Http2Connection::drain() {
  if (closed_ || leaving_) return;
  note_draining();
  in_turn_ = true;
  // A request may be waiting in the kernel; it was sent before the client could know.
  if (!input_closed_) read_some();
  if (closed_) return;
  if (asked_anything_) {
    leaving_ = true;
    session_.go_away();
  } else {
    drain_until_ = host_.loop.now() + limits().linger;
  }
  finish_turn();
}

void Http2Connection::cut() {
  if (std::exchange(closed_, true)) return;
  host_.loop.unwatch(link_.fd());
  host_.loop.disarm(*this);
  link_.close();
  abandon_streams();
  for (Http2Stream* stream : std::exchange(ready_, {})) stream->unref();
  out_.clear();
  owner_.closed(*this);
}

}  // namespace slipway::net
