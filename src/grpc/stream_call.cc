#include "grpc/stream_call.h"

#include <utility>

#include "grpc/answer_internal.h"
#include "grpc/status.h"

namespace slipway::grpc {

std::shared_ptr<StreamCall> StreamCall::begin(std::unique_ptr<dialect::Exchange> exchange,
                                              const Limits& limits, const Clock& clock) {
  if (!is_protobuf_call(*exchange)) {
    refuse_content_type(*exchange);
    return nullptr;
  }
  const Result<CallHead> head = read_head(*exchange);
  if (!head.ok()) {
    refuse(head.error(), *exchange);
    return nullptr;
  }
  const auto call = std::make_shared<StreamCall>(Key(), std::move(exchange), *head, limits, clock);
  call->exchange_->on_gone([weak = call->weak_from_this()] {
    if (const auto self = weak.lock()) self->in_turn([self = self.get()] { self->note_gone(); });
  });
  return call;
}

StreamCall::StreamCall(Key, std::unique_ptr<dialect::Exchange> exchange, const CallHead& head,
                       const Limits& limits, const Clock& clock)
    : head_(head),
      limits_(limits),
      clock_(clock),
      received_(exchange->received()),
      exchange_(std::move(exchange)),
      reader_(head.sent, limits) {}

StreamCall::~StreamCall() {
  finish_now(internal_error("grpc.given_up", "the call was given up without an answer"));
}

// The exchange takes one at a time, and calls back from within: whoever comes while another is at it leaves
// the step to that one.
void StreamCall::in_turn(std::function<void()> step) {
  const std::shared_ptr<StreamCall> self = shared_from_this();  // steps may let go of everybody else
  {
    const std::lock_guard lock(mutex_);
    if (busy_) {
      steps_.push_back(std::move(step));
      return;
    }
    busy_ = true;
  }
  step();
  std::vector<std::function<void()>> steps;
  for (;;) {
    steps.clear();
    {
      const std::lock_guard lock(mutex_);
      steps.swap(steps_);
      if (steps.empty()) {
        busy_ = false;
        return;
      }
    }
    for (const auto& queued : steps) queued();
  }
}

void StreamCall::next(std::function<void(Next)> callback) {
  in_turn([this, callback = std::move(callback)] {
    if (exchange_ == nullptr) return;
    next_ = callback;
    look_for_message();
  });
}

void StreamCall::look_for_message() {
  if (!next_ || reading_ || exchange_ == nullptr) return;
  if (gone()) return give(cancelled("grpc.gone", "the client gave the call up"));
  Next next = reader_.next();
  if (next.ok() && !next->has_value()) {
    if (!body_ended_) {
      reading_ = true;
      exchange_->read([self = shared_from_this()](dialect::BodyPiece piece) {
        self->in_turn(
            [self = self.get(), piece = std::move(piece)]() mutable { self->take_piece(std::move(piece)); });
        return false;
      });
      return;
    }
    if (!reader_.between_messages()) next = invalid_argument("grpc.message_cut", "the message is cut short");
  } else if (next.ok() && clock_.now() > deadline()) {
    next = deadline_exceeded("grpc.deadline", "the time that grpc-timeout gave is over");
  }
  give(std::move(next));
}

void StreamCall::take_piece(dialect::BodyPiece piece) {
  reading_ = false;
  if (piece.gone) {
    note_gone();
  } else {
    reader_.add(std::move(piece.bytes));
    body_ended_ = piece.last;
  }
  look_for_message();
}

void StreamCall::give(Next next) {
  const std::function<void(Next)> callback = std::exchange(next_, nullptr);
  if (!next.ok()) finish_now(next.error());
  callback(std::move(next));
}

void StreamCall::note_gone() {
  gone_.store(true);
  if (const auto callback = std::exchange(gone_callback_, nullptr)) callback();
}

void StreamCall::on_gone(std::function<void()> callback) {
  in_turn([this, callback = std::move(callback)] {
    if (!gone()) {
      if (exchange_ != nullptr) gone_callback_ = callback;
    } else if (callback) {
      callback();
    }
  });
}

void StreamCall::write(OutMessage message) {
  in_turn([this, bytes = std::move(message).framed(head_.answer, limits_)]() mutable {
    if (exchange_ == nullptr || gone()) return;
    start_now();
    exchange_->write(std::move(bytes));
  });
}

void StreamCall::start() {
  in_turn([this] {
    if (exchange_ != nullptr) start_now();
  });
}

void StreamCall::start_now() {
  if (!std::exchange(started_, true)) exchange_->start(200, answer_head(head_.answer));
}

void StreamCall::on_room(std::function<void()> callback) {
  in_turn([this, callback = std::move(callback)] {
    if (exchange_ == nullptr) return callback();
    exchange_->on_room([self = shared_from_this(), callback] { self->in_turn(callback); });
  });
}

void StreamCall::finish(Status status) {
  in_turn([this, status = std::move(status)] { finish_now(status); });
}

void StreamCall::finish_now(const Status& status) {
  if (exchange_ == nullptr) return;
  if (status.ok()) {
    start_now();
    exchange_->finish(StatusFields().fields());
  } else if (started_) {
    exchange_->finish(StatusFields(status.error()).fields());
  } else {
    refuse(status.error(), *exchange_);
  }
  exchange_.reset();
  next_ = nullptr;
  gone_callback_ = nullptr;
}

}  // namespace slipway::grpc
