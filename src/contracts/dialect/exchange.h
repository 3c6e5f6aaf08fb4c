// One HTTP request and the way to answer it, free of sockets and of the version of HTTP.
#pragma once

#include <cstdint>
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
  /// The client's connection is closed; an answer would reach nobody.
  [[nodiscard]] virtual bool gone() const = 0;
  /// True when the request came over loopback or a Unix socket.
  [[nodiscard]] virtual bool local() const = 0;

  /// The whole answer. Content-Length is the transport's. The body is taken over, not copied.
  virtual void respond(int status, std::span<const Header> headers, std::string body) = 0;

  /// An answer in parts: head, any number of pieces, end. Trailers go where the protocol has them.
  virtual void start(int status, std::span<const Header> headers) = 0;
  virtual void write(std::string piece) = 0;
  virtual void finish(std::span<const Header> trailers) = 0;
};

}  // namespace slipway::dialect
