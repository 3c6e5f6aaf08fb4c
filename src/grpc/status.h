// The end of a call: grpc-status, grpc-message and the details, as trailers; and the time limit in its head.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "contracts/dialect/exchange.h"

namespace slipway::grpc {

/// The trailers that say how a call ended. Borrows: nothing; its fields() borrow from it.
class StatusFields {
 public:
  /// All is well.
  StatusFields();
  /// The error's code and sentence, and as details (google.rpc.Status) its id as ErrorInfo of the domain
  /// "slipway" and its faults as BadRequest. Long texts are cut, since clients take 8 KiB of trailers.
  explicit StatusFields(const Error& error);
  StatusFields(const StatusFields&) = delete;
  StatusFields& operator=(const StatusFields&) = delete;

  [[nodiscard]] std::span<const dialect::Header> fields() const { return {fields_.data(), count_}; }

 private:
  std::string code_, message_, details_;
  std::array<dialect::Header, 3> fields_{};
  std::size_t count_ = 0;
};

/// Percent-encoded as grpc-message wants it. Source: PROTOCOL-HTTP2.md, "Percent-Encoded".
std::string encode_message(std::string_view text);
/// The google.rpc.Status of an error, in protobuf. Source: googleapis google/rpc/status.proto,
/// error_details.proto.
std::string encode_details(const Error& error);
/// Base64 without padding, as fields whose name ends in "-bin" are sent.
std::string encode_binary(std::string_view bytes);

/// "100m" to 100 ms. Nothing when it is no timeout: 1 to 8 digits and one of H, M, S, m, u, n.
std::optional<Duration> parse_timeout(std::string_view text);

}  // namespace slipway::grpc
