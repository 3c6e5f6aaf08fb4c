// A message's fields as text, by our reader and by the protobuf library.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway::protobuf::testing {

/// A line for each field: number, wire type, value. Nothing when damaged.
std::optional<std::string> described_by_us(std::string_view message);
/// Nothing when damaged, or when it has groups.
std::optional<std::string> described_by_library(std::string_view message);

}  // namespace slipway::protobuf::testing
