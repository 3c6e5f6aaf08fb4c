#include "plugins/dialects/openinference_grpc/encode.h"

#include <string>

#include "openinference/shared_tensors.h"
#include "protobuf/writer.h"

namespace slipway::openinference_grpc {
namespace {

using protobuf::bytes_field_size;
using protobuf::varint_size;
using protobuf::Writer;

enum ResponseField : int { kModelName = 1, kModelVersion, kId, kParameters, kOutputs, kRawOutputContents };
enum OutputField : int { kName = 1, kDatatype, kShape, kOutputParameters };
enum ParameterField : int { kInt64Param = 2, kStringParam = 3 };
enum StreamField : int { kErrorMessage = 1, kInferResponse = 2 };

constexpr std::string_view kFinal = "triton_final_response";
// An entry of the map: key 1, and as value 2 the message {bool_param 1: true}.
constexpr std::size_t kFinalValueSize = 2;
constexpr std::size_t kFinalEntrySize =
    bytes_field_size(1, kFinal.size()) + bytes_field_size(2, kFinalValueSize);

std::size_t text_size(int number, std::string_view text) {
  return text.empty() ? 0 : bytes_field_size(number, text.size());
}

std::size_t dims_size(const Shape& shape) {
  std::size_t size = 0;
  for (const std::int64_t dim : shape.dims()) size += varint_size(static_cast<std::uint64_t>(dim));
  return size;
}

/// Where the output is in shared memory; null when it is in the answer.
const dialect::SharedPart* shared_part(const NamedTensorView& output, const Answer& answer) {
  const openinference::OutputForm* form = openinference::form_of(answer.forms, output.name);
  return form == nullptr ? nullptr : form->shared.get();
}

/// An entry of a map of parameters, whose value `write` writes.
template <typename Write>
void write_parameter(std::string_view key, Write&& write, Writer& writer) {
  writer.message(kOutputParameters, [&](Writer& entry) {
    entry.text(1, key);
    entry.message(2, write);
  });
}

/// The entries of an output in shared memory.
std::string shared_entries(const NamedTensorView& output, const dialect::SharedRange& range) {
  std::string entries;
  Writer writer(entries);
  write_parameter(
      openinference::kSharedRegion, [&](Writer& value) { value.text(kStringParam, range.region); }, writer);
  write_parameter(
      openinference::kSharedByteSize,
      [&](Writer& value) { value.varint(kInt64Param, output.tensor.data.size()); }, writer);
  if (range.offset == 0) return entries;
  write_parameter(
      openinference::kSharedOffset, [&](Writer& value) { value.varint(kInt64Param, range.offset); }, writer);
  return entries;
}

std::size_t output_size(const NamedTensorView& output, std::size_t entries) {
  const std::size_t dims = dims_size(output.tensor.shape);
  return text_size(kName, output.name) + text_size(kDatatype, dtype_name(output.tensor.dtype)) +
         (dims == 0 ? 0 : bytes_field_size(kShape, dims)) + entries;
}

std::size_t answer_size(const Answer& answer, bool final) {
  std::size_t size = text_size(kModelName, answer.model.name()) +
                     text_size(kModelVersion, answer.model.version()) + text_size(kId, answer.id) +
                     (final ? bytes_field_size(kParameters, kFinalEntrySize) : 0);
  for (const NamedTensorView& output : answer.outputs) {
    const dialect::SharedPart* shared = shared_part(output, answer);
    const std::size_t entries = shared == nullptr ? 0 : shared_entries(output, shared->range()).size();
    size += bytes_field_size(kOutputs, output_size(output, entries)) +
            bytes_field_size(kRawOutputContents, shared == nullptr ? output.tensor.data.size() : 0);
  }
  return size;
}

void write_final(Writer& writer) {
  writer.begin_bytes(kParameters, kFinalEntrySize);
  writer.text(1, kFinal);
  writer.begin_bytes(2, kFinalValueSize);
  writer.varint(1, 1);
}

void write_fields(const Answer& answer, bool final, Writer& writer) {
  writer.text_if_any(kModelName, answer.model.name());
  writer.text_if_any(kModelVersion, answer.model.version());
  writer.text_if_any(kId, answer.id);
  if (final) write_final(writer);
  for (const NamedTensorView& output : answer.outputs) {
    const dialect::SharedPart* shared = shared_part(output, answer);
    const std::string entries = shared == nullptr ? "" : shared_entries(output, shared->range());
    writer.begin_bytes(kOutputs, output_size(output, entries.size()));
    writer.text_if_any(kName, output.name);
    writer.text_if_any(kDatatype, dtype_name(output.tensor.dtype));
    writer.packed(kShape, output.tensor.shape.dims());
    writer.raw(entries);
  }
  for (const NamedTensorView& output : answer.outputs)
    writer.bytes(kRawOutputContents,
                 shared_part(output, answer) == nullptr ? output.tensor.data : ByteView());
}

Status check_size(std::size_t size) {
  if (size <= protobuf::kMaxFieldBytes) return {};
  return resource_exhausted("v2.output_size",
                            "the answer is " + std::to_string(size) +
                                " bytes, but gRPC has no messages of 2 GiB and more: ask for "
                                "fewer outputs or rows");
}

}  // namespace

Status write_answer(const Answer& answer, std::string& out) {
  const std::size_t size = answer_size(answer, false);
  SLIPWAY_TRY(check_size(size));
  out.reserve(out.size() + size);
  Writer writer(out);
  write_fields(answer, false, writer);
  return {};
}

Status write_stream_answer(const Answer& answer, std::string& out) {
  const std::size_t size = answer_size(answer, true);
  SLIPWAY_TRY(check_size(bytes_field_size(kInferResponse, size)));
  out.reserve(out.size() + bytes_field_size(kInferResponse, size));
  Writer writer(out);
  writer.begin_bytes(kInferResponse, size);
  write_fields(answer, true, writer);
  return {};
}

void write_stream_error(const Error& error, std::string_view id, std::string& out) {
  Writer writer(out);
  writer.text(kErrorMessage, error.to_string());
  writer.message(kInferResponse, [&](Writer& response) {
    response.text_if_any(kId, id);
    write_final(response);
  });
}

}  // namespace slipway::openinference_grpc
