// UBJSON, the binary JSON that XGBoost saves by default.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/error.h"

namespace slipway::forest {

/// The document as JSON text. Numbers keep their value; those that JSON lacks (NaN and the infinities) become
/// the strings "NaN", "Infinity" and "-Infinity". The text is at most some 30 times as long as the bytes.
/// Errors: forest.damaged, with the position: cut short, no such marker, a count that the bytes cannot hold,
/// nested deeper than 64, text that is not UTF-8, bytes left over.
Result<std::string> ubjson_to_json(ByteView bytes);

}  // namespace slipway::forest
