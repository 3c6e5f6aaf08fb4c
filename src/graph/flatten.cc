#include <onnx/onnx.pb.h>

#include <algorithm>
#include <map>

#include "graph/onnx.h"
#include "graph/types_internal.h"
#include "protobuf/reader.h"
#include "protobuf/writer.h"

namespace slipway::graph {
namespace {

// A graph output that a ZipMap makes.
struct Zipped {
  std::string input;
  std::vector<std::string> labels;
};
using ZippedByName = std::map<std::string, Zipped, std::less<>>;

bool is_map_list(const ValueInfo& value) {
  return value.type == "sequence(map(INT64,FP32))" || value.type == "sequence(map(BYTES,FP32))";
}

Result<ZippedByName> find_zipped(ByteView graph) {
  ZippedByName zipped;
  std::vector<ByteView> nodes;
  protobuf::Reader reader(graph);
  protobuf::Field field;
  while (reader.next(field)) {
    if (field.is_bytes(onnx::GraphProto::kNodeFieldNumber)) nodes.push_back(field.bytes);
    if (!field.is_bytes(onnx::GraphProto::kOutputFieldNumber)) continue;
    SLIPWAY_ASSIGN_OR_RETURN(const ValueInfo value, read_value_info(field.bytes));
    if (is_map_list(value)) zipped.try_emplace(value.name);
  }
  if (!reader.ok()) return damaged("its graph is cut short");
  if (zipped.empty()) return zipped;
  for (const ByteView message : nodes) {
    SLIPWAY_ASSIGN_OR_RETURN(const NodeView node, read_node(message));
    if (node.op_type != "ZipMap" || node.domain != kMlDomain) continue;
    if (node.inputs.size() != 1 || node.outputs.size() != 1)
      return damaged("a ZipMap has not one input and output");
    const auto found = zipped.find(node.outputs.front());
    if (found == zipped.end()) continue;
    found->second.input = node.inputs.front();
    SLIPWAY_ASSIGN_OR_RETURN(found->second.labels, read_labels(node));
    if (found->second.labels.empty()) return damaged("a ZipMap has no labels");
  }
  std::erase_if(zipped, [](const auto& entry) { return entry.second.labels.empty(); });
  return zipped;
}

std::string scores_node(const std::string& output, const Zipped& zipped) {
  onnx::NodeProto node;
  node.add_input(zipped.input);
  node.add_output(output);
  node.set_op_type("Identity");
  node.set_name("slipway_scores_of_" + output);
  return node.SerializeAsString();
}

std::string scores_output(const std::string& name, const Zipped& zipped) {
  onnx::ValueInfoProto value;
  value.set_name(name);
  auto* tensor = value.mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(onnx::TensorProto::FLOAT);
  tensor->mutable_shape()->add_dim();
  tensor->mutable_shape()->add_dim()->set_dim_value(static_cast<std::int64_t>(zipped.labels.size()));
  return value.SerializeAsString();
}

// Only what changes is decoded; the rest is copied as it lies.
Result<std::string> edit_graph(ByteView graph, const ZippedByName& zipped) {
  std::string out;
  out.reserve(graph.size() + 256);
  protobuf::Reader reader(graph);
  protobuf::Field field;
  while (reader.next(field)) {
    if (field.is_bytes(onnx::GraphProto::kNodeFieldNumber)) {
      SLIPWAY_ASSIGN_OR_RETURN(const NodeView node, read_node(field.bytes));
      const auto found = node.outputs.size() == 1 ? zipped.find(node.outputs.front()) : zipped.end();
      if (found != zipped.end()) {
        protobuf::Writer(out).text(onnx::GraphProto::kNodeFieldNumber,
                                   scores_node(found->first, found->second));
        continue;
      }
    } else if (field.is_bytes(onnx::GraphProto::kOutputFieldNumber)) {
      SLIPWAY_ASSIGN_OR_RETURN(const ValueInfo value, read_value_info(field.bytes));
      const auto found = zipped.find(value.name);
      if (found != zipped.end()) {
        protobuf::Writer(out).text(onnx::GraphProto::kOutputFieldNumber,
                                   scores_output(found->first, found->second));
        continue;
      }
    }
    out += as_text(field.whole);
  }
  return out;
}

bool imports_onnx_operators(const protobuf::Field& field) {
  onnx::OperatorSetIdProto proto;
  return field.is_bytes(onnx::ModelProto::kOpsetImportFieldNumber) &&
         proto.ParseFromArray(field.bytes.data(), static_cast<int>(field.bytes.size())) &&
         (proto.domain().empty() || proto.domain() == "ai.onnx");
}

}  // namespace

Result<std::optional<EditedModel>> flatten_maps(ByteView file) {
  if (!looks_like_onnx(file)) return damaged("its content is of another kind");
  SLIPWAY_ASSIGN_OR_RETURN(const ByteView graph, find_graph(file));
  SLIPWAY_ASSIGN_OR_RETURN(const ZippedByName zipped, find_zipped(graph));
  if (zipped.empty()) return std::optional<EditedModel>();
  EditedModel edited;
  edited.file.reserve(file.size() + 512);
  bool has_operators = false;
  protobuf::Reader reader(file);
  protobuf::Field field;
  while (reader.next(field)) {
    has_operators = has_operators || imports_onnx_operators(field);
    if (field.is_bytes(onnx::ModelProto::kGraphFieldNumber)) {
      SLIPWAY_ASSIGN_OR_RETURN(const std::string changed, edit_graph(field.bytes, zipped));
      protobuf::Writer(edited.file).text(onnx::ModelProto::kGraphFieldNumber, changed);
    } else {
      edited.file += as_text(field.whole);
    }
  }
  if (!has_operators) {
    // The Identity that stands in for the ZipMap needs one.
    onnx::OperatorSetIdProto proto;
    proto.set_domain("");
    proto.set_version(8);
    protobuf::Writer(edited.file).text(onnx::ModelProto::kOpsetImportFieldNumber, proto.SerializeAsString());
  }
  const auto& labels = zipped.begin()->second.labels;
  const auto agrees = [&labels](const auto& entry) { return entry.second.labels == labels; };
  if (std::all_of(zipped.begin(), zipped.end(), agrees)) edited.labels = labels;
  return std::optional<EditedModel>(std::move(edited));
}

}  // namespace slipway::graph
