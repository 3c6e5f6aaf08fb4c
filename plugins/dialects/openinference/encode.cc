#include "plugins/dialects/openinference/encode.h"

#include <vector>

#include "json/writer.h"
#include "openinference/words.h"
#include "plugins/dialects/openinference/json_data.h"

namespace slipway::openinference {
namespace {

bool is_binary(std::string_view name, const AnswerForm& form) {
  for (const OutputForm& output : form.outputs) {
    if (output.name == name) return output.binary.value_or(form.binary_output);
  }
  return form.binary_output;
}

void write_shape(const Shape& shape, json::Writer& out) {
  out.key("shape");
  out.begin_array();
  for (const std::int64_t dim : shape.dims()) out.number(dim);
  out.end_array();
}

Status write_output(const NamedTensorView& output, bool binary, json::Writer& out) {
  out.begin_object();
  out.field("name", output.name);
  out.field("datatype", dtype_name(output.tensor.dtype));
  write_shape(output.tensor.shape, out);
  if (binary) {
    out.key("parameters");
    out.begin_object();
    out.field("binary_data_size", static_cast<std::uint64_t>(output.tensor.data.size()));
    out.end_object();
  } else {
    out.key("data");
    if (auto written = write_json_data(output.tensor, out); !written.ok())
      return written.error().within("output " + quoted(output.name));
  }
  out.end_object();
  return {};
}

}  // namespace

Result<Encoded> encode(const dialect::ServedModel& model, std::span<const NamedTensorView> outputs,
                       const AnswerForm& form) {
  std::vector<NamedTensorView> classified;
  std::vector<Tensor> texts;
  if (asks_for_classes(form.outputs)) {
    classified.assign(outputs.begin(), outputs.end());
    SLIPWAY_TRY(classify_outputs(model, form.outputs, classified, texts));
    outputs = classified;
  }
  constexpr std::size_t kFrameBytes = 192;
  constexpr std::size_t kOutputBytes = 128;
  std::size_t size = kFrameBytes;
  bool any_binary = false;
  for (const NamedTensorView& output : outputs) {
    const bool binary = is_binary(output.name, form);
    any_binary |= binary;
    size += kOutputBytes + (binary ? output.tensor.data.size() : json_data_size(output.tensor));
  }
  Encoded encoded;
  encoded.body.reserve(size);
  json::Writer out(encoded.body);
  out.begin_object();
  out.field("model_name", std::string_view(model.name()));
  out.field("model_version", std::string_view(model.version()));
  if (form.id) out.field("id", *form.id);
  out.key("outputs");
  out.begin_array();
  for (const NamedTensorView& output : outputs)
    SLIPWAY_TRY(write_output(output, is_binary(output.name, form), out));
  out.end_array();
  out.end_object();
  if (!any_binary) return encoded;
  encoded.json_size = encoded.body.size();
  for (const NamedTensorView& output : outputs) {
    if (is_binary(output.name, form)) encoded.body.append(as_text(output.tensor.data));
  }
  return encoded;
}

}  // namespace slipway::openinference
