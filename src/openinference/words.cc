#include "openinference/words.h"

#include <algorithm>

#include "base/text.h"

namespace slipway::openinference {

std::string quoted(std::string_view name) { return "\"" + printable(name) + "\""; }

Error too_many(std::string_view what, std::size_t count) {
  return invalid_argument("v2.too_many", std::to_string(count) + " " + std::string(what) +
                                             " are more than the " + std::to_string(kMaxTensors) +
                                             " that one request may name");
}

Error named_twice(std::string_view what, std::string_view name) {
  return invalid_argument("v2.duplicate", std::string(what) + " " + quoted(name) + " is there twice");
}

Result<DType> datatype_of(std::string_view name, const std::string& title) {
  if (const auto dtype = dtype_from_name(name)) return *dtype;
  return invalid_argument("v2.datatype", title + " has the datatype " + quoted(name) +
                                             "; datatypes are BOOL, UINT8 to UINT64, INT8 to INT64, "
                                             "FP16, BF16, FP32, FP64 and BYTES");
}

Result<Shape> shape_of(std::span<const std::int64_t> dims, const std::string& title) {
  if (std::any_of(dims.begin(), dims.end(), [](std::int64_t dim) { return dim < 0; })) {
    return invalid_argument("v2.shape", title + ": dimensions of a shape are whole numbers from 0 to 2^63-1");
  }
  auto shape = Shape::from(dims);
  if (!shape.ok()) return shape.error().within(title);
  if (!shape->elements())
    return invalid_argument("v2.shape", title + ": the shape " + shape->to_string() + " overflows");
  return shape;
}

Duration timeout_of(std::uint64_t microseconds) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 50U;
  return std::chrono::microseconds(std::min(microseconds, kMost));
}

std::uint64_t count_rows(const Signature& signature, const infer::Request& request) {
  for (const infer::Input& input : request.inputs) {
    const auto index = signature.input_index(input.name);
    if (!index) continue;
    const Shape& declared = signature.inputs[*index].shape;
    const Shape& given = input.tensor.shape;
    if (declared.rank() > 0 && declared[0] < 0 && given.rank() > 0)
      return static_cast<std::uint64_t>(given[0]);
  }
  return 1;
}

}  // namespace slipway::openinference
