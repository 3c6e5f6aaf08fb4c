#include "plugins/dialects/openinference_grpc/decode.h"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/text.h"
#include "openinference/words.h"
#include "plugins/dialects/openinference_grpc/contents.h"
#include "plugins/dialects/openinference_grpc/parameter.h"
#include "protobuf/reader.h"

namespace slipway::openinference_grpc {
namespace {

using openinference::OutputForm;
using openinference::quoted;
using protobuf::Field;

enum RequestField : int {
  kModelName = 1,
  kModelVersion,
  kId,
  kParameters,
  kInputs,
  kOutputs,
  kRawInputContents,
};
enum InputField : int { kName = 1, kDatatype, kShape, kInputParameters, kContents };

Error no_message(std::string_view what) {
  return invalid_argument("v2.message", std::string(what) + " is no protobuf message, or is cut short");
}

std::string title_of(std::string_view input) { return "input " + quoted(input); }

/// The numbers of a shape as they come, in pieces or packed.
struct Dims {
  std::array<std::int64_t, Shape::kMaxRank + 1> values{};  // one more than fits shows that it is too many
  std::size_t count = 0;

  bool take(const Field& field) {
    return protobuf::for_each_varint(field, [&](std::uint64_t value) {
      if (count < values.size()) values[count++] = static_cast<std::int64_t>(value);
      return true;
    });
  }
  [[nodiscard]] std::span<const std::int64_t> view() const { return {values.data(), count}; }
};

class Reader {
 public:
  Reader(ByteView message, std::size_t max_tensor_bytes, Decoded& out)
      : message_(message), max_tensor_bytes_(max_tensor_bytes), out_(out) {}

  Status read() {
    protobuf::Reader fields(message_);
    Field field;
    while (fields.next(field)) SLIPWAY_TRY(take(field));
    if (!fields.ok()) return no_message("the request");
    if (out_.model_name.empty())
      return invalid_argument("v2.model_name", "the request names no model: set model_name");
    return raw_count_ > 0 ? take_raw_contents() : take_contents();
  }

 private:
  Status take(const Field& field) {
    if (field.type != protobuf::WireType::kBytes) return {};
    switch (field.number) {
      case kModelName:
        out_.model_name = field.text();
        return {};
      case kModelVersion:
        out_.model_version = field.text();
        return {};
      case kId:
        if (!is_utf8(field.text())) return invalid_argument("v2.id", "the request's id is not UTF-8");
        out_.id = field.text();
        return {};
      case kParameters:
        return take_parameter(field.bytes);
      case kInputs:
        return take_input(field.bytes);
      case kOutputs:
        return take_output(field.bytes);
      case kRawInputContents:
        ++raw_count_;
        return {};
      default:
        return {};
    }
  }

  Status take_parameter(ByteView entry) {
    SLIPWAY_ASSIGN_OR_RETURN(const Parameter parameter, read_parameter(entry));
    if (parameter.key == "priority") {
      SLIPWAY_ASSIGN_OR_RETURN(out_.priority, parameter.count());
    }
    if (parameter.key != "timeout") return {};
    SLIPWAY_ASSIGN_OR_RETURN(const std::uint64_t timeout, parameter.count());
    out_.timeout.reset();
    if (timeout > 0) out_.timeout = openinference::timeout_of(timeout);
    return {};
  }

  /// Reads all but the elements. Until they are taken, the tensor's data are the whole message of the input.
  Status take_input(ByteView message) {
    NamedTensorView input;
    std::string_view datatype;
    Dims dims;
    protobuf::Reader fields(message);
    Field field;
    bool ok = true;
    while (ok && fields.next(field)) {
      if (field.is_bytes(kName)) input.name = field.text();
      if (field.is_bytes(kDatatype)) datatype = field.text();
      if (field.is_varint(kShape) || field.is_bytes(kShape)) ok = dims.take(field);
      if (field.is_bytes(kInputParameters)) SLIPWAY_TRY(read_tensor_parameter(field.bytes).status());
      if (field.is_bytes(kContents)) any_contents_ = true;
    }
    if (!ok || !fields.ok()) return no_message("an input");
    for (const NamedTensorView& other : out_.inputs) {
      if (other.name == input.name) return openinference::named_twice("input", input.name);
    }
    if (out_.inputs.size() == openinference::kMaxTensors)
      return openinference::too_many("inputs", out_.inputs.size() + 1);
    SLIPWAY_TRY(set_type(input, datatype, dims));
    input.tensor.data = message;
    out_.inputs.push_back(input);
    return {};
  }

  static Status set_type(NamedTensorView& input, std::string_view datatype, const Dims& dims) {
    const auto dtype = dtype_from_name(datatype);
    if (!dtype) return openinference::datatype_of(datatype, title_of(input.name)).error();
    input.tensor.dtype = *dtype;
    auto shape = Shape::from(dims.view());
    if (!shape.ok() || !shape->elements())
      return openinference::shape_of(dims.view(), title_of(input.name)).error();
    input.tensor.shape = *shape;
    return {};
  }

  static Result<Parameter> read_tensor_parameter(ByteView entry) {
    SLIPWAY_ASSIGN_OR_RETURN(const Parameter parameter, read_parameter(entry));
    if (parameter.key.starts_with("shared_memory_"))
      return openinference::no_shared_memory("the parameter " + quoted(parameter.key));
    return parameter;
  }

  Status take_output(ByteView message) {
    OutputForm output;
    protobuf::Reader fields(message);
    Field field;
    while (fields.next(field)) {
      if (field.is_bytes(1)) output.name = field.text();
      if (!field.is_bytes(2)) continue;
      SLIPWAY_ASSIGN_OR_RETURN(const Parameter parameter, read_tensor_parameter(field.bytes));
      if (parameter.key != "classification") continue;
      SLIPWAY_ASSIGN_OR_RETURN(output.classes, parameter.count());
    }
    if (!fields.ok()) return no_message("an output");
    for (const OutputForm& other : out_.outputs) {
      if (other.name == output.name) return openinference::named_twice("output", output.name);
    }
    if (out_.outputs.size() == openinference::kMaxTensors)
      return openinference::too_many("outputs", out_.outputs.size() + 1);
    out_.outputs.push_back(output);
    return {};
  }

  /// The raw elements may come before their inputs, so they are looked for when all inputs are known.
  Status take_raw_contents() {
    if (raw_count_ != out_.inputs.size()) {
      return invalid_argument("v2.raw_contents", "there are " + std::to_string(raw_count_) +
                                                     " raw_input_contents for " +
                                                     std::to_string(out_.inputs.size()) + " inputs");
    }
    protobuf::Reader fields(message_);
    Field field;
    std::size_t next = 0;
    while (next < raw_count_ && fields.next(field)) {
      if (!field.is_bytes(kRawInputContents)) continue;
      NamedTensorView& input = out_.inputs[next++];
      if (any_contents_ && has_contents(input.tensor.data)) {
        return invalid_argument("v2.contents", title_of(input.name) +
                                                   " has contents, but the request has raw_input_contents: "
                                                   "all inputs are sent in one form");
      }
      input.tensor.data = field.bytes;
      if (auto valid = input.tensor.validate(); !valid.ok())
        return valid.error().within(title_of(input.name));
    }
    return {};
  }

  Status take_contents() {
    for (NamedTensorView& input : out_.inputs) {
      Buffer buffer;
      SLIPWAY_TRY(
          read_contents(input.tensor.data, title_of(input.name), max_tensor_bytes_, input.tensor, buffer));
      if (buffer.size() > 0) out_.buffers.push_back(std::move(buffer));
    }
    return {};
  }

  const ByteView message_;
  const std::size_t max_tensor_bytes_;
  std::size_t raw_count_ = 0;
  bool any_contents_ = false;
  Decoded& out_;
};

}  // namespace

Status decode(ByteView message, std::size_t max_tensor_bytes, Decoded& out) {
  return Reader(message, max_tensor_bytes, out).read();
}

}  // namespace slipway::openinference_grpc
