#include "packing/infer_function.h"

#include <algorithm>

#include "base/text.h"
#include "packing/shapes.h"

namespace slipway::packing {
namespace {

using function::FieldType;
using function::InputField;
using function::OutputField;

FieldType field_type(DType dtype) {
  if (dtype == DType::kBytes) return FieldType::kString;
  if (dtype == DType::kBool) return FieldType::kBoolean;
  return is_integer(dtype) ? FieldType::kInteger : FieldType::kNumber;
}

bool is_input_name(const Signature& signature, const std::string& column) {
  return signature.input_index(column).has_value();
}

// The columns of the one input, if that is what the sample has.
bool infer_columns(const Signature& signature, std::span<const std::string> columns,
                   InferredFunction& inferred) {
  if (signature.inputs.size() != 1 || columns.empty() || !starts_with_batch(signature)) return false;
  const TensorSpec& input = signature.inputs[0];
  if (is_input_name(signature, columns[0]) || input.shape.rank() != 2) return false;
  if (input.shape[1] != -1 && input.shape[1] != static_cast<std::int64_t>(columns.size())) return false;
  for (const std::string& column : columns) {
    InputField field;
    field.name = column;
    field.type = field_type(input.dtype);
    field.input = input.name;
    inferred.spec.inputs.push_back(std::move(field));
  }
  inferred.notes.push_back("fields: the " + std::to_string(columns.size()) +
                           " columns of the sample, in their order, are the columns of the input '" +
                           printable(input.name) + "'");
  return true;
}

void keep_inputs(const Signature& signature, InferredFunction& inferred) {
  for (const TensorSpec& input : signature.inputs) {
    InputField field;
    field.name = input.name;
    field.input = input.name;
    const std::size_t rows = starts_with_batch(signature) ? 1 : 0;
    bool scalar = input.shape.rank() >= rows && input.shape.rank() <= rows + 1;
    for (std::size_t i = rows; i < input.shape.rank(); ++i) scalar = scalar && input.shape[i] == 1;
    field.type = scalar ? field_type(input.dtype) : FieldType::kArray;
    inferred.spec.inputs.push_back(std::move(field));
  }
}

bool is_scalar_per_row(const TensorSpec& output) {
  return output.shape.rank() == 1 || (output.shape.rank() == 2 && output.shape[1] == 1);
}

OutputField answer(std::string name, OutputField::Kind kind, const TensorSpec& output) {
  OutputField field;
  field.name = std::move(name);
  field.kind = kind;
  field.output = output.name;
  return field;
}

// The label, its score and all scores, where outputs fit the labels; other outputs as they are.
bool infer_answers(const Signature& signature, std::span<const std::string> labels,
                   InferredFunction& inferred) {
  const TensorSpec* label = nullptr;
  const TensorSpec* scores = nullptr;
  const auto count = static_cast<std::int64_t>(labels.size());
  for (const TensorSpec& output : signature.outputs) {
    const bool names_class = output.dtype == DType::kBytes || output.dtype == DType::kInt64;
    const bool rates = is_float(output.dtype) && output.shape.rank() == 2 && output.shape[1] == count;
    if (label == nullptr && names_class && is_scalar_per_row(output)) label = &output;
    if (scores == nullptr && count > 0 && rates) scores = &output;
  }
  const std::vector<std::string> distinct(labels.begin(), labels.end());
  if (scores == nullptr || label == nullptr) return false;
  inferred.spec.outputs.push_back(answer("label", OutputField::Kind::kLabel, *label));
  inferred.spec.outputs.push_back(answer("score", OutputField::Kind::kScore, *scores));
  inferred.spec.outputs.push_back(answer("scores", OutputField::Kind::kScores, *scores));
  inferred.spec.outputs.back().labels = distinct;
  for (const TensorSpec& output : signature.outputs) {
    const bool taken = output.name == "label" || output.name == "score" || output.name == "scores";
    if (&output == label || &output == scores || taken) continue;
    inferred.spec.outputs.push_back(answer(output.name, OutputField::Kind::kValue, output));
  }
  inferred.notes.push_back("answer: the model carries " + std::to_string(count) + " class labels, so '" +
                           printable(label->name) + "' is the label and '" + printable(scores->name) +
                           "' the scores");
  return true;
}

}  // namespace

std::optional<InferredFunction> infer_function(const Signature& signature,
                                               std::span<const std::string> labels,
                                               std::span<const std::string> columns) {
  InferredFunction inferred;
  const bool has_columns = infer_columns(signature, columns, inferred);
  if (!has_columns) keep_inputs(signature, inferred);
  const bool has_answers = infer_answers(signature, labels, inferred);
  if (!has_columns && !has_answers) return std::nullopt;
  return inferred;
}

}  // namespace slipway::packing
