// Operators laid in front of a model and behind it, so that one graph does the whole. Only what is added is
// encoded; the model's own operators and weights are copied as they lie.
//
// Source: onnx/onnx docs/IR.md and onnx.proto.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "graph/onnx.h"
#include "tensor/dtype.h"

namespace slipway::graph {

/// A tensor inside an operator: FP32, FP64, INT64 or BYTES, row by row.
struct Constant {
  std::vector<std::int64_t> dims;  ///< empty = a scalar
  std::variant<std::vector<float>, std::vector<double>, std::vector<std::int64_t>, std::vector<std::string>>
      values;
};

struct Attribute {
  std::string name;
  std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<std::string>,
               Constant>
      value;
};

struct Node {
  std::string op_type;
  std::string domain;  ///< empty = ai.onnx
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<Attribute> attributes;
};

/// An input or output of the composed graph.
struct Port {
  std::string name;
  DType dtype = DType::kFp32;
  std::vector<Dimension> dims;
};

struct Composition {
  std::vector<Node> before;   ///< in an order in which each finds its inputs
  std::vector<Port> inputs;   ///< new ones, in front of those that stay
  std::set<std::string> fed;  ///< inputs of the model that `before` makes, by the same names
  std::vector<Node> after;
  std::vector<std::variant<std::string, Port>> outputs;  ///< all: one of the model's by name, or a new one
};

/// The ONNX number of an element type. Precondition: one that ports may have, not BF16.
[[nodiscard]] int element_number(DType dtype);

/// The versions of operator sets that a model is read by; 0 where it imports none.
struct OpsetVersions {
  std::int64_t onnx = 0;
  std::int64_t ml = 0;
};
[[nodiscard]] OpsetVersions opset_versions(const ModelInfo& info);

/// What compose() imports where a model imports none.
inline constexpr OpsetVersions kAddedOpsets{.onnx = 13, .ml = 2};

/// Every name of a value in the main graph: new ones must differ. Errors: as inspect.
Result<std::set<std::string>> value_names(ByteView file);

/// The whole as one model. Precondition: names of new values differ from value_names(file), those in `fed`
/// are inputs of the model. Errors: graph.damaged, graph.limit.
Result<std::string> compose(ByteView file, const Composition& composition);

}  // namespace slipway::graph
