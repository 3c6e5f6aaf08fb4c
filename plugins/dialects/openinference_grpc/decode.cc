#include "plugins/dialects/openinference_grpc/decode.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/text.h"
#include "openinference/shared_tensors.h"
#include "openinference/words.h"
#include "plugins/dialects/openinference_grpc/contents.h"
#include "plugins/dialects/openinference_grpc/parameter.h"
#include "protobuf/reader.h"

namespace slipway::openinference_grpc {
namespace {

using openinference::OutputForm;
using openinference::quoted;
using openinference::SharedTensors;
using openinference::SharedWords;
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
  Reader(ByteView message, const DecodeContext& context, Decoded& out)
      : message_(message),
        max_tensor_bytes_(context.max_tensor_bytes),
        shared_(context.shared_memory, context.max_tensor_bytes),
        out_(out) {}

  Status read() {
    protobuf::Reader fields(message_);
    Field field;
    while (fields.next(field)) SLIPWAY_TRY(take(field));
    if (!fields.ok()) return no_message("the request");
    if (out_.model_name.empty())
      return invalid_argument("v2.model_name", "the request names no model: set model_name");
    SLIPWAY_TRY(raw_count_ > 0 ? take_raw_contents() : take_contents());
    return take_shared();
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
    SharedWords shared;
    protobuf::Reader fields(message);
    Field field;
    bool ok = true;
    while (ok && fields.next(field)) {
      if (field.is_bytes(kName)) input.name = field.text();
      if (field.is_bytes(kDatatype)) datatype = field.text();
      if (field.is_varint(kShape) || field.is_bytes(kShape)) ok = dims.take(field);
      if (field.is_bytes(kInputParameters)) SLIPWAY_TRY(take_tensor_parameter(field.bytes, shared).status());
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
    if (shared.any() && !shared_.allowed()) return openinference::no_shared_memory(title_of(input.name));
    if (shared.any()) shared_inputs_.push_back({out_.inputs.size(), shared});
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

  static Result<Parameter> take_tensor_parameter(ByteView entry, SharedWords& shared) {
    SLIPWAY_ASSIGN_OR_RETURN(Parameter parameter, read_parameter(entry));
    if (parameter.key == openinference::kSharedRegion) {
      SLIPWAY_ASSIGN_OR_RETURN(shared.region, parameter.string());
    } else if (parameter.key == openinference::kSharedByteSize) {
      SLIPWAY_ASSIGN_OR_RETURN(shared.byte_size, parameter.count());
    } else if (parameter.key == openinference::kSharedOffset) {
      SLIPWAY_ASSIGN_OR_RETURN(shared.offset, parameter.count());
    }
    return parameter;
  }

  Status take_output(ByteView message) {
    OutputForm output;
    SharedWords shared;
    protobuf::Reader fields(message);
    Field field;
    while (fields.next(field)) {
      if (field.is_bytes(1)) output.name = field.text();
      if (!field.is_bytes(2)) continue;
      SLIPWAY_ASSIGN_OR_RETURN(const Parameter parameter, take_tensor_parameter(field.bytes, shared));
      if (parameter.key != "classification") continue;
      SLIPWAY_ASSIGN_OR_RETURN(output.classes, parameter.count());
    }
    if (!fields.ok()) return no_message("an output");
    for (const OutputForm& other : out_.outputs) {
      if (other.name == output.name) return openinference::named_twice("output", output.name);
    }
    if (out_.outputs.size() == openinference::kMaxTensors)
      return openinference::too_many("outputs", out_.outputs.size() + 1);
    if (shared.any()) {
      const std::string title = "output " + quoted(output.name);
      SLIPWAY_ASSIGN_OR_RETURN(output.shared, shared_.find(shared, title));
      if (output.classes > 0) return openinference::classes_in_shared_memory(title);
    }
    out_.outputs.push_back(std::move(output));
    return {};
  }

  /// The raw elements may come before their inputs, so they are looked for when all inputs are known.
  Status take_raw_contents() {
    const std::size_t wanted = out_.inputs.size() - shared_inputs_.size();
    if (raw_count_ != wanted) {
      return invalid_argument("v2.raw_contents", "there are " + std::to_string(raw_count_) +
                                                     " raw_input_contents for " + std::to_string(wanted) +
                                                     " inputs");
    }
    protobuf::Reader fields(message_);
    Field field;
    std::size_t next = 0;
    while (next < out_.inputs.size() && fields.next(field)) {
      if (!field.is_bytes(kRawInputContents)) continue;
      while (is_shared(next)) ++next;
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
    for (std::size_t i = 0; i < out_.inputs.size(); ++i) {
      if (is_shared(i)) continue;
      NamedTensorView& input = out_.inputs[i];
      Buffer buffer;
      SLIPWAY_TRY(
          read_contents(input.tensor.data, title_of(input.name), max_tensor_bytes_, input.tensor, buffer));
      if (buffer.size() > 0) out_.buffers.push_back(std::move(buffer));
    }
    return {};
  }

  [[nodiscard]] bool is_shared(std::size_t input) const {
    return std::any_of(shared_inputs_.begin(), shared_inputs_.end(),
                       [&](const SharedInput& shared) { return shared.input == input; });
  }

  Status take_shared() {
    for (const SharedInput& shared : shared_inputs_) {
      NamedTensorView& input = out_.inputs[shared.input];
      const std::string title = title_of(input.name);
      if (any_contents_ && has_contents(input.tensor.data))
        return invalid_argument("v2.contents", title + " is in shared memory, but has contents as well");
      Buffer buffer;
      SLIPWAY_TRY(shared_.read(shared.words, title, input.tensor, buffer));
      out_.buffers.push_back(std::move(buffer));
    }
    return {};
  }

  struct SharedInput {
    std::size_t input = 0;
    SharedWords words;
  };

  const ByteView message_;
  const std::size_t max_tensor_bytes_;
  std::size_t raw_count_ = 0;
  bool any_contents_ = false;
  SharedTensors shared_;
  std::vector<SharedInput> shared_inputs_;
  Decoded& out_;
};

}  // namespace

Status decode(ByteView message, const DecodeContext& context, Decoded& out) {
  return Reader(message, context, out).read();
}

}  // namespace slipway::openinference_grpc
