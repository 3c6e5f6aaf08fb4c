// A prediction function for a model that came without one.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "function/function.h"
#include "tensor/signature.h"

namespace slipway::packing {

struct InferredFunction {
  function::Spec spec;
  std::vector<std::string> notes;  ///< what was inferred and why, a sentence each
};

/// Columns by the sample's header where the model has one input with as many columns; label and scores where
/// the model carries labels and outputs that fit them. Nothing when neither holds: the model's inputs and
/// outputs are the fields.
[[nodiscard]] std::optional<InferredFunction> infer_function(const Signature& signature,
                                                             std::span<const std::string> labels,
                                                             std::span<const std::string> columns);

}  // namespace slipway::packing
