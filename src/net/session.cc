#include "net/session.h"

#include <array>

#include "base/check.h"
#include "net/answer_fields.h"
#include "net/compression.h"
#include "net/loop/loop.h"

namespace slipway::net {
namespace {

constexpr std::size_t kCompressFrom = 1024;

}  // namespace

void RequestState::answer(AnswerStep step) {
  if (on_loop_of(*inbox_)) {
    // Steps that came from other threads earlier go first.
    bool earlier = false;
    if (used_queue_.load(std::memory_order_relaxed)) {
      const std::lock_guard lock(mutex_);
      earlier = !queued_.empty();
    }
    if (!earlier) {
      if (session != nullptr) session->deliver(*this, std::move(step));
      return;
    }
  }
  bool post = false;
  used_queue_.store(true, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    Queued& queued = queued_.emplace_back();
    queued.fields = step.fields;
    queued.trailers = step.trailers;
    queued.step = std::move(step);
    post = !std::exchange(posted_, true);
  }
  if (post) {
    ref();
    inbox_->post(*this);
  }
}

void RequestState::run() {
  std::vector<Queued> steps;
  {
    const std::lock_guard lock(mutex_);
    steps.swap(queued_);
    posted_ = false;
  }
  for (Queued& queued : steps) {
    queued.step.fields = queued.fields;
    queued.step.trailers = queued.trailers;
    if (session != nullptr) session->deliver(*this, std::move(queued.step));
  }
  unref();
}

void RequestState::on_gone(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    gone_callback_.swap(callback);
    if (!gone.load()) return;
    gone_callback_.swap(callback);
  }
  if (callback) callback();
}

void RequestState::on_room(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    room_callback_.swap(callback);
    wants_room_.store(room_callback_ != nullptr);
    // The loop looks the other way round: first it says how much there is, then whether anybody waits.
    if (!gone.load() && unsent.load() > dialect::Exchange::kRoomBytes) return;
    room_callback_.swap(callback);
    wants_room_.store(false);
  }
  if (callback) callback();
}

void RequestState::on_piece(std::function<bool(dialect::BodyPiece)> callback) {
  {
    const std::lock_guard lock(mutex_);
    piece_callback_.swap(callback);
    wants_piece_.store(piece_callback_ != nullptr);
    if (!gone.load()) return;
    piece_callback_.swap(callback);
    wants_piece_.store(false);
  }
  if (callback) callback({.gone = true});
}

void RequestState::drop_callbacks() {
  std::function<void()> gone_callback;
  std::function<void()> room_callback;
  std::function<bool(dialect::BodyPiece)> piece_callback;
  const std::lock_guard lock(mutex_);
  gone_callback_.swap(gone_callback);
  room_callback_.swap(room_callback);
  piece_callback_.swap(piece_callback);
  dropped_ = true;
  wants_room_.store(false);
  wants_piece_.store(false);
}

void RequestState::set_gone() {
  std::function<void()> gone_callback;
  std::function<void()> room_callback;
  std::function<bool(dialect::BodyPiece)> piece_callback;
  {
    const std::lock_guard lock(mutex_);
    gone.store(true);
    gone_callback_.swap(gone_callback);
    room_callback_.swap(room_callback);
    piece_callback_.swap(piece_callback);
    wants_room_.store(false);
    wants_piece_.store(false);
  }
  if (gone_callback) gone_callback();
  if (piece_callback) piece_callback({.gone = true});
  if (room_callback) room_callback();
}

void RequestState::set_unsent(std::size_t bytes) {
  unsent.store(bytes);
  look_for_room(bytes);
}

void RequestState::took_unsent(std::size_t bytes) { look_for_room(unsent.fetch_sub(bytes) - bytes); }

void RequestState::look_for_room(std::size_t bytes) {
  if (bytes > dialect::Exchange::kRoomBytes || !wants_room_.load()) return;
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    room_callback_.swap(callback);
    wants_room_.store(false);
  }
  if (callback) callback();
}

void RequestState::give_piece(dialect::BodyPiece piece) {
  std::function<bool(dialect::BodyPiece)> callback;
  {
    const std::lock_guard lock(mutex_);
    piece_callback_.swap(callback);
    wants_piece_.store(false);
  }
  const bool ends = piece.last || piece.gone;
  if (!callback || !callback(std::move(piece)) || ends) return;
  const std::lock_guard lock(mutex_);
  if (dropped_ || gone.load() || piece_callback_ != nullptr) return;
  piece_callback_ = std::move(callback);
  wants_piece_.store(true);
}

HttpExchange::~HttpExchange() {
  if (has_callbacks_) request_.drop_callbacks();
  if (phase_ == Phase::kUnanswered) {
    static constexpr std::array<dialect::Header, 1> kPlain{{{"Content-Type", "text/plain"}}};
    respond(500, kPlain, "the request was given up without an answer\n");
  } else if (phase_ == Phase::kStreaming) {
    // What was sent is not the whole answer, and the client must see that: no end, the connection is cut.
    AnswerStep step;
    step.kind = AnswerStep::Kind::kAbort;
    request_.answer(std::move(step));
  }
  request_.unref();
}

std::optional<std::string_view> HttpExchange::header(std::string_view lower_name) const {
  const FieldList& fields = request_.head.fields;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const FieldRef& field = fields[i];
    if (field.name_size == lower_name.size() &&
        equals_lower(std::string_view(request_.base + field.name_at, field.name_size), lower_name)) {
      return std::string_view(request_.base + field.value_at, field.value_size);
    }
  }
  return std::nullopt;
}

void HttpExchange::respond(int status, std::span<const dialect::Header> headers, std::string body) {
  SLIPWAY_DCHECK(phase_ == Phase::kUnanswered);
  if (phase_ != Phase::kUnanswered) return;
  phase_ = Phase::kAnswered;
  thread_local std::string fields;
  fields.clear();
  const FieldFacts facts = write_fields(headers, fields);
  AnswerStep step;
  step.status = status;
  step.close = facts.close;
  step.body = std::move(body);
  if (!facts.valid) {
    fields = "Content-Type: text/plain\r\n";
    step.status = 500;
    step.body = "the answer had a header that cannot be sent\n";
  } else if (request_.may_compress && facts.compressible && !facts.encoded &&
             step.body.size() >= kCompressFrom) {
    fields += "Vary: Accept-Encoding\r\n";
    if (request_.head.accepts_gzip) {
      step.body = gzip(step.body);
      fields += "Content-Encoding: gzip\r\n";
    }
  }
  step.fields = fields;
  request_.answer(std::move(step));
}

void HttpExchange::start(int status, std::span<const dialect::Header> headers) {
  SLIPWAY_DCHECK(phase_ == Phase::kUnanswered);
  if (phase_ != Phase::kUnanswered) return;
  std::string fields;
  const FieldFacts facts = write_fields(headers, fields);
  if (!facts.valid) {
    respond(status, headers, {});
    return;
  }
  phase_ = Phase::kStreaming;
  AnswerStep step;
  step.kind = AnswerStep::Kind::kStart;
  step.status = status;
  step.close = facts.close;
  step.fields = fields;
  request_.answer(std::move(step));
}

void HttpExchange::write(std::string piece) {
  if (phase_ != Phase::kStreaming || piece.empty()) return;
  AnswerStep step;
  step.kind = AnswerStep::Kind::kPiece;
  request_.unsent.fetch_add(piece.size());
  step.body = std::move(piece);
  request_.answer(std::move(step));
}

void HttpExchange::finish(std::span<const dialect::Header> trailers) {
  if (phase_ != Phase::kStreaming) return;
  phase_ = Phase::kAnswered;
  std::string fields;
  const FieldFacts facts = write_fields(trailers, fields);
  AnswerStep step;
  step.kind = AnswerStep::Kind::kEnd;
  if (facts.valid) step.fields = fields;
  request_.answer(std::move(step));
}

void HttpExchange::respond_with_trailers(int status, std::span<const dialect::Header> headers,
                                         std::string body, std::span<const dialect::Header> trailers) {
  if (!request_.http2) {
    Exchange::respond_with_trailers(status, headers, std::move(body), trailers);
    return;
  }
  SLIPWAY_DCHECK(phase_ == Phase::kUnanswered);
  if (phase_ != Phase::kUnanswered) return;
  thread_local std::string fields;
  fields.clear();
  const bool valid = write_fields(headers, fields).valid;
  const std::size_t split = fields.size();
  if (!valid || !write_fields(trailers, fields).valid) {
    respond(500, {}, "the answer had a header that cannot be sent\n");
    return;
  }
  phase_ = Phase::kAnswered;
  AnswerStep step;
  step.status = status;
  step.has_trailers = true;
  step.fields = std::string_view(fields).substr(0, split);
  step.trailers = std::string_view(fields).substr(split);
  step.body = std::move(body);
  request_.answer(std::move(step));
}

void HttpExchange::on_gone(std::function<void()> callback) {
  has_callbacks_ = true;
  request_.on_gone(std::move(callback));
}

void HttpExchange::on_room(std::function<void()> callback) {
  has_callbacks_ = true;
  request_.on_room(std::move(callback));
}

void HttpExchange::read(std::function<bool(dialect::BodyPiece)> callback) {
  if (!request_.streaming) {
    Exchange::read(std::move(callback));
    return;
  }
  has_callbacks_ = true;
  request_.on_piece(std::move(callback));
  AnswerStep step;
  step.kind = AnswerStep::Kind::kRead;
  request_.answer(std::move(step));
}

}  // namespace slipway::net
