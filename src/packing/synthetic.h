// Made-up records for a model without a sample.
#pragma once

#include <span>
#include <string>

#include "base/random.h"
#include "function/function.h"

namespace slipway::packing {

/// One record with a value for every field, as JSON: numbers in [-1, 1), integers and classes in [0, 10),
/// short words, arrays of those. The same seed gives the same records. Precondition: no array has a free
/// dimension.
[[nodiscard]] std::string synthetic_record(std::span<const function::FieldInfo> fields, Random& random);

}  // namespace slipway::packing
