// Runs records through a model and its prediction function, in place and one request at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "contracts/backend/backend.h"
#include "function/function.h"
#include "package/golden.h"

namespace slipway::packing {

/// What a model gave for one request.
struct Answered {
  std::size_t rows = 0;
  std::vector<NamedTensor> inputs;
  std::vector<NamedTensor> outputs;
  std::string answer;  ///< the prediction function's, as a JSON array with one object per row
};

/// Borrows: instance and function. The instance must run on the caller's thread. Thread: external lock.
class Runner {
 public:
  Runner(backend::Instance& instance, const function::Function& function)
      : instance_(instance), function_(function) {}

  /// `records` is a JSON array. Errors: the function's, the backend's, json.*.
  Result<Answered> answer(std::string_view records);
  /// Tensors only. `inputs` by name, in any order. Errors: packing.input_missing; the backend's.
  Result<std::vector<NamedTensor>> run(const std::vector<NamedTensor>& inputs);

 private:
  backend::Instance& instance_;
  const function::Function& function_;
  json::Parser parser_;
};

/// The part of a stacked output that belongs to `row`, with a first dimension of 1.
/// Precondition: the shape begins with more than `row` rows. Borrows: the output's data.
[[nodiscard]] TensorView slice_row(const TensorView& output, std::size_t row);

}  // namespace slipway::packing
