// One HTTP/2 connection of a server, free of sockets: received bytes go in and become requests, answers go in
// and become bytes to send. The protocol is nghttp2's; what a client may cost is decided here.
//
//   bytes --feed()--> Events: opened, field, head, data, ended, closed
//   start_answer() / add_body() / end_answer() / reset() --produce()--> OutQueue
//
// Wire format: RFC 9113, HPACK: RFC 7541.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "net/http2/allowance.h"
#include "net/http2/stream.h"
#include "net/loop/free_lists.h"
#include "net/loop/out_queue.h"

struct nghttp2_session;

namespace slipway::net::http2 {

/// Source: RFC 9113 section 7.
enum class ErrorCode : std::uint32_t {
  kNoError = 0,
  kProtocolError = 1,
  kInternalError = 2,
  kStreamClosed = 5,
  kRefusedStream = 7,
  kCancel = 8,
  kEnhanceYourCalm = 11,
};

struct SessionLimits {
  std::uint32_t max_streams = 256;                     ///< open at once on one connection
  std::uint32_t max_head_bytes = 32U << 10U;           ///< announced; what is beyond is the owner's to refuse
  std::uint32_t stream_window_bytes = 1U << 20U;       ///< of one body, unread by its handler
  std::uint32_t connection_window_bytes = 16U << 20U;  ///< of all bodies, on their way
  double control_frames = 2000;                        ///< pings, settings and the like in a burst
  double control_frames_per_second = 200;              ///< and steadily; useful frames earn more
  double resets = 1000;                                ///< requests taken back unanswered, in a burst
  double resets_per_second = 100;                      ///< and steadily; each answered request earns one
};

/// What the owner of a session hears, during feed() and produce(). Thread: confined to the session's loop.
class Events {
 public:
  virtual ~Events() = default;
  /// A request begins. Null: it is refused, and the client may send it again elsewhere (REFUSED_STREAM).
  /// Borrows: until closed().
  virtual Stream* opened(std::int32_t id) = 0;
  /// One field of its head; names are in lower case, the four pseudo fields first (":path").
  virtual void field(Stream& stream, std::string_view name, std::string_view value) = 0;
  /// Its head is whole and well formed. `ended`: there is no body.
  virtual void head(Stream& stream, bool ended) = 0;
  /// Bytes of its body; call Session::consume() once they are taken.
  virtual void data(Stream& stream, std::string_view bytes) = 0;
  /// Its body is whole.
  virtual void ended(Stream& stream) = 0;
  /// A frame took bytes of its answer.
  virtual void sent(Stream& stream, std::size_t bytes) = 0;
  /// The session knows the stream no more; the last that is heard of it. `whole`: the answer was sent to its
  /// end.
  virtual void closed(Stream& stream, bool whole) = 0;
};

/// Thread: confined to one loop.
class Session {
 public:
  /// Borrows: events and memory, for the session's life. It announces its settings at once.
  Session(const SessionLimits& limits, Events& events, FreeLists& memory);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Takes received bytes, from the client's preface on. False: the connection cannot go on; send what
  /// produce() gives and close. No stream is closed() by that; they are the owner's to end.
  [[nodiscard]] bool feed(std::string_view bytes, MonoTime now);
  /// Appends frames until there are `most` bytes in `out` or no more can be sent.
  void produce(OutQueue& out, std::size_t most);

  /// The head of an answer; `fields` are lines "Name: value\r\n". `ended`: there is no body.
  void start_answer(Stream& stream, int status, std::string_view fields, bool ended);
  /// An informational head (100).
  void inform(Stream& stream, int status);
  void add_body(Stream& stream, std::string&& piece);
  /// `trailers` as the fields; may be empty.
  void end_answer(Stream& stream, std::string_view trailers);
  void reset(Stream& stream, ErrorCode code);
  /// `bytes` of the request's body were taken: the client may send as many more.
  void consume(Stream& stream, std::size_t bytes);

  /// Tells the client that no more requests will be taken soon; those on their way still are.
  void announce_shutdown();
  /// No request is taken from now on; those that were are finished.
  void go_away();

  /// Every answer is out and no request will come: close the connection.
  [[nodiscard]] bool finished() const;
  [[nodiscard]] bool wants_to_send() const;
  /// Frames that wait to be sent, without bodies.
  [[nodiscard]] std::size_t queued_frames() const;
  /// The preface and the client's settings came.
  [[nodiscard]] bool greeted() const { return greeted_; }
  /// A request's head has begun and is not whole.
  [[nodiscard]] bool in_head() const { return in_head_; }

 private:
  struct Callbacks;
  [[nodiscard]] bool over_limit(std::uint8_t type, std::uint8_t flags, std::size_t length);
  [[nodiscard]] std::optional<ErrorCode> misplaced(std::uint8_t type, std::int32_t id) const;
  void note_opened(std::int32_t id);
  void give_up(ErrorCode code);

  const SessionLimits limits_;
  Events& events_;
  nghttp2_session* session_ = nullptr;
  Allowance control_;
  Allowance resets_;
  MonoTime now_{};
  Stream* current_ = nullptr;  ///< whose head is arriving
  std::size_t head_bytes_ = 0;
  std::int32_t last_opened_ = 0;
  std::uint64_t opened_ = 0;  ///< bit n: the n-th stream before the last one was opened
  bool reset_any_ = false;    ///< frames of the client may have crossed it
  bool in_head_ = false;
  bool greeted_ = false;
  bool broken_ = false;   ///< nothing is asked of the library any more
  bool goodbye_ = false;  ///< a last frame, written here, is to be sent
  ErrorCode goodbye_code_ = ErrorCode::kNoError;
  OutQueue* out_ = nullptr;  ///< during produce()
  std::size_t out_most_ = 0;
};

}  // namespace slipway::net::http2
