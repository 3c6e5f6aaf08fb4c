#include "remote/v2_bodies.h"

#include <cmath>
#include <cstring>

#include "base/text.h"
#include "json/writer.h"
#include "protobuf/writer.h"

namespace slipway::remote {
namespace {

template <typename T>
T element(ByteView data, std::size_t index) {
  T value;
  std::memcpy(&value, data.data() + index * sizeof(T), sizeof(T));
  return value;
}

// The member "inputs": what each is, and then what `rest` says of its tensor.
template <typename Rest>
void write_inputs(json::Writer& writer, const std::vector<NamedTensor>& inputs, const Rest& rest) {
  writer.key("inputs");
  writer.begin_array();
  for (const NamedTensor& input : inputs) {
    writer.begin_object();
    writer.field("name", input.name);
    writer.field("datatype", dtype_name(input.tensor.dtype));
    writer.key("shape");
    writer.begin_array();
    for (const std::int64_t dim : input.tensor.shape.dims()) writer.number(dim);
    writer.end_array();
    rest(input.tensor);
    writer.end_object();
  }
  writer.end_array();
}

void write_float(json::Writer& writer, double value, bool single, bool& complete) {
  if (!std::isfinite(value)) {
    complete = false;
    writer.null();
  } else if (single) {
    writer.number(static_cast<float>(value));
  } else {
    writer.number(value);
  }
}

// One number, or a truth value.
void write_element(json::Writer& writer, const TensorView& tensor, std::size_t index, bool& complete) {
  switch (tensor.dtype) {
    case DType::kBool:
      writer.boolean(element<std::uint8_t>(tensor.data, index) != 0);
      return;
    case DType::kInt64:
      writer.number(element<std::int64_t>(tensor.data, index));
      return;
    case DType::kUint64:
      writer.number(element<std::uint64_t>(tensor.data, index));
      return;
    case DType::kFp16:
    case DType::kBf16:
    case DType::kFp32:
      write_float(writer, element_as_double(tensor, index), true, complete);
      return;
    case DType::kFp64:
      write_float(writer, element_as_double(tensor, index), false, complete);
      return;
    default:
      writer.number(static_cast<std::int64_t>(element_as_double(tensor, index)));
  }
}

void write_data(json::Writer& writer, const TensorView& tensor, bool& complete) {
  writer.begin_array();
  if (tensor.dtype == DType::kBytes) {
    BytesReader reader(tensor.data);
    for (std::string_view text; reader.next(text);) {
      complete = complete && is_utf8(text);
      writer.string(complete ? text : std::string_view());
    }
  } else {
    const std::size_t count = tensor.data.size() / dtype_size(tensor.dtype);
    for (std::size_t i = 0; i < count; ++i) write_element(writer, tensor, i, complete);
  }
  writer.end_array();
}

}  // namespace

JsonBody v2_json_body(const std::vector<NamedTensor>& inputs) {
  JsonBody body;
  json::Writer writer(body.text);
  writer.begin_object();
  write_inputs(writer, inputs, [&](const Tensor& tensor) {
    writer.key("data");
    write_data(writer, tensor.view(), body.complete);
  });
  writer.end_object();
  return body;
}

std::string v2_binary_body(const std::vector<NamedTensor>& inputs, std::size_t& head_size) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  write_inputs(writer, inputs, [&](const Tensor& tensor) {
    writer.key("parameters");
    writer.begin_object();
    writer.field("binary_data_size", static_cast<std::uint64_t>(tensor.data.size()));
    writer.end_object();
  });
  writer.key("parameters");
  writer.begin_object();
  writer.field("binary_data_output", true);
  writer.end_object();
  writer.end_object();
  head_size = body.size();
  for (const NamedTensor& input : inputs) body += as_text(input.tensor.data.bytes());
  return body;
}

std::string v2_grpc_message(std::string_view model, std::string_view version,
                            const std::vector<NamedTensor>& inputs) {
  std::string message;
  protobuf::Writer writer(message);
  writer.text_if_any(1, model);
  writer.text_if_any(2, version);
  for (const NamedTensor& input : inputs) {
    writer.message(5, [&](protobuf::Writer& tensor) {
      tensor.text_if_any(1, input.name);
      tensor.text_if_any(2, dtype_name(input.tensor.dtype));
      tensor.packed(3, input.tensor.shape.dims());
    });
  }
  for (const NamedTensor& input : inputs) writer.bytes(7, input.tensor.data.bytes());
  return message;
}

}  // namespace slipway::remote
