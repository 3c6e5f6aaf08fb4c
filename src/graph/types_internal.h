// Pieces that reading and editing share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "graph/onnx.h"

namespace slipway::graph {

inline constexpr std::string_view kMlDomain = "ai.onnx.ml";
inline constexpr std::size_t kMaxNameBytes = 4096;
inline constexpr std::size_t kMaxLabels = std::size_t{1} << 20U;

Error damaged(std::string_view what);
Error above_limit(std::string_view what, std::size_t limit);

/// Decodes a ValueInfoProto. Errors: graph.damaged, graph.limit.
Result<ValueInfo> read_value_info(ByteView message);

/// An operator of a graph, without its attributes' values. Borrows: the node's message.
struct NodeView {
  std::string_view op_type;
  std::string_view domain;
  std::vector<std::string_view> inputs;
  std::vector<std::string_view> outputs;
  std::vector<ByteView> attributes;
};
Result<NodeView> read_node(ByteView message);

/// The class labels of a ZipMap or a classifier, integers as decimal text; empty when it has none.
Result<std::vector<std::string>> read_labels(const NodeView& node);

/// The one graph of a model, with what stands before and after it left out.
Result<ByteView> find_graph(ByteView model);

}  // namespace slipway::graph
