// One client connection that speaks HTTP/2: each stream becomes an exchange, and answers leave in any order,
// those of one turn of the loop in one system call.
//
//   socket --> http2::Session --> head --(no body, or whole)--------------> handler
//                                   '--(body on its way, handler streams)--> handler, which reads pieces
//   handler --> deliver() --> http2::Session --> frames, as windows allow --> socket
//
// Nothing is kept for an idle connection but the session; what is received is read where it stands and not
// kept.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "net/connection.h"
#include "net/http2/session.h"
#include "net/http2_stream.h"
#include "net/loop/loop.h"
#include "net/session.h"
#include "net/tls/link.h"

namespace slipway::net {

/// Thread: confined to its loop.
class Http2Connection final : public Connection,
                              public Timer,
                              public Deferred,
                              public Session,
                              public http2::Events {
 public:
  /// Borrows: host and owner, for the connection's life. Call open(), then begin().
  Http2Connection(Link link, bool local, const ConnectionHost& host, ConnectionOwner& owner);
  ~Http2Connection() override;

  /// Errors: net.loop.
  Status open();
  /// What was received before, from the client's preface on.
  void begin(std::string_view received);

  /// GOAWAY with the highest stream: requests on their way are still taken.
  void note_draining() override;
  /// GOAWAY with the last stream that was taken; one that has not asked anything yet has a moment left to do
  /// so.
  void drain() override;
  void cut() override;

  void on_events(std::uint32_t events) override;
  void on_timer() override;
  void on_deferred() override;
  void deliver(RequestState& request, AnswerStep&& step) override;

  http2::Stream* opened(std::int32_t id) override;
  void field(http2::Stream& stream, std::string_view name, std::string_view value) override;
  void head(http2::Stream& stream, bool ended) override;
  void data(http2::Stream& stream, std::string_view bytes) override;
  void ended(http2::Stream& stream) override;
  void sent(http2::Stream& stream, std::size_t bytes) override;
  void closed(http2::Stream& stream, bool whole) override;

 private:
  void read_some();
  void take(std::string_view bytes);
  void ask_who_streams();
  void refuse(Http2Stream& stream, const Refusal& refusal);
  void dispatch(Http2Stream& stream);
  void no_longer_unasked(Http2Stream& stream);
  void make_ready(Http2Stream& stream);
  void give_pieces();

  void start_answer(Http2Stream& stream, const AnswerStep& step, bool whole);
  void answer_whole(Http2Stream& stream, AnswerStep&& step);
  void add_piece(Http2Stream& stream, std::string&& piece);
  bool flush();
  bool send_some();
  void finish_turn();
  void end_after_flush();
  void abandon_streams();
  void update_interest();
  void update_deadline();
  void expired();
  void check_streams();
  [[nodiscard]] MonoTime wanted_deadline() const;
  [[nodiscard]] bool should_pause() const;
  [[nodiscard]] const Limits& limits() const { return host_.limits; }

  static constexpr MonoTime kNever = MonoTime::max();

  ConnectionOwner& owner_;
  Link link_;
  http2::Session session_;
  OutQueue out_;
  Http2Stream* streams_ = nullptr;
  std::size_t stream_count_ = 0;
  std::size_t unasked_ = 0;          ///< streams for which the handler was not asked whether it streams
  std::size_t unsent_bytes_ = 0;     ///< of all answers
  std::vector<Http2Stream*> ready_;  ///< holds a reference to each

  bool local_ = false;
  bool in_turn_ = false;
  bool closed_ = false;
  bool input_closed_ = false;
  bool announced_ = false;  ///< GOAWAY with the highest stream
  bool leaving_ = false;    ///< GOAWAY with the last stream
  bool lingering_ = false;
  bool blocked_ = false;  ///< the socket takes no more for now
  bool asked_anything_ = false;
  std::uint32_t interest_ = 0;

  MonoTime head_until_ = kNever;  ///< the preface, or a head that has begun, is whole by then
  MonoTime idle_since_{};
  MonoTime last_sent_{};
  MonoTime linger_until_ = kNever;
  MonoTime drain_until_ = kNever;
  MonoTime next_check_{};
  MonoTime timeout_at_ = kNever;
};

}  // namespace slipway::net
