// The readers of the formats. What they give has the right sizes; reader.cc checks the rest.
#pragma once

#include <string_view>

#include "forest/forest.h"

namespace slipway::forest::internal {

Result<Forest> read_xgboost_json(std::string_view text);
Result<Forest> read_lightgbm_text(std::string_view text);
Result<Forest> read_catboost_json(std::string_view text);

}  // namespace slipway::forest::internal
