// Says what is wrong with a text that is not JSON, and where. Only ever run on texts that simdjson refused.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace slipway::json::internal {

enum class FaultKind : std::uint8_t { kNone, kSyntax, kDepth, kUtf8, kNumber };

struct TextFault {
  FaultKind kind = FaultKind::kNone;
  std::size_t offset = 0;  ///< bytes from the start of the text
  std::string message;     ///< "a comma or ] is wanted"
};

/// The first fault of `text`; kNone when it is JSON within max_depth. A second, plain reading of the grammar,
/// against which simdjson is checked by fuzzing. Source: RFC 8259. Cost: linear.
TextFault find_fault(std::string_view text, std::size_t max_depth);

/// The Error for a text that the parser refused: find_fault's words with line and column, or `otherwise`.
Error explain_fault(std::string_view text, std::size_t max_depth, std::string_view otherwise);

}  // namespace slipway::json::internal
