// The classification extension: an output's largest values as texts.
// Source: Triton docs/protocol/extension_classification.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "contracts/dialect/dialect.h"
#include "contracts/dialect/shared_memory.h"
#include "tensor/tensor.h"

namespace slipway::openinference {

/// How one output is to be written.
struct OutputForm {
  std::string_view name;
  std::optional<bool> binary = {};  ///< on REST; absent: as the whole request says
  std::uint64_t classes = 0;        ///< above 0: as a classification with so many classes
  /// Where the client wants its bytes, instead of in the answer; null: in the answer. Not with classes.
  std::shared_ptr<const dialect::SharedPart> shared = {};
};

/// A BYTES tensor of "value:index" or "value:index:label", the `classes` largest values of each row first;
/// all of them where there are fewer. NaN counts as the smallest, equal values stand by their index. Floats
/// have six digits behind the point. Labels are those that the prediction function has, one for each index,
/// for this output or else for another one.
/// Shapes: [rows, classes] where the first dimension is the batch (the model is batched, or it is free and
/// not the only one), else [classes].
/// Errors: v2.classification (an output of BYTES), v2.output (bytes that do not fit its shape).
Result<Tensor> classify(const dialect::ServedModel& model, const NamedTensorView& output,
                        std::uint64_t classes);

/// True where one of the forms asks for a classification.
[[nodiscard]] bool asks_for_classes(std::span<const OutputForm> forms);
/// Puts classifications in the place of the outputs that are asked for so. `texts` owns what is made.
/// Errors: those of classify().
Status classify_outputs(const dialect::ServedModel& model, std::span<const OutputForm> forms,
                        std::vector<NamedTensorView>& outputs, std::vector<Tensor>& texts);

}  // namespace slipway::openinference
