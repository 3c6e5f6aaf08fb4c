// Reading the files that XGBoost, LightGBM and CatBoost save models in.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "forest/forest.h"

namespace slipway::forest {

enum class Format : std::uint8_t { kNone, kXgboostJson, kXgboostUbjson, kLightgbmText, kCatboostJson };

/// "XGBoost JSON"; empty for kNone.
std::string_view format_name(Format format);

/// Tells by content. The beginning of a file, of some KiB, is enough.
[[nodiscard]] Format recognise(ByteView file);

/// A forest that passes check(). Errors: forest.damaged (the file contradicts itself or its format, saying
/// where), forest.unsupported (a kind of model that is not done here, saying which and what to do).
/// Cost: linear in the file; JSON takes about 14 times its size while it is read.
Result<Forest> read(ByteView file);

}  // namespace slipway::forest
