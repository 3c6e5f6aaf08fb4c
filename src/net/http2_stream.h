// One request on an HTTP/2 connection: its head as it is put together field by field, and its body.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/body.h"
#include "net/compression.h"
#include "net/http2/stream.h"
#include "net/limits.h"
#include "net/loop/loop.h"
#include "net/refusal.h"
#include "net/session.h"

namespace slipway::net {

/// Thread: confined to its connection's loop, except for what RequestState says.
class Http2Stream final : public RequestState, public http2::Stream {
 public:
  /// Where the body goes.
  enum class Body : std::uint8_t { kNone, kWhole, kPieces, kIgnored };

  /// In memory of the loop's; unref() gives it back.
  static Http2Stream& make(Loop& loop);
  explicit Http2Stream(Loop& loop);
  ~Http2Stream() override;

  /// Takes one field of the head. What is wrong with the head is kept for check_head().
  void add_field(std::string_view name, std::string_view value, const Limits& limits);
  /// The head is whole. Gives null, or why the request is refused.
  [[nodiscard]] const Refusal* check_head(const Limits& limits);

  /// The head was checked and a body follows. Gives null, or why it is refused.
  [[nodiscard]] const Refusal* expect_body(const std::shared_ptr<Budget>& budget, const Limits& limits);
  /// Takes bytes of a body that the handler gets whole.
  [[nodiscard]] const Refusal* add_body(std::string_view bytes, const std::shared_ptr<Budget>& budget,
                                        const Limits& limits);
  /// The body is whole; sets `body`.
  [[nodiscard]] const Refusal* end_body();
  /// No more of the body is wanted, and what there is goes away.
  void ignore_body();

  /// From now on the handler reads the body in pieces.
  void read_in_pieces();
  /// Takes bytes of it. False: the server may not hold as many.
  [[nodiscard]] bool add_piece(std::string_view bytes, const std::shared_ptr<Budget>& budget);
  /// What was taken and not yet given. `window` becomes what the client may send more for it.
  [[nodiscard]] dialect::BodyPiece take_piece(std::size_t& window);

  [[nodiscard]] bool has_piece() const { return !pieces_.empty() || body_ended; }
  [[nodiscard]] bool is_grpc() const { return is_grpc_; }

  Body body_mode = Body::kNone;
  bool unasked = false;     ///< whether the handler wants pieces is not known
  bool body_ended = false;  ///< of a body in pieces
  bool in_pieces = false;   ///< the answer comes by write()
  bool ready = false;       ///< is in the connection's list of those that have a piece for their reader
  std::uint64_t body_received = 0;
  MonoTime body_began{};
  MonoTime progress{};  ///< when the answer began or last moved
  Http2Stream* list_next = nullptr;
  Http2Stream* list_previous = nullptr;

 private:
  void dispose() override;
  void add_pseudo(std::string_view name, std::string_view value, const Limits& limits);
  void add_host(std::string_view value);
  void note_meaning(std::string_view name, std::string_view value);
  void add_stored(std::string_view name, std::string_view value);
  std::uint32_t store(std::string_view text);
  void fault(const Refusal& refusal) {
    if (fault_ == nullptr) fault_ = &refusal;
  }

  FreeLists& memory_;  ///< only touched on its loop
  std::string text_;   ///< of all fields; the head's offsets count from its begin
  std::size_t head_bytes_ = 0;
  std::uint32_t host_at_ = 0;
  std::uint32_t host_size_ = 0;
  bool is_grpc_ = false;
  bool kind_known_ = false;
  const Refusal* fault_ = nullptr;
  std::string small_;  ///< a body that fits
  std::unique_ptr<Inflater> inflater_;
  std::string pieces_;
  std::shared_ptr<Budget> pieces_budget_;
  std::size_t pieces_held_ = 0;  ///< of `pieces_`, counted against the budget and the client's window
};

}  // namespace slipway::net
