// One HTTP request and the way to answer it, free of sockets and of the version of HTTP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"

namespace slipway::dialect {

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kDelete, kOptions, kPatch, kOther };
std::string_view method_name(Method method);

/// Names are written as they go on the wire. Values must be free of CR, LF and NUL (net refuses them).
struct Header {
  std::string_view name;
  std::string_view value;
};

/// True for the content type of a gRPC call. Such a client reads its status from trailers: whatever refuses
/// it answers so (net keeps HTTP's status 200 then).
[[nodiscard]] bool is_grpc(std::string_view content_type);

/// Who the client showed to be by a certificate that the listener trusts.
struct PeerIdentity {
  std::string subject;  ///< "CN=alice,O=Example", as RFC 4514 writes names
  std::vector<std::string>
      names;  ///< subject alternative names: "DNS:a.example", "URI:spiffe://...", "email:..."
};

/// What comes of a body that is read in pieces.
struct BodyPiece {
  std::string bytes = {};  ///< may be empty
  bool last = false;       ///< nothing comes after it
  bool gone = false;       ///< the client gave the request up: nothing comes any more
};

/// Life: the transport hands it to one handler; the handler answers once, now or later, from any thread, by
/// respond() or by start() .. write()* .. finish(). An exchange that is destroyed unanswered is answered 500
/// by the transport. A client that went away makes answers vanish; `gone()` tells early. Thread: one at a
/// time, any thread; answering from another thread is handed over to the loop inside.
class Exchange {
 public:
  virtual ~Exchange() = default;

  [[nodiscard]] virtual Method method() const = 0;
  /// The path after percent-decoding once, without the query. A path that is not valid UTF-8, or has NUL,
  /// backslash, an encoded slash, or dot segments never comes here: the transport refuses it.
  [[nodiscard]] virtual std::string_view path() const = 0;
  /// The query as received (undecoded), without '?'.
  [[nodiscard]] virtual std::string_view query() const = 0;
  /// The value of a header by its lower-case name; the first when given more than once.
  [[nodiscard]] virtual std::optional<std::string_view> header(std::string_view lower_name) const = 0;
  /// The whole body, decompressed. Followed by at least 64 readable bytes. Borrows: lives as long as the
  /// exchange.
  [[nodiscard]] virtual ByteView body() const = 0;
  /// When the last byte of the body was received.
  [[nodiscard]] virtual MonoTime received() const = 0;
  /// When its head was there.
  [[nodiscard]] virtual MonoTime begun() const { return received(); }
  /// The client's connection is closed; an answer would reach nobody.
  [[nodiscard]] virtual bool gone() const = 0;
  /// True when the request came over loopback or a Unix socket.
  [[nodiscard]] virtual bool local() const = 0;
  /// Null where the client showed no certificate. Borrows: lives as long as the exchange.
  [[nodiscard]] virtual const PeerIdentity* peer() const { return nullptr; }

  /// The whole answer. Content-Length is the transport's. The body is taken over, not copied.
  virtual void respond(int status, std::span<const Header> headers, std::string body) = 0;

  /// An answer in parts: head, any number of pieces, end. Trailers go where the protocol has them.
  virtual void start(int status, std::span<const Header> headers) = 0;
  virtual void write(std::string piece) = 0;
  virtual void finish(std::span<const Header> trailers) = 0;

  /// start(), write() and finish() in one: cheaper where the protocol can, and without a Content-Length.
  virtual void respond_with_trailers(int status, std::span<const Header> headers, std::string body,
                                     std::span<const Header> trailers);

  // Callbacks. They run on the transport's loop and must not block it; none runs under a lock, and none is
  // called twice. Setting one replaces the one before; destroying the exchange drops them all, but one that
  // is already on its way may still run, so they hold what they touch by shared pointers and not the exchange
  // itself.

  /// Called when the client goes away before the answer is out: it closed the connection, or reset the
  /// stream; at once when it already has. What is being computed for it can stop. An exchange without a
  /// transport never calls.
  virtual void on_gone(std::function<void()> callback);

  /// Bytes that were written and that the client has not taken yet.
  [[nodiscard]] virtual std::size_t unsent() const { return 0; }
  /// From here on a stream of pieces should wait for on_room().
  static constexpr std::size_t kRoomBytes = std::size_t{256} << 10U;
  /// Called when unsent() is at most kRoomBytes, at once when it already is, and when the client goes away.
  virtual void on_room(std::function<void()> callback);

  /// The body is not whole: body() is empty, and read() gives it. Only for routes that ask for it
  /// (dialect::Route::streaming), and only where the protocol can be read and answered at once.
  [[nodiscard]] virtual bool streaming() const { return false; }
  /// Asks for what comes next of the body: `callback` gets it as soon as there is any, and gives true when it
  /// wants what comes then, too. The client can send only a window's worth more than was read. A body that is
  /// whole is given at once; a piece of one that streams is never given inside read().
  virtual void read(std::function<bool(BodyPiece)> callback);
};

}  // namespace slipway::dialect
