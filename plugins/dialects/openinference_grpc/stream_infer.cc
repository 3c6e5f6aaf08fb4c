#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "grpc/stream_call.h"
#include "plugins/dialects/openinference_grpc/encode.h"
#include "plugins/dialects/openinference_grpc/infer.h"
#include "plugins/dialects/openinference_grpc/infer_call.h"

namespace slipway::openinference_grpc {
namespace {

/// One stream: asks for messages as long as there is room, and ends when all are answered. Thread: safe.
class Stream : public std::enable_shared_from_this<Stream> {
 public:
  Stream(const dialect::Host& host, std::shared_ptr<grpc::StreamCall> call, bool errors_end_it, bool local,
         std::optional<dialect::PeerIdentity> peer)
      : host_(host),
        call_(std::move(call)),
        errors_end_it_(errors_end_it),
        local_(local),
        peer_(std::move(peer)) {}

  void begin() {
    call_->start();
    read();
  }

  [[nodiscard]] bool gone() const { return call_->gone(); }
  [[nodiscard]] const dialect::PeerIdentity* peer() const { return peer_ ? &*peer_ : nullptr; }
  [[nodiscard]] bool local() const { return local_; }

  void answer(grpc::OutMessage message) {
    call_->write(std::move(message));
    leave();
  }

  void refuse(const Error& error, std::string_view id) {
    if (errors_end_it_) {
      call_->finish(error);
    } else {
      grpc::OutMessage message;
      write_stream_error(error, id, message.text());
      call_->write(std::move(message));
    }
    leave();
  }

 private:
  // Callbacks hold the stream, and the call holds the callbacks, until they are called or let go.
  void read() {
    call_->on_room([self = shared_from_this()] {
      self->call_->next([self](grpc::StreamCall::Next next) { self->take(std::move(next)); });
    });
  }

  void take(grpc::StreamCall::Next next);

  // Which of two steps comes last, the next message or the end of one at work, is for the lock to say.
  enum class Step : std::uint8_t { kNothing, kRead, kFinish };
  void enter_and_read_on() {
    bool room = false;
    {
      const std::lock_guard lock(mutex_);
      room = ++at_work_ < kMaxAtOnce;
      full_ = !room;
    }
    if (room) read();
  }

  void leave() {
    Step step = Step::kNothing;
    {
      const std::lock_guard lock(mutex_);
      --at_work_;
      if (full_) step = Step::kRead;
      full_ = false;
      if (at_work_ == 0 && ended_) step = Step::kFinish;
    }
    if (step == Step::kRead) read();
    if (step == Step::kFinish) call_->finish({});
  }

  void end() {
    bool finished = false;
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
      finished = at_work_ == 0;
    }
    if (finished) call_->finish({});
  }

  const dialect::Host& host_;
  const std::shared_ptr<grpc::StreamCall> call_;
  const bool errors_end_it_;
  const bool local_;
  const std::optional<dialect::PeerIdentity> peer_;
  std::mutex mutex_;
  std::size_t at_work_ = 0;  // guarded by mutex_
  bool full_ = false;        // guarded by mutex_: nothing was asked for, for there was no room
  bool ended_ = false;       // guarded by mutex_: the client has sent its last message
};

class StreamInferCall final : public InferCall {
 public:
  StreamInferCall(const dialect::Host& host, std::shared_ptr<Stream> stream, grpc::InMessage message)
      : InferCall(host), stream_(std::move(stream)), message_(std::move(message)) {}

  [[nodiscard]] ByteView message() const { return message_.bytes(); }
  [[nodiscard]] bool gone() const override { return stream_->gone(); }

 private:
  Status write(const Answer& answer, std::string& out) override { return write_stream_answer(answer, out); }
  void send(grpc::OutMessage message, const infer::Timings&) override { stream_->answer(std::move(message)); }
  void refuse(const Error& error, const infer::Timings&) override { stream_->refuse(error, id()); }
  [[nodiscard]] const dialect::PeerIdentity* peer() const override { return stream_->peer(); }
  [[nodiscard]] bool local() const override { return stream_->local(); }

  const std::shared_ptr<Stream> stream_;
  const grpc::InMessage message_;
};

// What did not come as a message has ended the call already.
void Stream::take(grpc::StreamCall::Next next) {
  if (!next.ok()) return;
  if (!next->has_value()) return end();
  auto call = std::make_unique<StreamInferCall>(host_, shared_from_this(), std::move(**next));
  const ByteView message = call->message();
  const MonoTime deadline = call_->deadline();
  enter_and_read_on();
  InferCall::run(std::move(call), message, host_.clock->now(), deadline);
}

}  // namespace

void stream_infer(const dialect::Host& host, const grpc::Limits& limits,
                  std::unique_ptr<dialect::Exchange> exchange) {
  const bool errors_end_it = exchange->header("triton_grpc_error") == "true";
  const bool local = exchange->local();
  std::optional<dialect::PeerIdentity> peer;
  if (const dialect::PeerIdentity* known = exchange->peer()) peer = *known;
  auto call = grpc::StreamCall::begin(std::move(exchange), limits, *host.clock);
  if (call == nullptr) return;
  std::make_shared<Stream>(host, std::move(call), errors_end_it, local, std::move(peer))->begin();
}

}  // namespace slipway::openinference_grpc
