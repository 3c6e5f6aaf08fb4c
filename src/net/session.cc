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
    if (session != nullptr) session->deliver(*this, std::move(queued.step));
  }
  unref();
}

HttpExchange::~HttpExchange() {
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

}  // namespace slipway::net
