// What stands between one request and its answer, whatever the version of HTTP: the request's state, the
// Exchange that a handler holds, and the way of an answer back to the loop that owns the socket.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "contracts/dialect/exchange.h"
#include "net/body.h"
#include "net/loop/block.h"
#include "net/loop/out_queue.h"
#include "net/loop/task.h"
#include "net/request_head.h"
#include "net/target.h"

namespace slipway::net {

class RequestState;

/// One step of an answer. The fields are already written as they go on the wire ("name: value\r\n" each).
struct AnswerStep {
  enum class Kind : std::uint8_t {
    kWhole,
    kStart,
    kPiece,
    kEnd,
    kAbort,
    kRead,  ///< no answer: the handler waits for a piece of the body
  };
  Kind kind = Kind::kWhole;
  int status = 200;
  bool close = false;         ///< the handler asked for Connection: close
  bool has_trailers = false;  ///< of kWhole: `trailers` count, and no length is told
  std::string_view fields;
  std::string_view trailers;
  std::string body;
};

/// The owner of a socket that requests came from. Thread: confined to its loop.
class Session {
 public:
  virtual ~Session() = default;
  virtual void deliver(RequestState& request, AnswerStep&& step) = 0;
};

/// One request. It is held by its session until answered and by its Exchange until that is destroyed.
class RequestState : public Task {
 public:
  explicit RequestState(std::shared_ptr<Inbox> inbox) : inbox_(std::move(inbox)) {}

  // The request; not changed after it was handed to the handler.
  RequestHead head;
  Target target;
  const char* base = "";  ///< what the head's offsets count from; stands in `block`
  BlockRef block;
  BodyBuffer body_buffer;
  ByteView body;
  MonoTime begun{};  ///< when the head was there; zero = when the rest was, too
  MonoTime received{};
  bool local = false;
  std::shared_ptr<const dialect::PeerIdentity> peer;  ///< null when the client showed no certificate
  bool may_compress = false;                          ///< the answer, by the listener's settings
  const Refusal* refusal =
      nullptr;  ///< the transport's verdict; its status goes out whatever the handler says
  bool http2 = false;
  bool streaming = false;  ///< handed over before the body was whole; it comes by give_piece()
  std::atomic<bool> gone{false};
  std::atomic<std::size_t> unsent{0};

  // The answer; the loop's.
  Session* session = nullptr;    ///< null when nobody waits any more
  RequestState* next = nullptr;  ///< in the order of the connection
  OutQueue waiting;              ///< bytes of the answer while an earlier one is not finished
  bool started = false;
  bool ended = false;
  bool chunked = false;
  bool bodyless = false;
  bool close_after = false;
  bool continue_pending = false;  ///< "100 Continue" is still to be sent

  void ref() { refs_.fetch_add(1, std::memory_order_relaxed); }
  void unref() {
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) dispose();
  }

  // What the handler wants to be told, as dialect::Exchange promises it. Thread: any.
  void on_gone(std::function<void()> callback);
  void on_room(std::function<void()> callback);
  void on_piece(std::function<bool(dialect::BodyPiece)> callback);
  void drop_callbacks();

  // The loop tells it. Each may end in the handler's code.
  void set_gone();
  void set_unsent(std::size_t bytes);
  void took_unsent(std::size_t bytes);
  [[nodiscard]] bool wants_piece() const { return wants_piece_.load(std::memory_order_acquire); }
  void give_piece(dialect::BodyPiece piece);

  /// Hands a step to the session: at once on its loop, else through the loop's inbox. Thread: one at a time,
  /// any.
  void answer(AnswerStep step);

 protected:
  /// Nobody holds it any more. Thread: any.
  virtual void dispose() { const std::unique_ptr<RequestState> last(this); }
  [[nodiscard]] const Inbox& inbox() const { return *inbox_; }

 private:
  struct Queued {
    AnswerStep step;
    std::string fields;
    std::string trailers;
  };

  void run() override;
  void discard() override { unref(); }
  void look_for_room(std::size_t bytes);

  std::shared_ptr<Inbox> inbox_;
  std::atomic<std::uint32_t> refs_{1};
  std::atomic<bool> used_queue_{
      false};  ///< a step went through the inbox; later ones on the loop look whether it arrived
  std::mutex mutex_;
  std::vector<Queued> queued_;  ///< guarded by mutex_
  bool posted_ = false;         ///< guarded by mutex_
  bool dropped_ = false;        ///< guarded by mutex_; no callback is wanted any more

  std::atomic<bool> wants_room_{false};
  std::atomic<bool> wants_piece_{false};
  std::function<void()> gone_callback_;                     ///< guarded by mutex_
  std::function<void()> room_callback_;                     ///< guarded by mutex_
  std::function<bool(dialect::BodyPiece)> piece_callback_;  ///< guarded by mutex_
};

/// What handlers hold. Destroyed without an answer, it answers 500.
class HttpExchange final : public dialect::Exchange {
 public:
  /// Takes a reference of its own.
  explicit HttpExchange(RequestState& request) : request_(request) { request_.ref(); }
  ~HttpExchange() override;
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  [[nodiscard]] dialect::Method method() const override { return request_.head.method; }
  [[nodiscard]] std::string_view path() const override { return request_.target.path; }
  [[nodiscard]] std::string_view query() const override { return request_.target.query; }
  [[nodiscard]] std::optional<std::string_view> header(std::string_view lower_name) const override;
  [[nodiscard]] ByteView body() const override { return request_.body; }
  [[nodiscard]] MonoTime received() const override { return request_.received; }
  [[nodiscard]] MonoTime begun() const override {
    return request_.begun == MonoTime{} ? request_.received : request_.begun;
  }
  [[nodiscard]] bool gone() const override { return request_.gone.load(std::memory_order_relaxed); }
  [[nodiscard]] bool local() const override { return request_.local; }
  [[nodiscard]] const dialect::PeerIdentity* peer() const override { return request_.peer.get(); }

  void respond(int status, std::span<const dialect::Header> headers, std::string body) override;
  void start(int status, std::span<const dialect::Header> headers) override;
  void write(std::string piece) override;
  void finish(std::span<const dialect::Header> trailers) override;
  void respond_with_trailers(int status, std::span<const dialect::Header> headers, std::string body,
                             std::span<const dialect::Header> trailers) override;
  void on_gone(std::function<void()> callback) override;
  [[nodiscard]] std::size_t unsent() const override { return request_.unsent.load(); }
  void on_room(std::function<void()> callback) override;
  [[nodiscard]] bool streaming() const override { return request_.streaming; }
  void read(std::function<bool(dialect::BodyPiece)> callback) override;

 private:
  enum class Phase : std::uint8_t { kUnanswered, kStreaming, kAnswered };

  RequestState& request_;
  Phase phase_ = Phase::kUnanswered;
  bool has_callbacks_ = false;
};

}  // namespace slipway::net
