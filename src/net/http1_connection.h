// One client connection that speaks HTTP/1.x.
//
//   head --(no body)--------------------------> handler --> answers, in the order of the requests --> socket
//     |--(fits the block)--> body in the block --^
//     |--(large, plain)----> body read straight into its buffer --^
//     '--(chunked or compressed)--> body decoded into its buffer --^
//
// A connection that begins with HTTP/2's preface is handed back to its owner.
//
// A request that is whole in the receive block is handed on where it stands. While any request stands in a
// block, nothing is received into that block any more: what is left over moves to a fresh one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/chunk_decoder.h"
#include "net/compression.h"
#include "net/connection.h"
#include "net/loop/loop.h"
#include "net/request_head.h"
#include "net/session.h"
#include "net/tls/link.h"

namespace slipway::net {

/// Thread: confined to its loop.
class Http1Connection final : public Connection, public Timer, public Deferred, public Session {
 public:
  /// Borrows: host and owner, for the connection's life. Call open() next.
  Http1Connection(Link link, bool local, const ConnectionHost& host, ConnectionOwner& owner);
  ~Http1Connection() override;

  /// Errors: net.loop.
  Status open();
  /// The next answer that can be the last one is.
  void note_draining() override { draining_ = true; }
  /// One that has not said anything yet has a moment left to do so.
  void drain() override;
  void cut() override;

  void on_events(std::uint32_t events) override;
  void on_timer() override;
  void on_deferred() override;
  void deliver(RequestState& request, AnswerStep&& step) override;

 private:
  enum class Phase : std::uint8_t { kHead, kBodyInBlock, kBodyDirect, kBodyDecoded };

  // Reading (http1_connection.cc).
  void read_some();
  bool ensure_space();
  void move_to(BlockRef block);
  void linger_some();
  void on_end_of_input();
  void ask_whether_it_is_there();
  void process();
  bool process_head();
  void begin_request(std::size_t head_size);
  const Refusal* plan_body(RequestState& request);
  bool process_body();
  const Refusal* decode_body();
  const Refusal* feed_decoded(std::string_view data);
  void refuse(const Refusal& refusal);
  void hand_over();
  void dispatch();
  [[nodiscard]] std::string_view unread() const {
    return {block_ ? block_.data() + begin_ : "", end_ - begin_};
  }
  [[nodiscard]] bool should_pause() const;

  // Answering and ending (http1_answer.cc).
  RequestState& new_request();
  void write_head(RequestState& request, const AnswerStep& step, std::optional<std::size_t> body_bytes,
                  OutQueue& out);
  void write_piece(RequestState& request, std::string&& body, OutQueue& out);
  void pop_finished();
  void send_continue();
  bool flush();
  void finish_turn();
  void end_after_flush();
  void update_interest();
  void update_deadline();
  void expired();
  [[nodiscard]] MonoTime wanted_deadline() const;
  static constexpr MonoTime kNever = MonoTime::min();
  static constexpr Duration kAskAfter = std::chrono::milliseconds(100);
  static constexpr Duration kBodyCheckEvery = std::chrono::seconds(1);
  [[nodiscard]] const Limits& limits() const { return host_.limits; }

  ConnectionOwner& owner_;
  Link link_;
  Phase phase_ = Phase::kHead;
  bool local_ = false;
  bool in_turn_ = false;
  bool closed_ = false;
  bool draining_ = false;
  bool paused_ = false;        ///< whole requests may wait in the block
  bool input_closed_ = false;  ///< no request is read any more
  bool end_of_input_ = false;  ///< the client sends no more
  bool closing_ = false;       ///< the last answer is in out_
  bool linger_ = false;        ///< input is thrown away before closing
  bool lingering_ = false;
  bool blocked_ = false;  ///< the socket takes no more for now
  std::uint32_t interest_ = 0;

  BlockRef block_;
  std::size_t begin_ = 0;  ///< first byte of the request that is being received
  std::size_t end_ = 0;    ///< end of what was received
  HeadScanner scanner_;

  RequestState* current_ = nullptr;  ///< receiving its body; also in the order below
  std::size_t head_size_ = 0;
  struct Decoding {
    std::optional<ChunkDecoder> chunks;
    std::optional<Inflater> inflater;
    std::uint64_t left = 0;  ///< of a compressed body with Content-Length
  };
  std::unique_ptr<Decoding> decoding_;
  std::uint64_t body_received_ = 0;

  RequestState* order_first_ = nullptr;
  RequestState* order_last_ = nullptr;
  std::size_t order_count_ = 0;
  OutQueue out_;

  MonoTime ask_at_ = kNever;  ///< when a client that ended its side is asked whether it is there
  MonoTime head_began_ = kNever;
  MonoTime body_began_{};
  MonoTime body_check_at_{};
  MonoTime idle_since_{};
  MonoTime last_sent_{};
  MonoTime linger_until_{};
  MonoTime drain_until_ = kNever;
  bool served_any_ = false;
  MonoTime timeout_at_ = MonoTime::max();
};

}  // namespace slipway::net
