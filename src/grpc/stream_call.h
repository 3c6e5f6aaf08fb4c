// A gRPC call with any number of messages each way.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "contracts/dialect/exchange.h"
#include "grpc/call.h"
#include "grpc/message.h"

namespace slipway::grpc {

/// Messages are read one at a time, each when it is asked for, as they come where the route streams
/// (dialect::Route::streaming) and from the whole body otherwise. Dropped without finish() it ends as an
/// internal error. Thread: safe; what several threads ask for is done in turn. Callbacks run on the
/// transport's loop or on the thread that asks, one at a time and none under a lock; they may call anything
/// here, which then happens after them.
class StreamCall : public std::enable_shared_from_this<StreamCall> {
  struct Key {};

 public:
  /// A message; nothing when the client has sent its last one; or why no more will come, in which case the
  /// call has ended with that error: damage (errors of only_message()), grpc.deadline, grpc.gone.
  using Next = Result<std::optional<InMessage>>;

  /// Null when the call was refused, and answered so. Borrows: limits and clock, for the call's life.
  static std::shared_ptr<StreamCall> begin(std::unique_ptr<dialect::Exchange> exchange, const Limits& limits,
                                           const Clock& clock);
  /// For begin() alone.
  StreamCall(Key key, std::unique_ptr<dialect::Exchange> exchange, const CallHead& head, const Limits& limits,
             const Clock& clock);
  StreamCall(const StreamCall&) = delete;
  StreamCall& operator=(const StreamCall&) = delete;
  ~StreamCall();

  /// Asks for the next message; `callback` is called once, now or later, or let go when the call is finished
  /// before. While it waits, the callback and the call live. Back-pressure on the client is not to ask.
  void next(std::function<void(Next)> callback);

  /// Sends a message; the first one begins the answer. Nothing happens after finish(), or when the client is
  /// gone. Back-pressure from the client is to wait for on_room() between messages.
  void write(OutMessage message);
  /// Begins the answer without a message.
  void start();
  /// Called when little of what was written waits for the client, and when it goes away or the call has
  /// ended.
  void on_room(std::function<void()> callback);
  /// Ends the call; only the first one counts.
  void finish(Status status);

  /// Called when the client gives the call up before it has ended, at once when it already has. One at a
  /// time.
  void on_gone(std::function<void()> callback);
  [[nodiscard]] bool gone() const { return gone_.load(); }
  [[nodiscard]] MonoTime deadline() const { return head_.deadline; }
  [[nodiscard]] MonoTime received() const { return received_; }

 private:
  void in_turn(std::function<void()> step);
  void look_for_message();
  void take_piece(dialect::BodyPiece piece);
  void give(Next next);
  void note_gone();
  void start_now();
  void finish_now(const Status& status);

  const CallHead head_;
  const Limits& limits_;
  const Clock& clock_;
  const MonoTime received_;
  std::atomic<bool> gone_{false};

  std::mutex mutex_;
  bool busy_ = false;                         ///< guarded by mutex_: a thread does the steps
  std::vector<std::function<void()>> steps_;  ///< guarded by mutex_

  // Touched in a step only.
  std::unique_ptr<dialect::Exchange> exchange_;  ///< null when the call has ended
  MessageReader reader_;
  std::function<void(Next)> next_;
  std::function<void()> gone_callback_;
  bool reading_ = false;
  bool body_ended_ = false;
  bool started_ = false;
};

}  // namespace slipway::grpc
