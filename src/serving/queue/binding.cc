#include "serving/queue/binding.h"

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

}  // namespace

Result<Binding> bind(const infer::Request& request, const Signature& signature) {
  Binding binding;
  binding.inputs.resize(signature.inputs.size());
  std::vector<bool> given(signature.inputs.size());
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    const infer::Input& input = request.inputs[i];
    // Clients nearly always keep the model's order.
    const bool in_order = i < signature.inputs.size() && signature.inputs[i].name == input.name;
    const auto index = in_order ? std::optional(i) : signature.input_index(input.name);
    if (!index) {
      return invalid_argument("infer.input_unknown", "the model has no input " + quoted(input.name) +
                                                         "; it takes " + names_of(signature.inputs));
    }
    if (given[*index]) {
      return invalid_argument("infer.input_twice", "input " + quoted(input.name) + " is given twice");
    }
    SLIPWAY_TRY(check_fit(signature.inputs[*index], input.tensor));
    given[*index] = true;
    binding.inputs[*index] = input.tensor;
    binding.input_bytes += input.tensor.data.size();
    const Shape& declared = signature.inputs[*index].shape;
    if (declared.rank() > 0 && declared[0] < 0)
      binding.rows = static_cast<std::size_t>(input.tensor.shape[0]);
  }
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i]) continue;
    return invalid_argument("infer.input_missing", "input " + quoted(signature.inputs[i].name) +
                                                       " is missing; the model takes " +
                                                       names_of(signature.inputs));
  }
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
