#include "packing/shapes.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "graph/onnx.h"

namespace slipway::packing {
namespace {

std::string input_place(std::string_view name) { return "input '" + printable(name) + "'"; }

void apply_one(TensorSpec& input, const Shape& declared, bool batch, std::vector<Fault>& faults) {
  const std::string where = "shapes." + printable(input.name);
  if (declared.rank() != input.shape.rank()) {
    faults.push_back({where,
                      "has " + std::to_string(declared.rank()) + " dimensions, but the model's input is " +
                          input.shape.to_string(),
                      "write all dimensions, the batch included"});
    return;
  }
  for (std::size_t i = 0; i < declared.rank(); ++i) {
    if (declared[i] < 1) {
      faults.push_back({where, "has the dimension " + std::to_string(declared[i]), "write sizes from 1"});
    } else if (batch && i == 0) {
      continue;
    } else if (input.shape[i] >= 0 && input.shape[i] != declared[i]) {
      faults.push_back(
          {where, "says " + declared.to_string() + ", but the model's input is " + input.shape.to_string(),
           "keep the sizes that the model fixes"});
      return;
    }
  }
  for (std::size_t i = batch ? 1 : 0; i < declared.rank(); ++i) input.shape.set(i, declared[i]);
}

// The model's own names for an input's dimensions; empty where unknown.
std::vector<std::string> dimension_names(const graph::ModelInfo* info, const std::string& input) {
  std::vector<std::string> names;
  if (info == nullptr) return names;
  for (const graph::ValueInfo& value : info->inputs) {
    if (value.name != input || !value.dims) continue;
    for (const graph::Dimension& dim : *value.dims) names.push_back(dim.symbol);
  }
  return names;
}

}  // namespace

bool starts_with_batch(const Signature& signature) {
  return !signature.inputs.empty() &&
         std::all_of(signature.inputs.begin(), signature.inputs.end(),
                     [](const TensorSpec& input) { return input.shape.rank() > 0 && input.shape[0] == -1; });
}

Result<Signature> apply_shapes(const Signature& signature, const DeclaredShapes& shapes) {
  Signature changed = signature;
  std::vector<Fault> faults;
  std::vector<std::string> names;
  for (const TensorSpec& input : signature.inputs) names.push_back(input.name);
  for (const auto& [name, shape] : shapes) {
    const auto index = signature.input_index(name);
    if (index) {
      apply_one(changed.inputs[*index], shape, starts_with_batch(signature), faults);
      continue;
    }
    const std::string near = nearest(name, names);
    faults.push_back({"shapes." + printable(name), "the model has no such input",
                      near.empty() ? "its inputs are " + join_words(names) : "did you mean '" + near + "'?"});
  }
  if (!faults.empty()) {
    return invalid_argument("packing.shape", "the declared shapes do not fit the model")
        .with_faults(std::move(faults));
  }
  return changed;
}

Status check_unambiguous(const Signature& signature, ByteView model) {
  const bool batch = starts_with_batch(signature);
  const auto info =
      graph::looks_like_onnx(model) ? graph::inspect(model) : Result<graph::ModelInfo>(graph::ModelInfo());
  std::vector<Fault> faults;
  for (const TensorSpec& input : signature.inputs) {
    const std::vector<std::string> names = dimension_names(info.ok() ? &*info : nullptr, input.name);
    std::string shown;
    std::string example;
    bool ambiguous = false;
    for (std::size_t i = 0; i < input.shape.rank(); ++i) {
      const bool is_free = input.shape[i] < 0;
      ambiguous = ambiguous || (is_free && !(batch && i == 0));
      const std::string name = i < names.size() && !names[i].empty() ? names[i] : "?";
      shown += (i > 0 ? ", " : "") + (is_free ? name : std::to_string(input.shape[i]));
      example +=
          (i > 0 ? "," : "") + (is_free ? (batch && i == 0 ? "1" : "SIZE") : std::to_string(input.shape[i]));
    }
    if (!ambiguous) continue;
    faults.push_back({input_place(input.name), "has the shape [" + shown + "], which leaves sizes open",
                      "write shapes: {" + input.name + ": [" + example + "]} in slipway.yaml or --shape " +
                          input.name + "=" + example + ", with a number for SIZE; or give a sample"});
  }
  if (faults.empty()) return {};
  return failed_precondition(
             "packing.shape_ambiguous",
             "the model can be run with inputs of different sizes, and which are meant is not known")
      .with_faults(std::move(faults));
}

Result<std::pair<std::string, Shape>> parse_shape(std::string_view text) {
  const auto wrong = [&] {
    return invalid_argument("packing.shape",
                            "'" + printable(text) + "' is no shape; write INPUT=1,3,224,224");
  };
  const std::size_t equals = text.rfind('=');
  if (equals == std::string_view::npos || equals == 0) return wrong();
  Shape shape;
  std::string_view rest = text.substr(equals + 1);
  while (!rest.empty()) {
    std::int64_t dim = 0;
    const auto [end, fault] = std::from_chars(rest.data(), rest.data() + rest.size(), dim);
    if (fault != std::errc() || dim < 1 || shape.rank() == Shape::kMaxRank) return wrong();
    shape.push_back(dim);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (rest.empty()) break;
    if (rest.front() != ',' || rest.size() == 1) return wrong();
    rest.remove_prefix(1);
  }
  return std::pair(std::string(text.substr(0, equals)), shape);
}

}  // namespace slipway::packing
