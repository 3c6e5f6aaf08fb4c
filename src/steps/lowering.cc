#include "steps/lowering_internal.h"

#include <numeric>

#include "function/steps.h"

namespace slipway::steps {
namespace {

constexpr std::string_view kMl = "ai.onnx.ml";

}  // namespace

std::string Lowering::fresh(const std::string& wanted) {
  std::string name = wanted;
  for (std::size_t i = 2; !taken_.insert(name).second; ++i) name = wanted + "_" + std::to_string(i);
  return name;
}

std::string Lowering::add(std::string_view op_type, std::vector<std::string> inputs,
                          std::vector<graph::Attribute> attributes, std::string_view domain) {
  std::string name = fresh("step_" + std::to_string(next_++));
  nodes_.push_back(
      {std::string(op_type), std::string(domain), std::move(inputs), {name}, std::move(attributes)});
  return name;
}

std::string Lowering::constant(graph::Constant constant) {
  return add("Constant", {}, {{"value", std::move(constant)}});
}

std::string Lowering::row(std::vector<double> values) {
  const auto size = static_cast<std::int64_t>(values.size());
  return constant({{1, size}, std::move(values)});
}

std::string Lowering::scalar(double value) { return constant({{}, std::vector<double>{value}}); }

std::string Lowering::cast(const std::string& value, DType dtype) {
  return add("Cast", {value}, {{"to", std::int64_t{graph::element_number(dtype)}}});
}

std::string Lowering::logistic(const std::string& exponents) {
  const std::string one = scalar(1);
  return add("Div", {one, add("Add", {one, add("Exp", {exponents})})});
}

void Lowering::put(const std::string& name, Place place) { places_.insert_or_assign(name, std::move(place)); }

std::string Lowering::part(const Place& place) {
  if (place.width == place.total || place.total == 0) return place.value;
  std::vector<std::int64_t> wanted(place.width);
  std::iota(wanted.begin(), wanted.end(), static_cast<std::int64_t>(place.first));
  const std::string positions = constant({{static_cast<std::int64_t>(place.width)}, std::move(wanted)});
  return add("Gather", {place.value, positions}, {{"axis", std::int64_t{1}}});
}

std::string Lowering::matrix(const std::vector<std::string>& columns) {
  // Neighbours in one matrix are taken together: one operator for a run of columns, none for a whole matrix.
  std::vector<Place> runs;
  for (const std::string& name : columns) {
    const Place& place = at(name);
    const bool joins = !runs.empty() && runs.back().value == place.value &&
                       runs.back().first + runs.back().width == place.first;
    if (joins) {
      runs.back().width += place.width;
    } else {
      runs.push_back(place);
    }
  }
  std::vector<std::string> parts;
  for (const Place& run : runs) {
    std::string value = part(run);
    if (run.dtype != DType::kFp64 && run.dtype != DType::kBytes) value = cast(value, DType::kFp64);
    parts.push_back(std::move(value));
  }
  return parts.size() == 1 ? parts.front() : add("Concat", parts, {{"axis", std::int64_t{1}}});
}

void Lowering::split(const std::vector<std::string>& names, const std::vector<std::size_t>& widths,
                     const std::string& value, DType dtype) {
  const std::size_t total = std::accumulate(widths.begin(), widths.end(), std::size_t{0});
  std::size_t first = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    put(names[i], {value, first, widths[i], total, dtype});
    first += widths[i];
  }
}

std::string Lowering::positions(const std::string& texts, const std::vector<std::string>& known) {
  const auto count = static_cast<std::int64_t>(known.size());
  std::vector<graph::Attribute> attributes;
  if (opsets_.ml == 1) {
    attributes.push_back({"classes_strings", known});
  } else {
    std::vector<std::int64_t> values(known.size());
    std::iota(values.begin(), values.end(), 0);
    attributes.push_back({"keys_strings", known});
    attributes.push_back({"values_int64s", std::move(values)});
  }
  attributes.push_back({"default_int64", count});
  return add("LabelEncoder", {texts}, std::move(attributes), kMl);
}

std::string Lowering::texts(const std::string& numbers, const std::vector<std::int64_t>& keys,
                            const std::vector<std::string>& texts) {
  const auto count = static_cast<std::int64_t>(texts.size());
  const auto integer = [this](std::int64_t value) {
    return constant({{}, std::vector<std::int64_t>{value}});
  };
  std::string positions;
  if (keys.empty()) {
    const std::string below = add("Less", {numbers, integer(0)});
    const std::string above = add("Not", {add("Less", {numbers, integer(count)})});
    positions = add("Where", {add("Or", {below, above}), integer(count), numbers});
  } else {
    // A row of comparisons for each number, of which one holds at most.
    const std::string tall = add("Reshape", {numbers, constant({{2}, std::vector<std::int64_t>{-1, 1}})});
    const std::string equal = add("Equal", {tall, constant({{1, count}, keys})});
    std::vector<double> steps(keys.size());
    std::iota(steps.begin(), steps.end(), -static_cast<double>(count));
    const std::string found =
        add("MatMul", {cast(equal, DType::kFp64), constant({{count, 1}, std::move(steps)})});
    const std::string flat = cast(add("Add", {found, scalar(static_cast<double>(count))}), DType::kInt64);
    positions = add("Reshape", {flat, add("Shape", {numbers})});
  }
  std::vector<std::string> all = texts;
  all.emplace_back(function::kMissingText);
  return add("Gather", {constant({{count + 1}, std::move(all)}), positions}, {{"axis", std::int64_t{0}}});
}

}  // namespace slipway::steps
