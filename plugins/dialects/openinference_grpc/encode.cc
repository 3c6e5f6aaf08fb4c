#include "plugins/dialects/openinference_grpc/encode.h"

#include "protobuf/writer.h"

namespace slipway::openinference_grpc {
namespace {

using protobuf::bytes_field_size;
using protobuf::varint_size;
using protobuf::Writer;

enum ResponseField : int { kModelName = 1, kModelVersion, kId, kParameters, kOutputs, kRawOutputContents };
enum OutputField : int { kName = 1, kDatatype, kShape };
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

std::size_t output_size(const NamedTensorView& output) {
  const std::size_t dims = dims_size(output.tensor.shape);
  return text_size(kName, output.name) + text_size(kDatatype, dtype_name(output.tensor.dtype)) +
         (dims == 0 ? 0 : bytes_field_size(kShape, dims));
}

std::size_t answer_size(const Answer& answer, bool final) {
  std::size_t size = text_size(kModelName, answer.model.name()) +
                     text_size(kModelVersion, answer.model.version()) + text_size(kId, answer.id) +
                     (final ? bytes_field_size(kParameters, kFinalEntrySize) : 0);
  for (const NamedTensorView& output : answer.outputs) {
    size += bytes_field_size(kOutputs, output_size(output)) +
            bytes_field_size(kRawOutputContents, output.tensor.data.size());
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
    writer.begin_bytes(kOutputs, output_size(output));
    writer.text_if_any(kName, output.name);
    writer.text_if_any(kDatatype, dtype_name(output.tensor.dtype));
    writer.packed(kShape, output.tensor.shape.dims());
  }
  for (const NamedTensorView& output : answer.outputs) writer.bytes(kRawOutputContents, output.tensor.data);
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
