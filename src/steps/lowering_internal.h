// Writes steps as ONNX operators. Only forms that mean the same in every operator set from 11 on are used.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "graph/compose.h"
#include "steps/table.h"

namespace slipway::steps {

/// Where a column lies: columns [first, first + width) of a matrix with `total` columns.
struct Place {
  std::string value;
  std::size_t first = 0;
  std::size_t width = 1;
  std::size_t total = 1;  ///< 0 = not known; then the column is the whole matrix
  DType dtype = DType::kFp64;
};

/// Thread: confined.
class Lowering {
 public:
  /// `taken`: names that values may not have.
  Lowering(std::set<std::string> taken, graph::OpsetVersions opsets)
      : taken_(std::move(taken)), opsets_(opsets) {}

  /// A name for a new value, `wanted` if it is free.
  std::string fresh(const std::string& wanted);

  /// Adds an operator with one output and gives its name.
  std::string add(std::string_view op_type, std::vector<std::string> inputs,
                  std::vector<graph::Attribute> attributes = {}, std::string_view domain = {});
  /// Adds one whose outputs have names of their own.
  void add_node(graph::Node node) { nodes_.push_back(std::move(node)); }

  std::string constant(graph::Constant constant);
  /// FP64 [1, values].
  std::string row(std::vector<double> values);
  std::string scalar(double value);
  std::string cast(const std::string& value, DType dtype);

  /// 1 / (1 + exp(exponents)), in this form because runtimes round their own Sigmoid as they like: 0.5 at 0
  /// is a threshold to some.
  std::string logistic(const std::string& exponents);

  void put(const std::string& name, Place place);
  void drop(std::string_view name) { places_.erase(places_.find(name)); }
  [[nodiscard]] const Place& at(std::string_view name) const { return places_.find(name)->second; }
  /// The columns side by side in one matrix, as FP64 where they are numbers. Precondition: all text or none.
  std::string matrix(const std::vector<std::string>& columns);
  /// One column of whole numbers, as INT64.
  std::string integers(const std::string& column) { return part(at(column)); }
  /// A column as a matrix of its own.
  std::string column(const Place& place) { return part(place); }
  /// Declares the columns `names`, of `widths`, to be the columns of `value`.
  void split(const std::vector<std::string>& names, const std::vector<std::size_t>& widths,
             const std::string& value, DType dtype = DType::kFp64);

  /// INT64, of the shape of `texts`: the position of each among `known`, else known.size(). Precondition:
  /// known is not empty and holds none twice.
  std::string positions(const std::string& texts, const std::vector<std::string>& known);
  /// BYTES, of the shape of `numbers`, INT64: texts[i] for keys[i] (for i, where keys is
  /// empty), else function::kMissingText.
  std::string texts(const std::string& numbers, const std::vector<std::int64_t>& keys,
                    const std::vector<std::string>& texts);

  [[nodiscard]] std::vector<graph::Node> take_nodes() { return std::move(nodes_); }

 private:
  std::string part(const Place& place);

  std::set<std::string> taken_;
  graph::OpsetVersions opsets_;
  std::vector<graph::Node> nodes_;
  std::map<std::string, Place, std::less<>> places_;
  std::size_t next_ = 0;
};

}  // namespace slipway::steps
