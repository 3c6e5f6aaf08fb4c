#include "graph/compose.h"

#include <onnx/onnx.pb.h>

#include <algorithm>

#include "base/check.h"
#include "graph/types_internal.h"
#include "protobuf/reader.h"
#include "protobuf/writer.h"

namespace slipway::graph {
namespace {

bool is_onnx_domain(std::string_view domain) { return domain.empty() || domain == "ai.onnx"; }

template <typename T>
void put_raw(const std::vector<T>& values, int type, onnx::TensorProto& tensor) {
  tensor.set_data_type(type);
  tensor.set_raw_data(values.data(), values.size() * sizeof(T));  // little-endian, as this machine is
}

void put_tensor(const Constant& constant, onnx::TensorProto& tensor) {
  for (const std::int64_t dim : constant.dims) tensor.add_dims(dim);
  if (const auto* floats = std::get_if<std::vector<float>>(&constant.values)) {
    put_raw(*floats, onnx::TensorProto::FLOAT, tensor);
  } else if (const auto* doubles = std::get_if<std::vector<double>>(&constant.values)) {
    put_raw(*doubles, onnx::TensorProto::DOUBLE, tensor);
  } else if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&constant.values)) {
    put_raw(*integers, onnx::TensorProto::INT64, tensor);
  } else {
    tensor.set_data_type(onnx::TensorProto::STRING);
    for (const std::string& text : std::get<std::vector<std::string>>(constant.values))
      tensor.add_string_data(text);
  }
}

struct PutAttribute {
  onnx::AttributeProto& to;
  void operator()(std::int64_t value) const {
    to.set_type(onnx::AttributeProto::INT);
    to.set_i(value);
  }
  void operator()(float value) const {
    to.set_type(onnx::AttributeProto::FLOAT);
    to.set_f(value);
  }
  void operator()(const std::string& value) const {
    to.set_type(onnx::AttributeProto::STRING);
    to.set_s(value);
  }
  void operator()(const std::vector<std::int64_t>& values) const {
    to.set_type(onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) to.add_ints(value);
  }
  void operator()(const std::vector<std::string>& values) const {
    to.set_type(onnx::AttributeProto::STRINGS);
    for (const std::string& value : values) to.add_strings(value);
  }
  void operator()(const Constant& value) const {
    to.set_type(onnx::AttributeProto::TENSOR);
    put_tensor(value, *to.mutable_t());
  }
};

void write_node(const Node& node, std::string& out) {
  onnx::NodeProto proto;
  for (const std::string& input : node.inputs) proto.add_input(input);
  for (const std::string& output : node.outputs) proto.add_output(output);
  proto.set_op_type(node.op_type);
  proto.set_domain(node.domain);
  if (!node.outputs.empty()) proto.set_name("make_" + node.outputs.front());
  for (const Attribute& attribute : node.attributes) {
    onnx::AttributeProto& to = *proto.add_attribute();
    to.set_name(attribute.name);
    std::visit(PutAttribute{to}, attribute.value);
  }
  protobuf::Writer(out).text(onnx::GraphProto::kNodeFieldNumber, proto.SerializeAsString());
}

void write_port(const Port& port, int field, std::string& out) {
  onnx::ValueInfoProto value;
  value.set_name(port.name);
  auto* tensor = value.mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(element_number(port.dtype));
  auto* shape = tensor->mutable_shape();
  for (const Dimension& dim : port.dims) {
    auto* to = shape->add_dim();
    if (dim.size >= 0) {
      to->set_dim_value(dim.size);
    } else if (!dim.symbol.empty()) {
      to->set_dim_param(dim.symbol);
    }
  }
  protobuf::Writer(out).text(field, value.SerializeAsString());
}

void write_opset(const std::string& domain, std::int64_t version, std::string& out) {
  onnx::OperatorSetIdProto proto;
  proto.set_domain(domain);
  proto.set_version(version);
  protobuf::Writer(out).text(onnx::ModelProto::kOpsetImportFieldNumber, proto.SerializeAsString());
}

class GraphComposer {
 public:
  explicit GraphComposer(const Composition& composition) : composition_(composition) {}

  /// The graph's message. Nodes must stand in order; other fields may stand in any.
  Result<std::string> run(ByteView graph) {
    out_.reserve(graph.size() + 4096);
    for (const Node& node : composition_.before) write_node(node, out_);
    for (const Port& port : composition_.inputs) write_port(port, onnx::GraphProto::kInputFieldNumber, out_);
    SLIPWAY_TRY(copy(graph));
    for (const Node& node : composition_.after) write_node(node, out_);
    for (const auto& output : composition_.outputs) SLIPWAY_TRY(write_output(output));
    return std::move(out_);
  }

 private:
  Status copy(ByteView graph) {
    protobuf::Reader reader(graph);
    protobuf::Field field;
    while (reader.next(field)) {
      if (field.is_bytes(onnx::GraphProto::kInputFieldNumber)) {
        SLIPWAY_ASSIGN_OR_RETURN(const ValueInfo value, read_value_info(field.bytes));
        if (composition_.fed.contains(value.name)) continue;
      } else if (field.is_bytes(onnx::GraphProto::kOutputFieldNumber)) {
        SLIPWAY_ASSIGN_OR_RETURN(const ValueInfo value, read_value_info(field.bytes));
        outputs_.emplace_back(value.name, field.whole);
        continue;
      }
      out_ += as_text(field.whole);
    }
    return reader.ok() ? Status() : damaged("its graph is cut short");
  }

  Status write_output(const std::variant<std::string, Port>& output) {
    if (const auto* port = std::get_if<Port>(&output)) {
      write_port(*port, onnx::GraphProto::kOutputFieldNumber, out_);
      return {};
    }
    const auto& name = std::get<std::string>(output);
    const auto found =
        std::find_if(outputs_.begin(), outputs_.end(), [&](const auto& one) { return one.first == name; });
    SLIPWAY_CHECK(found != outputs_.end());
    out_ += as_text(found->second);
    return {};
  }

  const Composition& composition_;
  std::vector<std::pair<std::string, ByteView>> outputs_;
  std::string out_;
};

bool uses_ml(const std::vector<Node>& nodes) {
  return std::any_of(nodes.begin(), nodes.end(), [](const Node& node) { return node.domain == kMlDomain; });
}

}  // namespace

OpsetVersions opset_versions(const ModelInfo& info) {
  OpsetVersions versions;
  for (const OpsetImport& opset : info.opsets) {
    if (is_onnx_domain(opset.domain)) versions.onnx = opset.version;
    if (opset.domain == kMlDomain) versions.ml = opset.version;
  }
  return versions;
}

Result<std::set<std::string>> value_names(ByteView file) {
  SLIPWAY_ASSIGN_OR_RETURN(const ByteView graph, find_graph(file));
  std::set<std::string> names;
  protobuf::Reader reader(graph);
  protobuf::Field field;
  while (reader.next(field)) {
    if (field.is_bytes(onnx::GraphProto::kNodeFieldNumber)) {
      SLIPWAY_ASSIGN_OR_RETURN(const NodeView node, read_node(field.bytes));
      for (const std::string_view output : node.outputs) names.emplace(output);
      for (const std::string_view input : node.inputs) names.emplace(input);
    } else if (field.is_bytes(onnx::GraphProto::kInitializerFieldNumber)) {
      protobuf::Reader tensor(field.bytes);
      protobuf::Field inner;
      while (tensor.next(inner)) {
        if (inner.is_bytes(onnx::TensorProto::kNameFieldNumber)) names.emplace(as_text(inner.bytes));
      }
    } else if (field.is_bytes(onnx::GraphProto::kInputFieldNumber) ||
               field.is_bytes(onnx::GraphProto::kOutputFieldNumber)) {
      SLIPWAY_ASSIGN_OR_RETURN(const ValueInfo value, read_value_info(field.bytes));
      names.insert(value.name);
    }
  }
  if (!reader.ok()) return damaged("its graph is cut short");
  return names;
}

Result<std::string> compose(ByteView file, const Composition& composition) {
  if (!looks_like_onnx(file)) return damaged("its content is of another kind");
  SLIPWAY_ASSIGN_OR_RETURN(const ByteView graph, find_graph(file));
  SLIPWAY_ASSIGN_OR_RETURN(const std::string composed, GraphComposer(composition).run(graph));
  std::string out;
  out.reserve(file.size() + composed.size() - graph.size() + 64);
  OpsetVersions versions;
  protobuf::Reader reader(file);
  protobuf::Field field;
  while (reader.next(field)) {
    onnx::OperatorSetIdProto opset;
    if (field.is_bytes(onnx::ModelProto::kOpsetImportFieldNumber) &&
        opset.ParseFromArray(field.bytes.data(), static_cast<int>(field.bytes.size()))) {
      if (is_onnx_domain(opset.domain())) versions.onnx = opset.version();
      if (opset.domain() == kMlDomain) versions.ml = opset.version();
    }
    if (field.is_bytes(onnx::ModelProto::kGraphFieldNumber)) {
      protobuf::Writer(out).text(onnx::ModelProto::kGraphFieldNumber, composed);
    } else {
      out += as_text(field.whole);
    }
  }
  if (versions.onnx == 0) write_opset("", kAddedOpsets.onnx, out);
  if (versions.ml == 0 && (uses_ml(composition.before) || uses_ml(composition.after))) {
    write_opset(std::string(kMlDomain), kAddedOpsets.ml, out);
  }
  if (out.size() > protobuf::kMaxFieldBytes)
    return above_limit("bytes in one file", protobuf::kMaxFieldBytes);
  return out;
}

}  // namespace slipway::graph
