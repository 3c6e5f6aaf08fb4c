// Golden requests: what a model answered when it was packed, and how another answer is compared with it.
//
// A golden file is JSON Lines, one case a line, in one of two forms:
//   {"record":{"alcohol":13.2,...},"answer":{"label":"barolo","score":0.98}}
//   {"inputs":[{"name":"X","type":"FP32","shape":[1,2],"data":[1,2]}],"outputs":[{"name":"Y",...}]}
// The first where there is a prediction function, the second where there is none. Data are flat; BYTES are
// strings where they are UTF-8, and a case that is not is kept out of the file by whoever records it. Numbers
// are the shortest text that reads back to the same value; a value that is not finite is the string "NaN",
// "Infinity" or "-Infinity".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "json/json.h"
#include "package/manifest.h"
#include "tensor/tensor.h"

namespace slipway::package {

/// One golden request. Either record and answer, or inputs and outputs. Move-only.
struct GoldenCase {
  std::string record;  ///< a JSON object; empty = tensors
  std::string answer;  ///< a JSON object
  std::vector<NamedTensor> inputs;
  std::vector<NamedTensor> outputs;

  [[nodiscard]] bool has_record() const { return !record.empty(); }
};

struct GoldenLimits {
  std::size_t max_cases = 10'000;
  std::size_t max_line_bytes = std::size_t{64} << 20U;
  std::size_t max_tensor_bytes = std::size_t{64} << 20U;
};

/// One line with its end. Errors: golden.not_text for a BYTES element that is no UTF-8.
Result<std::string> encode_golden_case(const GoldenCase& golden);
/// Errors: golden.invalid, naming the line and all faults in it; golden.too_large.
Result<std::vector<GoldenCase>> decode_golden(std::string_view text, const GoldenLimits& limits = {});

enum class Verdict : std::uint8_t { kIdentical, kWithinTolerance, kDifferent };

/// How an answer compares with the recorded one.
struct Comparison {
  Verdict verdict = Verdict::kIdentical;
  double largest_difference = 0;  ///< absolute, over all numbers that differ
  std::string where;  ///< of the first difference out of tolerance, else of the largest: "scores.barolo"
  std::string what;   ///< "0.98 was recorded, 0.71 is answered"

  /// The worse of the two, with the larger difference.
  void merge(const Comparison& other);
};

/// Compares two answers field by field: texts, booleans, integers, keys and lengths exactly, other numbers
/// within the field's tolerance (FP32's default where none is given for its field). The order of keys does
/// not matter.
[[nodiscard]] Comparison compare_answers(const json::Value& recorded, const json::Value& answered,
                                         const std::vector<OutputTolerance>& tolerances);

/// Compares two tensors: dtype and shape exactly, elements within `tolerance`; NaN equals NaN.
[[nodiscard]] Comparison compare_tensors(std::string_view name, const TensorView& recorded,
                                         const TensorView& answered, const Tolerance& tolerance);

/// Compares tensors by name, with each output's tolerance (its dtype's default where none is given). Outputs
/// that were recorded must be there; further ones are not looked at.
[[nodiscard]] Comparison compare_outputs(const std::vector<NamedTensor>& recorded,
                                         std::span<const NamedTensorView> answered,
                                         const std::vector<OutputTolerance>& tolerances);

}  // namespace slipway::package
