// The parameters of requests, tensors and repositories: a map from a name to one value.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace slipway::openinference_grpc {

/// One entry of a map<string, InferParameter> or ModelRepositoryParameter. Borrows: from the message.
struct Parameter {
  enum class Kind : std::uint8_t { kNone, kFlag, kSigned, kText, kDouble, kUnsigned, kOther };

  std::string_view key;
  Kind kind = Kind::kNone;
  std::uint64_t bits = 0;  ///< of flags and whole numbers
  std::string_view text;   ///< of texts

  /// A whole number from 0 on. Errors: v2.parameter.
  [[nodiscard]] Result<std::uint64_t> count() const;
  /// Its text. Errors: v2.parameter.
  [[nodiscard]] Result<std::string_view> string() const;
};

/// Reads an entry. `entry` is the field of the map. Errors: v2.message; v2.parameter for a value that is
/// none.
Result<Parameter> read_parameter(ByteView entry);

}  // namespace slipway::openinference_grpc
