#include <onnx/onnx.pb.h>

#include <algorithm>
#include <set>
#include <unordered_set>

#include "base/text.h"
#include "graph/external_internal.h"
#include "graph/onnx.h"
#include "graph/types_internal.h"
#include "protobuf/reader.h"

namespace slipway::graph {
namespace {

constexpr int kMaxDepth = 32;
constexpr std::size_t kMaxNodes = std::size_t{1} << 23U;
constexpr std::size_t kMaxValues = 4096;
constexpr std::size_t kMaxOpsets = 1024;
constexpr std::size_t kMaxMetadata = 4096;
constexpr std::size_t kMaxExternal = std::size_t{1} << 20U;
constexpr std::size_t kMaxTextBytes = std::size_t{1} << 20U;

// Text that is only shown to people: cut and made printable.
std::string shown(ByteView bytes) { return printable(as_text(bytes), kMaxTextBytes); }

class Inspector {
 public:
  Status read(ByteView model) {
    SLIPWAY_ASSIGN_OR_RETURN(const ByteView graph, find_graph(model));
    protobuf::Reader reader(model);
    protobuf::Field field;
    while (reader.next(field)) SLIPWAY_TRY(model_field(field));
    SLIPWAY_TRY(main_graph(graph));
    return finish();
  }
  ModelInfo take() { return std::move(info_); }

 private:
  Status model_field(const protobuf::Field& field) {
    if (field.is_varint(onnx::ModelProto::kIrVersionFieldNumber)) {
      info_.ir_version = static_cast<std::int64_t>(field.value);
    } else if (field.is_varint(onnx::ModelProto::kModelVersionFieldNumber)) {
      info_.model_version = static_cast<std::int64_t>(field.value);
    }
    if (field.type != protobuf::WireType::kBytes) return {};
    switch (field.number) {
      case onnx::ModelProto::kProducerNameFieldNumber:
        info_.producer_name = shown(field.bytes);
        break;
      case onnx::ModelProto::kProducerVersionFieldNumber:
        info_.producer_version = shown(field.bytes);
        break;
      case onnx::ModelProto::kDomainFieldNumber:
        info_.domain = shown(field.bytes);
        break;
      case onnx::ModelProto::kDocStringFieldNumber:
        info_.description = shown(field.bytes);
        break;
      case onnx::ModelProto::kOpsetImportFieldNumber:
        return opset(field.bytes);
      case onnx::ModelProto::kMetadataPropsFieldNumber:
        return metadata(field.bytes);
      case onnx::ModelProto::kFunctionsFieldNumber:
        return function(field.bytes);
      case onnx::ModelProto::kTrainingInfoFieldNumber:
        return training(field.bytes);
      default:
        break;
    }
    return {};
  }

  Status opset(ByteView message) {
    onnx::OperatorSetIdProto proto;
    if (!parse(proto, message)) return damaged("an operator set cannot be read");
    if (info_.opsets.size() >= kMaxOpsets) return above_limit("operator sets", kMaxOpsets);
    info_.opsets.push_back({printable(proto.domain()), proto.version()});
    return {};
  }

  Status metadata(ByteView message) {
    onnx::StringStringEntryProto proto;
    if (!parse(proto, message)) return damaged("its metadata cannot be read");
    if (info_.metadata.size() >= kMaxMetadata) return above_limit("metadata entries", kMaxMetadata);
    info_.metadata.emplace_back(printable(proto.key()), printable(proto.value(), kMaxTextBytes));
    return {};
  }

  Status function(ByteView message) {
    protobuf::Reader reader(message);
    protobuf::Field field;
    while (reader.next(field)) {
      if (field.is_bytes(onnx::FunctionProto::kDomainFieldNumber)) own_domains_.emplace(as_text(field.bytes));
      if (field.is_bytes(onnx::FunctionProto::kNodeFieldNumber)) SLIPWAY_TRY(node(field.bytes, 1, false));
    }
    return reader.ok() ? Status() : damaged("a function is cut short");
  }

  Status training(ByteView message) {
    protobuf::Reader reader(message);
    protobuf::Field field;
    while (reader.next(field)) {
      const bool is_graph = field.is_bytes(onnx::TrainingInfoProto::kInitializationFieldNumber) ||
                            field.is_bytes(onnx::TrainingInfoProto::kAlgorithmFieldNumber);
      if (is_graph) SLIPWAY_TRY(subgraph(field.bytes, 1));
    }
    return reader.ok() ? Status() : damaged("its training part is cut short");
  }

  Status main_graph(ByteView message) {
    protobuf::Reader reader(message);
    protobuf::Field field;
    while (reader.next(field)) {
      if (field.type != protobuf::WireType::kBytes) continue;
      switch (field.number) {
        case onnx::GraphProto::kInputFieldNumber:
          SLIPWAY_TRY(value(field.bytes, info_.inputs));
          break;
        case onnx::GraphProto::kOutputFieldNumber:
          SLIPWAY_TRY(value(field.bytes, info_.outputs));
          break;
        case onnx::GraphProto::kInitializerFieldNumber:
          SLIPWAY_TRY(weight(field.bytes));
          break;
        case onnx::GraphProto::kSparseInitializerFieldNumber:
          SLIPWAY_TRY(sparse(field.bytes, true));
          break;
        case onnx::GraphProto::kNodeFieldNumber:
          SLIPWAY_TRY(node(field.bytes, 0, true));
          break;
        default:
          break;
      }
    }
    return reader.ok() ? Status() : damaged("its graph is cut short");
  }

  static Status value(ByteView message, std::vector<ValueInfo>& into) {
    if (into.size() >= kMaxWithWeights) return above_limit("inputs or outputs", kMaxWithWeights);
    SLIPWAY_ASSIGN_OR_RETURN(ValueInfo info, read_value_info(message));
    into.push_back(std::move(info));
    return {};
  }

  Status weight(ByteView tensor) {
    protobuf::Reader reader(tensor);
    protobuf::Field field;
    while (reader.next(field)) {
      if (field.is_bytes(onnx::TensorProto::kNameFieldNumber)) weight_names_.insert(as_text(field.bytes));
    }
    SLIPWAY_ASSIGN_OR_RETURN(auto external, read_external(tensor));
    if (!external) return {};
    if (info_.external.size() >= kMaxExternal) return above_limit("weights outside the model", kMaxExternal);
    info_.external.push_back(std::move(*external));
    return {};
  }

  // Runtimes follow these by path on their own, so they may not be there at all.
  static Status inner_tensor(ByteView tensor) {
    SLIPWAY_ASSIGN_OR_RETURN(const auto external, read_external(tensor));
    if (!external) return {};
    return permission_denied(
        "graph.external_data",
        "the model keeps the data of an operator or subgraph in '" + external->location +
            "'; only weights of the main graph may lie outside: save it with its data inside");
  }

  Status sparse(ByteView message, bool is_weight) {
    protobuf::Reader reader(message);
    protobuf::Field field;
    while (reader.next(field)) {
      const bool values = field.is_bytes(onnx::SparseTensorProto::kValuesFieldNumber);
      if (!values && !field.is_bytes(onnx::SparseTensorProto::kIndicesFieldNumber)) continue;
      SLIPWAY_TRY(inner_tensor(field.bytes));
      if (values && is_weight) SLIPWAY_TRY(weight(field.bytes));
    }
    return reader.ok() ? Status() : damaged("a sparse weight is cut short");
  }

  Status subgraph(ByteView message, int depth) {
    if (depth > kMaxDepth) return above_limit("levels of subgraphs", kMaxDepth);
    protobuf::Reader reader(message);
    protobuf::Field field;
    while (reader.next(field)) {
      if (field.is_bytes(onnx::GraphProto::kNodeFieldNumber)) SLIPWAY_TRY(node(field.bytes, depth, false));
      if (field.is_bytes(onnx::GraphProto::kInitializerFieldNumber)) SLIPWAY_TRY(inner_tensor(field.bytes));
      if (field.is_bytes(onnx::GraphProto::kSparseInitializerFieldNumber))
        SLIPWAY_TRY(sparse(field.bytes, false));
    }
    return reader.ok() ? Status() : damaged("a subgraph is cut short");
  }

  Status node(ByteView message, int depth, bool main) {
    if (++info_.nodes > kMaxNodes) return above_limit("operators", kMaxNodes);
    SLIPWAY_ASSIGN_OR_RETURN(const NodeView view, read_node(message));
    if (!view.domain.empty() && view.domain != "ai.onnx" && view.domain != kMlDomain) {
      used_domains_.emplace(view.domain);
      if (used_domains_.size() > kMaxOpsets) return above_limit("domains of operators", kMaxOpsets);
    }
    for (const ByteView attribute : view.attributes) SLIPWAY_TRY(this->attribute(attribute, depth));
    if (!main) return {};
    SLIPWAY_ASSIGN_OR_RETURN(auto labels, read_labels(view));
    if (labels.empty()) return {};
    auto& lists = view.op_type == "ZipMap" ? zip_labels_ : classifier_labels_;
    if (lists.size() < kMaxValues) lists.push_back(std::move(labels));
    return {};
  }

  Status attribute(ByteView message, int depth) {
    protobuf::Reader reader(message);
    protobuf::Field field;
    while (reader.next(field)) {
      if (field.type != protobuf::WireType::kBytes) continue;
      switch (field.number) {
        case onnx::AttributeProto::kTFieldNumber:
        case onnx::AttributeProto::kTensorsFieldNumber:
          SLIPWAY_TRY(inner_tensor(field.bytes));
          break;
        case onnx::AttributeProto::kSparseTensorFieldNumber:
        case onnx::AttributeProto::kSparseTensorsFieldNumber:
          SLIPWAY_TRY(sparse(field.bytes, false));
          break;
        case onnx::AttributeProto::kGFieldNumber:
        case onnx::AttributeProto::kGraphsFieldNumber:
          SLIPWAY_TRY(subgraph(field.bytes, depth + 1));
          break;
        default:
          break;
      }
    }
    return reader.ok() ? Status() : damaged("an attribute is cut short");
  }

  Status finish() {
    std::erase_if(info_.inputs,
                  [this](const ValueInfo& input) { return weight_names_.contains(input.name); });
    if (info_.inputs.size() > kMaxValues || info_.outputs.size() > kMaxValues) {
      return above_limit("inputs or outputs", kMaxValues);
    }
    if (info_.outputs.empty()) return damaged("its graph has no output");
    SLIPWAY_TRY(check_unique(info_.inputs));
    SLIPWAY_TRY(check_unique(info_.outputs));
    for (const std::string& domain : used_domains_) {
      if (!own_domains_.contains(domain)) info_.custom_domains.push_back(printable(domain));
    }
    info_.labels = agreed(zip_labels_.empty() ? classifier_labels_ : zip_labels_);
    return {};
  }

  // The one list that all of them are; empty when they differ.
  static std::vector<std::string> agreed(const std::vector<std::vector<std::string>>& lists) {
    const auto differs = [&](const auto& labels) { return labels != lists.front(); };
    if (lists.empty() || std::any_of(lists.begin(), lists.end(), differs)) return {};
    return lists.front();
  }

  static Status check_unique(const std::vector<ValueInfo>& values) {
    std::unordered_set<std::string_view> seen;
    for (const ValueInfo& value : values) {
      if (value.name.empty()) return damaged("an input or output has no name");
      if (!seen.insert(value.name).second)
        return damaged("the name '" + printable(value.name) + "' is given twice");
    }
    return {};
  }

  template <typename Proto>
  static bool parse(Proto& proto, ByteView message) {
    return proto.ParseFromArray(message.data(), static_cast<int>(message.size()));
  }

  // Old models list every weight as an input too.
  static constexpr std::size_t kMaxWithWeights = std::size_t{1} << 20U;

  ModelInfo info_;
  std::set<std::string, std::less<>> used_domains_;
  std::set<std::string, std::less<>> own_domains_;
  std::unordered_set<std::string_view> weight_names_;
  std::vector<std::vector<std::string>> zip_labels_;
  std::vector<std::vector<std::string>> classifier_labels_;
};

bool is_short_text(ByteView bytes) {
  const std::string_view text = as_text(bytes);
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t'; };
  return text.size() <= kMaxNameBytes && is_utf8(text) && std::none_of(text.begin(), text.end(), control);
}

// Whether a field before the graph is one that ONNX has; others' protobuf files begin alike.
bool fits_model(const protobuf::Field& field) {
  switch (field.number) {
    case onnx::ModelProto::kIrVersionFieldNumber:
      return field.type == protobuf::WireType::kVarint && field.value < 1000;
    case onnx::ModelProto::kModelVersionFieldNumber:
      return field.type == protobuf::WireType::kVarint;
    case onnx::ModelProto::kProducerNameFieldNumber:
    case onnx::ModelProto::kProducerVersionFieldNumber:
    case onnx::ModelProto::kDomainFieldNumber:
      return field.type == protobuf::WireType::kBytes && is_short_text(field.bytes);
    case onnx::ModelProto::kDocStringFieldNumber:
    case onnx::ModelProto::kOpsetImportFieldNumber:
    case onnx::ModelProto::kMetadataPropsFieldNumber:
    case onnx::ModelProto::kTrainingInfoFieldNumber:
    case onnx::ModelProto::kFunctionsFieldNumber:
      return field.type == protobuf::WireType::kBytes;
    default:
      return false;
  }
}

}  // namespace

bool looks_like_onnx(ByteView file) {
  constexpr std::size_t kMaxFields = 64;
  bool has_version = false;
  bool has_more = false;
  protobuf::Reader reader(file);
  protobuf::Field field;
  for (std::size_t i = 0; i < kMaxFields && reader.next(field); ++i) {
    if (field.is_bytes(onnx::ModelProto::kGraphFieldNumber)) return has_version;
    if (!fits_model(field)) return false;
    (field.number == onnx::ModelProto::kIrVersionFieldNumber ? has_version : has_more) = true;
  }
  return has_version && (has_more || reader.cut_field() == onnx::ModelProto::kGraphFieldNumber);
}

Result<ModelInfo> inspect(ByteView file) {
  if (!looks_like_onnx(file)) return damaged("its content is of another kind");
  Inspector inspector;
  SLIPWAY_TRY(inspector.read(file));
  return inspector.take();
}

}  // namespace slipway::graph
