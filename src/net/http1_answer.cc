#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <utility>

#include "net/answer_fields.h"
#include "net/http1_connection.h"

namespace slipway::net {
namespace {

constexpr std::size_t kPiecesPerWrite = 64;

bool has_no_body(const RequestState& request, int status) {
  return request.head.method == dialect::Method::kHead || status == 204 || status == 304 || status < 200;
}

void append_number(std::string& out, std::size_t number, int base) {
  std::array<char, 24> text;
  const auto result = std::to_chars(text.data(), text.data() + text.size(), number, base);
  out.append(text.data(), result.ptr);
}

}  // namespace

void Handler::refuse(const Error& error, std::unique_ptr<dialect::Exchange> exchange) {
  static constexpr std::array<dialect::Header, 1> kPlain{{{"Content-Type", "text/plain"}}};
  exchange->respond(400, kPlain, error.message() + " (" + error.id() + ")\n");
}

bool Handler::streams(dialect::Method, std::string_view) const { return false; }

RequestState& Http1Connection::new_request() {
  RequestState* request = std::make_unique<RequestState>(host_.loop.inbox()).release();
  request->session = this;
  if (order_last_ != nullptr) {
    order_last_->next = request;
  } else {
    order_first_ = request;
  }
  order_last_ = request;
  ++order_count_;
  return *request;
}

// `body_bytes` is nothing for an answer whose length is not known yet.
void Http1Connection::write_head(RequestState& request, const AnswerStep& step,
                                 std::optional<std::size_t> body_bytes, OutQueue& out) {
  thread_local std::string head;
  head.clear();
  const int status = request.refusal != nullptr ? request.refusal->status : step.status;
  const bool bodyless = has_no_body(request, status);
  const bool is_last = request.next == nullptr && begin_ == end_;
  const bool chunked = !body_bytes && request.head.http11 && !bodyless;
  if (!request.head.keep_alive || step.close || (draining_ && is_last) ||
      (!body_bytes && !chunked && !bodyless)) {
    request.close_after = true;
  }
  request.started = true;
  request.chunked = chunked;
  request.bodyless = bodyless;
  write_status_line(status, head);
  head.append(host_.loop.date_line());
  head.append(step.fields);
  if (request.refusal == &refusals::kContentCoding) head.append("Accept-Encoding: gzip, deflate\r\n");
  if (request.close_after) {
    head.append("Connection: close\r\n");
  } else if (!request.head.http11) {
    head.append("Connection: keep-alive\r\n");
  }
  if (body_bytes && status >= 200 && status != 204 && !(status == 304 && *body_bytes == 0)) {
    head.append("Content-Length: ");
    append_number(head, *body_bytes, 10);
    head.append("\r\n");
  } else if (chunked) {
    head.append("Transfer-Encoding: chunked\r\n");
  }
  head.append("\r\n");
  out.append(head);
}

void Http1Connection::write_piece(RequestState& request, std::string&& body, OutQueue& out) {
  if (request.bodyless) return;
  if (!request.chunked) {
    out.append_owned(std::move(body));
    return;
  }
  std::string size;
  append_number(size, body.size(), 16);
  size.append("\r\n");
  out.append(size);
  out.append_owned(std::move(body));
  out.append("\r\n");
}

void Http1Connection::deliver(RequestState& request, AnswerStep&& step) {
  if (request.ended) return;
  OutQueue& out = order_first_ == &request ? out_ : request.waiting;
  switch (step.kind) {
    case AnswerStep::Kind::kWhole:
      write_head(request, step, step.body.size(), out);
      if (!request.bodyless) out.append_owned(std::move(step.body));
      request.ended = true;
      break;
    case AnswerStep::Kind::kStart:
      write_head(request, step, std::nullopt, out);
      break;
    case AnswerStep::Kind::kPiece:
      write_piece(request, std::move(step.body), out);
      request.set_unsent(out.bytes());
      if (out.bytes() > limits().max_unsent_bytes) {
        cut();
        return;
      }
      break;
    case AnswerStep::Kind::kEnd:
      if (request.chunked) {
        out.append("0\r\n");
        out.append(step.fields);
        out.append("\r\n");
      }
      request.ended = true;
      break;
    case AnswerStep::Kind::kAbort:
      cut();
      return;
    case AnswerStep::Kind::kRead:  // bodies are whole here
      return;
  }
  if (request.ended && order_first_ == &request) pop_finished();
  if (!in_turn_) host_.loop.defer(*this);
}

void Http1Connection::pop_finished() {
  while (order_first_ != nullptr && order_first_->ended && !closing_) {
    RequestState* request = order_first_;
    order_first_ = request->next;
    if (order_first_ == nullptr) order_last_ = nullptr;
    --order_count_;
    served_any_ = true;
    idle_since_ = host_.loop.now();
    if (request->close_after) {
      closing_ = true;
      input_closed_ = true;
      if (request->head.keep_alive) linger_ = true;  // the client did not expect it and may be sending
    }
    request->session = nullptr;
    request->unref();
    if (order_first_ != nullptr && !closing_) {
      out_.splice(std::move(order_first_->waiting));
      send_continue();
    }
  }
  if (order_first_ == nullptr && end_of_input_) closing_ = true;
}

void Http1Connection::send_continue() {
  if (order_first_ == nullptr || !order_first_->continue_pending) return;
  order_first_->continue_pending = false;
  out_.append("HTTP/1.1 100 Continue\r\n\r\n");
}

// False when the connection ended.
bool Http1Connection::flush() {
  while (!out_.empty() && !blocked_) {
    std::array<iovec, kPiecesPerWrite> pieces;
    const ssize_t sent = link_.send({pieces.data(), out_.gather(pieces)});
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) {
        cut();
        return false;
      }
      blocked_ = true;
      break;
    }
    last_sent_ = host_.loop.now();
    host_.counters.bytes_sent.add(static_cast<std::uint64_t>(sent));
    out_.consume(static_cast<std::size_t>(sent));
    if (order_first_ != nullptr && order_first_->started) order_first_->set_unsent(out_.bytes());
    if (closed_) return false;
  }
  return true;
}

void Http1Connection::finish_turn() {
  for (;;) {
    if (closed_ || !flush()) return;
    if (!paused_ || should_pause()) break;
    paused_ = false;
    process();
  }
  in_turn_ = false;
  if (out_.empty() && closing_ && !lingering_) {
    end_after_flush();
    if (closed_) return;
  }
  if (phase_ == Phase::kHead && begin_ == end_ && block_) {
    block_ = {};
    begin_ = end_ = 0;
  }
  update_interest();
  update_deadline();
  // The loop tells of the socket alone.
  if ((interest_ & EPOLLIN) != 0 && !lingering_ && link_.pending()) host_.loop.defer(*this);
}

void Http1Connection::end_after_flush() {
  if (!linger_ || end_of_input_) {
    cut();
    return;
  }
  // Closing with input unread would reset the connection, and the client might never see the answer.
  link_.end_sending();
  lingering_ = true;
  linger_until_ = host_.loop.now() + limits().linger;
  begin_ = end_;
}

void Http1Connection::update_interest() {
  std::uint32_t wanted = 0;
  if (lingering_ || (!paused_ && !input_closed_)) wanted |= EPOLLIN;
  if (blocked_) wanted |= EPOLLOUT;
  if (wanted == interest_) return;
  interest_ = wanted;
  host_.loop.change(link_.fd(), interest_, *this);
}

MonoTime Http1Connection::wanted_deadline() const {
  if (lingering_) return linger_until_;
  if (blocked_) return last_sent_ + limits().write_timeout;
  if (ask_at_ != kNever) return ask_at_;
  if (input_closed_ || paused_) return MonoTime::max();
  if (phase_ != Phase::kHead) return body_check_at_;
  if (begin_ != end_) return head_began_ + limits().head_timeout;
  if (order_first_ != nullptr) return MonoTime::max();
  if (drain_until_ != kNever) return drain_until_;
  return idle_since_ + (served_any_ ? limits().idle_timeout : limits().head_timeout);
}

// The timer is moved only when it must come earlier; one that comes too early looks again.
void Http1Connection::update_deadline() {
  timeout_at_ = wanted_deadline();
  if (timeout_at_ == MonoTime::max()) return;
  if (!armed() || deadline() > timeout_at_) host_.loop.arm(*this, timeout_at_);
}

void Http1Connection::on_timer() {
  if (closed_ || timeout_at_ == MonoTime::max()) return;
  if (timeout_at_ > host_.loop.now()) {
    host_.loop.arm(*this, timeout_at_);
    return;
  }
  in_turn_ = true;
  expired();
  finish_turn();
}

void Http1Connection::expired() {
  if (lingering_ || blocked_) {
    cut();
  } else if (ask_at_ != kNever) {
    ask_whether_it_is_there();
  } else if (phase_ != Phase::kHead) {
    body_check_at_ = host_.loop.now() + kBodyCheckEvery;
    const Duration judged = host_.loop.now() - body_began_ - limits().body_grace;
    const double needed =
        std::chrono::duration<double>(judged).count() * static_cast<double>(limits().min_body_rate);
    if (static_cast<double>(body_received_) < needed) refuse(refusals::kBodyTimeout);
  } else if (begin_ != end_) {
    refuse(refusals::kHeadTimeout);
  } else {
    cut();
  }
}

void Http1Connection::on_deferred() {
  if (closed_) return;
  in_turn_ = true;
  if ((interest_ & EPOLLIN) != 0 && !lingering_ && link_.pending()) read_some();
  finish_turn();
}

void Http1Connection::drain() {
  if (closed_) return;
  draining_ = true;
  in_turn_ = true;
  // A request may be waiting in the kernel; it was sent before the client could know.
  if (!input_closed_ && !paused_) read_some();
  if (closed_) return;
  if (order_first_ == nullptr && begin_ == end_ && !closing_) {
    if (served_any_) {
      closing_ = true;
      input_closed_ = true;
      linger_ = true;
    } else {
      drain_until_ = host_.loop.now() + limits().linger;
    }
  }
  finish_turn();
}

void Http1Connection::cut() {
  if (std::exchange(closed_, true)) return;
  host_.loop.unwatch(link_.fd());
  host_.loop.disarm(*this);
  link_.close();
  current_ = nullptr;
  while (order_first_ != nullptr) {
    RequestState* request = std::exchange(order_first_, order_first_->next);
    request->session = nullptr;
    request->set_gone();
    request->unref();
  }
  order_last_ = nullptr;
  out_.clear();
  block_ = {};
  owner_.closed(*this);
}

}  // namespace slipway::net
