// What a model takes and gives: named, typed tensors.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace slipway {

/// One input or output. Shapes: as the model declares them, the batch dimension included; -1 is free.
struct TensorSpec {
  std::string name;
  DType dtype = DType::kFp32;
  Shape shape;
  friend bool operator==(const TensorSpec&, const TensorSpec&) = default;
};

/// Order is the model's own and is kept everywhere.
struct Signature {
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;

  /// The position of a name, or nothing. Cost: linear; models have few of each.
  [[nodiscard]] std::optional<std::size_t> input_index(std::string_view name) const {
    return find(inputs, name);
  }
  [[nodiscard]] std::optional<std::size_t> output_index(std::string_view name) const {
    return find(outputs, name);
  }
  friend bool operator==(const Signature&, const Signature&) = default;

 private:
  static std::optional<std::size_t> find(const std::vector<TensorSpec>& specs, std::string_view name) {
    for (std::size_t i = 0; i < specs.size(); ++i) {
      if (specs[i].name == name) return i;
    }
    return std::nullopt;
  }
};

}  // namespace slipway
