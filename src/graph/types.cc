#include <onnx/onnx.pb.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "graph/compose.h"
#include "graph/types_internal.h"
#include "protobuf/reader.h"
#include "tensor/shape.h"

namespace slipway::graph {
namespace {

constexpr std::size_t kMaxNodeNames = std::size_t{1} << 16U;
constexpr std::size_t kMaxAttributes = 4096;

constexpr std::array<std::pair<std::int32_t, DType>, kDTypeCount> kElementTypes = {{
    {onnx::TensorProto::BOOL, DType::kBool},
    {onnx::TensorProto::UINT8, DType::kUint8},
    {onnx::TensorProto::UINT16, DType::kUint16},
    {onnx::TensorProto::UINT32, DType::kUint32},
    {onnx::TensorProto::UINT64, DType::kUint64},
    {onnx::TensorProto::INT8, DType::kInt8},
    {onnx::TensorProto::INT16, DType::kInt16},
    {onnx::TensorProto::INT32, DType::kInt32},
    {onnx::TensorProto::INT64, DType::kInt64},
    {onnx::TensorProto::FLOAT16, DType::kFp16},
    {onnx::TensorProto::BFLOAT16, DType::kBf16},
    {onnx::TensorProto::FLOAT, DType::kFp32},
    {onnx::TensorProto::DOUBLE, DType::kFp64},
    {onnx::TensorProto::STRING, DType::kBytes},
}};

std::optional<DType> to_dtype(std::int32_t element) {
  for (const auto& [known, dtype] : kElementTypes) {
    if (known == element) return dtype;
  }
  return std::nullopt;
}

std::string element_name(std::int32_t element) {
  if (const auto dtype = to_dtype(element)) return std::string(dtype_name(*dtype));
  return "ONNX element type " + std::to_string(element);
}

// Protobuf has bounded the nesting already.
std::string type_text(const onnx::TypeProto& type) {
  switch (type.value_case()) {
    case onnx::TypeProto::kTensorType:
      return element_name(type.tensor_type().elem_type());
    case onnx::TypeProto::kSparseTensorType:
      return "sparse(" + element_name(type.sparse_tensor_type().elem_type()) + ")";
    case onnx::TypeProto::kSequenceType:
      return "sequence(" + type_text(type.sequence_type().elem_type()) + ")";
    case onnx::TypeProto::kOptionalType:
      return "optional(" + type_text(type.optional_type().elem_type()) + ")";
    case onnx::TypeProto::kMapType:
      return "map(" + element_name(type.map_type().key_type()) + "," +
             type_text(type.map_type().value_type()) + ")";
    case onnx::TypeProto::VALUE_NOT_SET:
      break;
  }
  return "unknown";
}

bool name_is_sound(std::string_view name) {
  return name.size() <= kMaxNameBytes && name.find('\0') == std::string_view::npos && is_utf8(name);
}

Result<std::vector<Dimension>> read_dims(const onnx::TensorShapeProto& shape, const std::string& name) {
  if (static_cast<std::size_t>(shape.dim_size()) > Shape::kMaxRank) {
    return above_limit("dimensions of '" + printable(name) + "'", Shape::kMaxRank);
  }
  std::vector<Dimension> dims;
  for (const auto& dim : shape.dim()) {
    Dimension read;
    if (dim.has_dim_value()) {
      if (dim.dim_value() < -1) return damaged("'" + printable(name) + "' has a negative dimension");
      read.size = dim.dim_value();
    } else if (dim.has_dim_param()) {
      read.symbol = printable(dim.dim_param());
    }
    dims.push_back(std::move(read));
  }
  return dims;
}

// The attributes that hold class labels, by operator.
// Source: onnx/onnx docs/Operators-ml.md.
struct LabelRow {
  std::string_view op_type;
  std::string_view integers;
};
constexpr std::array<LabelRow, 5> kLabelRows = {{{"ZipMap", "classlabels_int64s"},
                                                 {"TreeEnsembleClassifier", "classlabels_int64s"},
                                                 {"LinearClassifier", "classlabels_ints"},
                                                 {"SVMClassifier", "classlabels_ints"},
                                                 {"SVMClassifier", "classlabels_int64s"}}};

bool append_int64s(const protobuf::Field& field, std::vector<std::int64_t>& out) {
  return protobuf::for_each_varint(field, [&](std::uint64_t value) {
    out.push_back(static_cast<std::int64_t>(value));
    return true;
  });
}

Status read_label_attribute(ByteView attribute, std::string_view integers, std::vector<std::string>& labels) {
  std::string_view name;
  std::vector<std::int64_t> ints;
  std::vector<std::string> strings;
  protobuf::Reader reader(attribute);
  protobuf::Field field;
  while (reader.next(field)) {
    if (field.is_bytes(onnx::AttributeProto::kNameFieldNumber)) name = as_text(field.bytes);
    if (field.number == onnx::AttributeProto::kIntsFieldNumber && !append_int64s(field, ints)) {
      return damaged("a label list is cut short");
    }
    if (field.is_bytes(onnx::AttributeProto::kStringsFieldNumber)) strings.emplace_back(as_text(field.bytes));
    if (ints.size() > kMaxLabels || strings.size() > kMaxLabels)
      return above_limit("class labels", kMaxLabels);
  }
  if (!reader.ok()) return damaged("an attribute is cut short");
  if (name == integers) {
    for (const std::int64_t value : ints) labels.push_back(std::to_string(value));
  } else if (name == "classlabels_strings") {
    for (std::string& text : strings) {
      if (text.size() > kMaxNameBytes || !is_utf8(text)) return damaged("a class label is not UTF-8 text");
      labels.push_back(std::move(text));
    }
  }
  return {};
}

}  // namespace

int element_number(DType dtype) {
  for (const auto& [element, known] : kElementTypes) {
    if (known == dtype) return element;
  }
  return onnx::TensorProto::UNDEFINED;
}

Error damaged(std::string_view what) {
  return invalid_argument("graph.damaged",
                          "this is no sound ONNX model: " + std::string(what) + "; export or copy it again");
}

Error above_limit(std::string_view what, std::size_t limit) {
  return resource_exhausted(
      "graph.limit", "the ONNX model has more than " + std::to_string(limit) + " " + std::string(what));
}

Result<ValueInfo> read_value_info(ByteView message) {
  onnx::ValueInfoProto proto;
  if (!proto.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    return damaged("an input or output cannot be read");
  }
  if (!name_is_sound(proto.name())) return damaged("an input or output has no sound name");
  ValueInfo info;
  info.name = proto.name();
  info.type = type_text(proto.type());
  info.is_tensor = proto.type().has_tensor_type();
  if (!info.is_tensor) return info;
  const auto& tensor = proto.type().tensor_type();
  info.dtype = to_dtype(tensor.elem_type());
  if (tensor.has_shape()) {
    SLIPWAY_ASSIGN_OR_RETURN(info.dims, read_dims(tensor.shape(), info.name));
  }
  return info;
}

Result<NodeView> read_node(ByteView message) {
  NodeView node;
  protobuf::Reader reader(message);
  protobuf::Field field;
  while (reader.next(field)) {
    if (field.type != protobuf::WireType::kBytes) continue;
    switch (field.number) {
      case onnx::NodeProto::kOpTypeFieldNumber:
        node.op_type = as_text(field.bytes);
        break;
      case onnx::NodeProto::kDomainFieldNumber:
        node.domain = as_text(field.bytes);
        break;
      case onnx::NodeProto::kInputFieldNumber:
        node.inputs.push_back(as_text(field.bytes));
        break;
      case onnx::NodeProto::kOutputFieldNumber:
        node.outputs.push_back(as_text(field.bytes));
        break;
      case onnx::NodeProto::kAttributeFieldNumber:
        node.attributes.push_back(field.bytes);
        break;
      default:
        break;
    }
    if (node.inputs.size() > kMaxNodeNames || node.outputs.size() > kMaxNodeNames) {
      return above_limit("inputs or outputs of one operator", kMaxNodeNames);
    }
    if (node.attributes.size() > kMaxAttributes)
      return above_limit("attributes of one operator", kMaxAttributes);
  }
  if (!reader.ok()) return damaged("an operator is cut short");
  if (!name_is_sound(node.op_type) || !name_is_sound(node.domain))
    return damaged("an operator has no sound name");
  return node;
}

Result<std::vector<std::string>> read_labels(const NodeView& node) {
  std::vector<std::string> labels;
  if (node.domain != kMlDomain) return labels;
  for (const LabelRow& row : kLabelRows) {
    if (node.op_type != row.op_type || !labels.empty()) continue;
    for (const ByteView attribute : node.attributes) {
      SLIPWAY_TRY(read_label_attribute(attribute, row.integers, labels));
    }
  }
  return labels;
}

Result<ByteView> find_graph(ByteView model) {
  std::optional<ByteView> graph;
  protobuf::Reader reader(model);
  protobuf::Field field;
  while (reader.next(field)) {
    if (!field.is_bytes(onnx::ModelProto::kGraphFieldNumber)) continue;
    // Protobuf would merge them; two readers could then see two models.
    if (graph) return damaged("it has more than one graph");
    graph = field.bytes;
  }
  if (!reader.ok()) return damaged("it is cut short or overwritten");
  if (!graph) return damaged("it has no graph");
  return *graph;
}

}  // namespace slipway::graph
