#include "serving/queue/binding.h"

#include <algorithm>
#include <string>

#include "base/text.h"

namespace slipway::serving {
namespace {

std::string quoted(std::string_view name) { return "\"" + printable(name) + "\""; }

std::string names_of(const std::vector<TensorSpec>& specs) {
  std::vector<std::string> names;
  for (const TensorSpec& spec : specs) names.push_back(quoted(spec.name));
  return join_words(names);
}

Status check_fit(const TensorSpec& spec, const TensorView& tensor) {
  if (tensor.dtype != spec.dtype) {
    return invalid_argument("infer.input_type",
                            "input " + quoted(spec.name) + " is " + std::string(dtype_name(tensor.dtype)) +
                                ", but the model takes " + std::string(dtype_name(spec.dtype)));
  }
  if (!spec.shape.accepts(tensor.shape)) {
    return invalid_argument("infer.input_shape", "input " + quoted(spec.name) + " has the shape " +
                                                     tensor.shape.to_string() + ", but the model takes " +
                                                     spec.shape.to_string() + " (-1 is free)");
  }
  if (auto valid = tensor.validate(); !valid.ok()) return valid.error().within("input " + quoted(spec.name));
  return {};
}

Status take(const infer::Input& input, const TensorSpec& spec, std::size_t index, Binding& binding) {
  SLIPWAY_TRY(check_fit(spec, input.tensor));
  binding.inputs[index] = input.tensor;
  binding.input_bytes += input.tensor.data.size();
  if (spec.shape.rank() > 0 && spec.shape[0] < 0)
    binding.rows = static_cast<std::size_t>(input.tensor.shape[0]);
  return {};
}

/// The inputs of clients that do not keep the model's order, or do not give what it takes.
Status bind_by_name(const infer::Request& request, const Signature& signature, Binding& binding) {
  std::vector<bool> given(signature.inputs.size());
  for (const infer::Input& input : request.inputs) {
    const auto index = signature.input_index(input.name);
    if (!index) {
      return invalid_argument("infer.input_unknown", "the model has no input " + quoted(input.name) +
                                                         "; it takes " + names_of(signature.inputs));
    }
    if (given[*index]) {
      return invalid_argument("infer.input_twice", "input " + quoted(input.name) + " is given twice");
    }
    SLIPWAY_TRY(take(input, signature.inputs[*index], *index, binding));
    given[*index] = true;
  }
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i]) continue;
    return invalid_argument("infer.input_missing", "input " + quoted(signature.inputs[i].name) +
                                                       " is missing; the model takes " +
                                                       names_of(signature.inputs));
  }
  return {};
}

bool is_in_order(const std::vector<infer::Input>& given, const std::vector<TensorSpec>& wanted) {
  return std::equal(
      given.begin(), given.end(), wanted.begin(), wanted.end(),
      [](const infer::Input& input, const TensorSpec& spec) { return input.name == spec.name; });
}

}  // namespace

Result<Binding> bind(const infer::Request& request, const Signature& signature) {
  Binding binding;
  binding.inputs.resize(signature.inputs.size());
  if (is_in_order(request.inputs, signature.inputs)) [[likely]] {
    for (std::size_t i = 0; i < request.inputs.size(); ++i) {
      SLIPWAY_TRY(take(request.inputs[i], signature.inputs[i], i, binding));
    }
  } else {
    SLIPWAY_TRY(bind_by_name(request, signature, binding));
  }
  binding.outputs.reserve(request.requested_outputs.size());
  for (const std::string_view name : request.requested_outputs) {
    const auto index = signature.output_index(name);
    if (!index) {
      return invalid_argument("infer.output_unknown", "the model has no output " + quoted(name) +
                                                          "; it gives " + names_of(signature.outputs));
    }
    binding.outputs.push_back(*index);
  }
  return binding;
}

}  // namespace slipway::serving
