#include "plugins/dialects/openinference/decode.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "base/checked.h"
#include "json/json.h"
#include "openinference/shared_tensors.h"
#include "openinference/words.h"
#include "plugins/dialects/openinference/fields.h"
#include "plugins/dialects/openinference/json_data.h"
#include "plugins/dialects/openinference/raw.h"

namespace slipway::openinference {
namespace {

/// Reads one request; `rest` is what of the binary part is not yet anybody's.
class Reader {
 public:
  Reader(const DecodeContext& context, ByteView rest)
      : context_(context), rest_(rest), shared_(context.shared_memory, context.limits.max_tensor_bytes) {}

  Result<Decoded> read(const json::Value& document) {
    SLIPWAY_ASSIGN_OR_RETURN(const Fields fields, Fields::of(document, "the request"));
    if (fields.find("id")) {
      SLIPWAY_ASSIGN_OR_RETURN(const std::string_view id, fields.text("id"));
      out_.id = std::string(id);
    }
    SLIPWAY_TRY(read_parameters(fields));
    SLIPWAY_TRY(read_inputs(fields));
    if (fields.find("outputs")) SLIPWAY_TRY(read_outputs(fields));
    if (!rest_.empty()) {
      return invalid_argument("v2.binary_size", std::to_string(rest_.size()) +
                                                    " bytes are left behind the last binary input; the sum "
                                                    "of all binary_data_size is to be all of the body "
                                                    "behind the JSON");
    }
    return std::move(out_);
  }

 private:
  Status read_parameters(const Fields& fields) {
    SLIPWAY_ASSIGN_OR_RETURN(const Parameters parameters, Parameters::of(fields));
    SLIPWAY_ASSIGN_OR_RETURN(const auto binary, parameters.flag("binary_data_output"));
    out_.binary_output = binary.value_or(false);
    SLIPWAY_ASSIGN_OR_RETURN(const auto timeout, parameters.count("timeout"));
    if (timeout && *timeout > 0) {
      out_.wishes.timeout = timeout_of(*timeout);
    }
    SLIPWAY_ASSIGN_OR_RETURN(const auto priority, parameters.count("priority"));
    out_.wishes.priority = priority.value_or(0);
    return {};
  }

  /// The text where it stays valid: the signature's own, or a copy.
  std::string_view keep(std::string_view name, const std::vector<TensorSpec>& specs) {
    for (const TensorSpec& spec : specs) {
      if (spec.name == name) return spec.name;
    }
    return out_.texts.emplace_front(name);
  }

  Status read_inputs(const Fields& fields) {
    SLIPWAY_ASSIGN_OR_RETURN(const json::Value inputs, fields.array("inputs"));
    const std::size_t count = inputs.array().size();
    if (count > kMaxTensors) return too_many("inputs", count);
    out_.inputs.reserve(count);
    std::size_t position = 0;
    for (const json::Value& input : inputs.array())
      SLIPWAY_TRY(read_input(input, "inputs[" + std::to_string(position++) + "]"));
    return {};
  }

  Status read_input(const json::Value& value, std::string where) {
    SLIPWAY_ASSIGN_OR_RETURN(const Fields fields, Fields::of(value, std::move(where)));
    SLIPWAY_ASSIGN_OR_RETURN(const std::string_view name, fields.text("name"));
    for (const NamedTensorView& other : out_.inputs) {
      if (other.name == name) return named_twice("input", name);
    }
    const std::string title = "input " + quoted(name);
    NamedTensorView input;
    input.name = keep(name, context_.signature.inputs);
    SLIPWAY_ASSIGN_OR_RETURN(const std::string_view datatype, fields.text("datatype"));
    SLIPWAY_ASSIGN_OR_RETURN(input.tensor.dtype, datatype_of(datatype, title));
    SLIPWAY_ASSIGN_OR_RETURN(input.tensor.shape, read_shape(fields, title));
    SLIPWAY_ASSIGN_OR_RETURN(const Parameters parameters, Parameters::of(fields));
    SLIPWAY_TRY(read_data(fields, parameters, title, input.tensor));
    out_.inputs.push_back(input);
    return {};
  }

  static Result<Shape> read_shape(const Fields& fields, const std::string& title) {
    SLIPWAY_ASSIGN_OR_RETURN(const json::Value list, fields.array("shape"));
    std::vector<std::int64_t> dims;
    for (const json::Value& dim : list.array()) {
      constexpr std::int64_t kNoNumber = -1;  // refused like a negative one
      if (dims.size() <= Shape::kMaxRank) dims.push_back(dim.as_int64().value_or(kNoNumber));
    }
    return shape_of(dims, title);
  }

  Status read_data(const Fields& fields, const Parameters& parameters, const std::string& title,
                   TensorView& tensor) {
    SLIPWAY_ASSIGN_OR_RETURN(const auto binary_size, parameters.count("binary_data_size"));
    const auto data = fields.find("data");
    if (parameters.has_prefix(kSharedPrefix)) {
      if (data || binary_size) {
        return invalid_argument(
            "v2.data", title + " is in shared memory, but has \"data\" or \"binary_data_size\" as well");
      }
      return read_shared(parameters, title, tensor);
    }
    if (data.has_value() == binary_size.has_value()) {
      return invalid_argument(
          "v2.data", title + (data ? " has both \"data\" and \"binary_data_size\"; one of them is wanted"
                                   : " has neither \"data\" nor the parameter \"binary_data_size\""));
    }
    if (binary_size) return take_binary(*binary_size, title, tensor);
    auto buffer = read_json_data(*data, tensor.dtype, tensor.shape, context_.limits.max_tensor_bytes);
    if (!buffer.ok()) return buffer.error().within(title);
    out_.buffers.push_back(std::move(buffer).value());
    tensor.data = std::as_const(out_.buffers.back()).bytes();
    return {};
  }

  static Result<SharedWords> shared_words(const Parameters& parameters) {
    SharedWords words;
    SLIPWAY_ASSIGN_OR_RETURN(words.region, parameters.text(kSharedRegion));
    SLIPWAY_ASSIGN_OR_RETURN(words.byte_size, parameters.count(kSharedByteSize));
    SLIPWAY_ASSIGN_OR_RETURN(words.offset, parameters.count(kSharedOffset));
    return words;
  }

  Status read_shared(const Parameters& parameters, const std::string& title, TensorView& tensor) {
    SLIPWAY_ASSIGN_OR_RETURN(const SharedWords words, shared_words(parameters));
    Buffer buffer;
    SLIPWAY_TRY(shared_.read(words, title, tensor, buffer));
    out_.buffers.push_back(std::move(buffer));
    return {};
  }

  Status take_binary(std::uint64_t size, const std::string& title, TensorView& tensor) {
    if (size > rest_.size()) {
      return invalid_argument("v2.binary_size", title + " is to have " + std::to_string(size) +
                                                    " binary bytes, but " + std::to_string(rest_.size()) +
                                                    " are left in the body; is the header "
                                                    "Inference-Header-Content-Length sent?");
    }
    tensor.data = rest_.first(static_cast<std::size_t>(size));
    rest_ = rest_.subspan(static_cast<std::size_t>(size));
    if (auto valid = tensor.validate(); !valid.ok()) return valid.error().within(title);
    return {};
  }

  Status read_outputs(const Fields& fields) {
    SLIPWAY_ASSIGN_OR_RETURN(const json::Value outputs, fields.array("outputs"));
    const std::size_t count = outputs.array().size();
    if (count > kMaxTensors) return too_many("outputs", count);
    std::size_t position = 0;
    for (const json::Value& output : outputs.array())
      SLIPWAY_TRY(read_output(output, "outputs[" + std::to_string(position++) + "]"));
    return {};
  }

  Status read_output(const json::Value& value, std::string where) {
    SLIPWAY_ASSIGN_OR_RETURN(const Fields fields, Fields::of(value, std::move(where)));
    SLIPWAY_ASSIGN_OR_RETURN(const std::string_view name, fields.text("name"));
    for (const OutputForm& other : out_.outputs) {
      if (other.name == name) return named_twice("output", name);
    }
    SLIPWAY_ASSIGN_OR_RETURN(const Parameters parameters, Parameters::of(fields));
    OutputForm form;
    SLIPWAY_ASSIGN_OR_RETURN(const auto classes, parameters.count("classification"));
    form.classes = classes.value_or(0);
    SLIPWAY_ASSIGN_OR_RETURN(form.binary, parameters.flag("binary_data"));
    if (parameters.has_prefix(kSharedPrefix)) {
      const std::string title = "output " + quoted(name);
      SLIPWAY_ASSIGN_OR_RETURN(const SharedWords words, shared_words(parameters));
      SLIPWAY_ASSIGN_OR_RETURN(form.shared, shared_.find(words, title));
      if (form.classes > 0) return classes_in_shared_memory(title);
    }
    form.name = keep(name, context_.signature.outputs);
    out_.outputs.push_back(std::move(form));
    return {};
  }

  const DecodeContext& context_;
  ByteView rest_;
  SharedTensors shared_;
  Decoded out_;
};

Result<std::size_t> read_json_size(std::string_view text, std::size_t body_size) {
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc() || end != text.data() + text.size()) {
    return invalid_argument("v2.header",
                            "Inference-Header-Content-Length is " + quoted(text) + ", but is to be a number");
  }
  if (size > body_size) {
    return invalid_argument("v2.header", "Inference-Header-Content-Length is " + std::to_string(size) +
                                             ", but the body has only " + std::to_string(body_size) +
                                             " bytes");
  }
  return size;
}

}  // namespace

Result<Decoded> decode(ByteView body, std::optional<std::string_view> json_size,
                       const DecodeContext& context) {
  // A parser keeps the memory of its last document; one per thread serves all requests of that thread.
  thread_local json::Parser parser;
  std::size_t size = body.size();
  if (json_size) {
    SLIPWAY_ASSIGN_OR_RETURN(size, read_json_size(*json_size, body.size()));
    if (size == 0) return decode_raw(body, context);
  }
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value document, parser.parse_padded(as_text(body.first(size))));
  return Reader(context, body.subspan(size)).read(document);
}

}  // namespace slipway::openinference
