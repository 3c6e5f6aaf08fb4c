#include "plugins/dialects/openinference/encode.h"

#include <vector>

#include "json/writer.h"
#include "openinference/shared_tensors.h"
#include "openinference/words.h"
#include "plugins/dialects/openinference/json_data.h"

namespace slipway::openinference {
namespace {

/// Where an output's bytes go.
enum class Place : std::uint8_t { kJson, kBinary, kShared };

Place place_of(std::string_view name, const AnswerForm& form) {
  const OutputForm* output = form_of(form.outputs, name);
  if (output != nullptr && output->shared != nullptr) return Place::kShared;
  const bool binary = output == nullptr ? form.binary_output : output->binary.value_or(form.binary_output);
  return binary ? Place::kBinary : Place::kJson;
}

/// What goes into the body beside the output's description.
std::size_t data_size(const TensorView& tensor, Place place) {
  if (place == Place::kShared) return 0;
  return place == Place::kBinary ? tensor.data.size() : json_data_size(tensor);
}

void write_shared_place(const dialect::SharedRange& range, std::size_t size, json::Writer& out) {
  out.key("parameters");
  out.begin_object();
  out.field(kSharedRegion, range.region);
  out.field(kSharedByteSize, static_cast<std::uint64_t>(size));
  if (range.offset > 0) out.field(kSharedOffset, range.offset);
  out.end_object();
}

void write_shape(const Shape& shape, json::Writer& out) {
  out.key("shape");
  out.begin_array();
  for (const std::int64_t dim : shape.dims()) out.number(dim);
  out.end_array();
}

Status write_output(const NamedTensorView& output, const AnswerForm& form, json::Writer& out) {
  const Place place = place_of(output.name, form);
  out.begin_object();
  out.field("name", output.name);
  out.field("datatype", dtype_name(output.tensor.dtype));
  write_shape(output.tensor.shape, out);
  if (place == Place::kShared) {
    write_shared_place(form_of(form.outputs, output.name)->shared->range(), output.tensor.data.size(), out);
  } else if (place == Place::kBinary) {
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
  SLIPWAY_TRY(write_shared_outputs(form.outputs, outputs));
  constexpr std::size_t kFrameBytes = 192;
  constexpr std::size_t kOutputBytes = 128;
  std::size_t size = kFrameBytes;
  bool any_binary = false;
  for (const NamedTensorView& output : outputs) {
    const Place place = place_of(output.name, form);
    any_binary |= place == Place::kBinary;
    size += kOutputBytes + data_size(output.tensor, place);
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
  for (const NamedTensorView& output : outputs) SLIPWAY_TRY(write_output(output, form, out));
  out.end_array();
  out.end_object();
  if (!any_binary) return encoded;
  encoded.json_size = encoded.body.size();
  for (const NamedTensorView& output : outputs) {
    if (place_of(output.name, form) == Place::kBinary) encoded.body.append(as_text(output.tensor.data));
  }
  return encoded;
}

}  // namespace slipway::openinference
