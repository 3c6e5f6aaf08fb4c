#include "grpc/message.h"

#include <utility>

#include "grpc/gzip.h"

namespace slipway::grpc {
namespace {

struct Prefix {
  bool compressed = false;
  std::size_t size = 0;
};

// `bytes` holds at least a prefix.
Result<Prefix> read_prefix(std::string_view bytes, Encoding encoding, const Limits& limits) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i]));
  };
  if (byte(0) > 1) return invalid_argument("grpc.message_flag", "a message begins with neither 0 nor 1");
  const Prefix prefix{byte(0) == 1, byte(1) << 24U | byte(2) << 16U | byte(3) << 8U | byte(4)};
  if (prefix.compressed && encoding == Encoding::kIdentity) {
    return internal_error("grpc.message_encoding",
                          "a message is marked as compressed, but grpc-encoding names no way");
  }
  if (prefix.size > limits.max_message_bytes) {
    return resource_exhausted("grpc.message_too_large",
                              "a message has " + std::to_string(prefix.size) + " bytes, more than the " +
                                  std::to_string(limits.max_message_bytes) + " that are taken");
  }
  return prefix;
}

void write_prefix(std::string& text, bool compressed) {
  const std::size_t size = text.size() - kPrefixBytes;
  text[0] = compressed ? '\1' : '\0';
  for (std::size_t i = 0; i < 4; ++i) text[i + 1] = static_cast<char>(size >> (24 - 8 * i) & 0xffU);
}

}  // namespace

std::string OutMessage::framed(Encoding encoding, const Limits& limits) && {
  const std::string_view message = std::string_view(text_).substr(kPrefixBytes);
  if (encoding == Encoding::kGzip && message.size() >= limits.compress_from_bytes) {
    std::string packed(kPrefixBytes, '\0');
    gzip(message, packed);
    write_prefix(packed, true);
    return packed;
  }
  write_prefix(text_, false);
  return std::move(text_);
}

Result<ByteView> only_message(ByteView body, Encoding encoding, const Limits& limits, std::string& unpacked) {
  if (body.empty()) {
    return unimplemented("grpc.cardinality", "the method takes exactly one message, and none was sent");
  }
  if (body.size() < kPrefixBytes) return invalid_argument("grpc.message_cut", "the message is cut short");
  SLIPWAY_ASSIGN_OR_RETURN(const Prefix prefix, read_prefix(as_text(body), encoding, limits));
  const ByteView rest = body.subspan(kPrefixBytes);
  if (rest.size() < prefix.size) return invalid_argument("grpc.message_cut", "the message is cut short");
  if (rest.size() > prefix.size) {
    return unimplemented("grpc.cardinality",
                         "the method takes exactly one message, and more than one was sent");
  }
  if (!prefix.compressed) return rest;
  unpacked.clear();
  SLIPWAY_TRY(gunzip(as_text(rest), limits, unpacked));
  const std::size_t size = unpacked.size();
  unpacked.append(kPaddingBytes, '\0');
  return as_bytes(std::string_view(unpacked).substr(0, size));
}

void MessageReader::add(std::string bytes) {
  if (at_ == buffer_.size()) {
    buffer_ = std::move(bytes);
    at_ = 0;
    return;
  }
  if (at_ > 0) buffer_.erase(0, std::exchange(at_, 0));
  buffer_.append(bytes);
}

Result<std::optional<InMessage>> MessageReader::next() {
  const std::string_view bytes = std::string_view(buffer_).substr(at_);
  if (bytes.size() < kPrefixBytes) return std::optional<InMessage>();
  SLIPWAY_ASSIGN_OR_RETURN(const Prefix prefix, read_prefix(bytes, encoding_, limits_));
  if (bytes.size() - kPrefixBytes < prefix.size) return std::optional<InMessage>();
  const std::size_t from = at_ + kPrefixBytes;
  at_ = from + prefix.size;
  std::string text;
  if (prefix.compressed) {
    SLIPWAY_TRY(gunzip(std::string_view(buffer_).substr(from, prefix.size), limits_, text));
  } else if (at_ == buffer_.size()) {
    // The last one that is here takes the whole buffer with it.
    at_ = 0;
    std::string whole = std::exchange(buffer_, {});
    whole.append(kPaddingBytes, '\0');
    return std::optional<InMessage>(InMessage(std::move(whole), from));
  } else {
    text = buffer_.substr(from, prefix.size);
  }
  text.append(kPaddingBytes, '\0');
  return std::optional<InMessage>(InMessage(std::move(text), 0));
}

}  // namespace slipway::grpc
