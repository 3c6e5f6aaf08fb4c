// Messages of gRPC, as they stand in a body, in both directions.
//
// Layout, any number of times: 1 byte (0: as it is, 1: compressed), 4 bytes length (big-endian), the message.
// Source: grpc/grpc doc/PROTOCOL-HTTP2.md and doc/compression.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace slipway::grpc {

inline constexpr std::size_t kPrefixBytes = 5;
inline constexpr std::size_t kPaddingBytes = 64;  ///< readable behind every received message

struct Limits {
  std::size_t max_message_bytes = std::size_t{64} << 20U;  ///< one received message, decompressed
  std::size_t max_inflate_ratio = 100;                     ///< decompressed to sent size, above 64 KiB
  std::size_t compress_from_bytes = 1024;                  ///< smaller ones are sent as they are
};

enum class Encoding : std::uint8_t { kIdentity, kGzip };

/// A message to be sent. Append its bytes to text(), which begins with room for the prefix.
class OutMessage {
 public:
  OutMessage() : text_(kPrefixBytes, '\0') {}
  [[nodiscard]] std::string& text() { return text_; }
  /// The message with its prefix, compressed when `encoding` says so and it is large enough.
  [[nodiscard]] std::string framed(Encoding encoding, const Limits& limits) &&;

 private:
  std::string text_;
};

/// A received message that owns its bytes.
class InMessage {
 public:
  InMessage() = default;
  /// `text` holds the message from `from` on, and kPaddingBytes behind it.
  InMessage(std::string text, std::size_t from) : text_(std::move(text)), from_(from) {}
  [[nodiscard]] ByteView bytes() const {
    return as_bytes(std::string_view(text_).substr(from_, text_.size() - from_ - kPaddingBytes));
  }

 private:
  std::string text_ = std::string(kPaddingBytes, '\0');
  std::size_t from_ = 0;
};

/// The one message that a whole body is. `unpacked` holds it when it was compressed. Borrows: body, unpacked.
/// Errors: grpc.cardinality (none, or more than one), grpc.message_cut, grpc.message_flag,
/// grpc.message_too_large, grpc.message_encoding, grpc.message_compression.
Result<ByteView> only_message(ByteView body, Encoding encoding, const Limits& limits, std::string& unpacked);

/// Takes the bytes of a body as they come and gives its messages. Thread: external lock.
class MessageReader {
 public:
  MessageReader(Encoding encoding, const Limits& limits) : encoding_(encoding), limits_(limits) {}

  void add(std::string bytes);
  /// The next message; nothing when its bytes have not all come. Errors: as only_message().
  Result<std::optional<InMessage>> next();
  /// Called when the body has ended: was the last message whole?
  [[nodiscard]] bool between_messages() const { return at_ == buffer_.size(); }

 private:
  Encoding encoding_;
  Limits limits_;
  std::string buffer_;
  std::size_t at_ = 0;  ///< where the next message begins
};

}  // namespace slipway::grpc
