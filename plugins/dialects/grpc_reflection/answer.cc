#include "plugins/dialects/grpc_reflection/answer.h"

#include <optional>
#include <string_view>
#include <vector>

#include "protobuf/reader.h"
#include "protobuf/writer.h"

namespace slipway::grpc_reflection {
namespace {

// Field numbers of reflection.proto.
namespace ask {
constexpr int kHost = 1, kFile = 3, kSymbol = 4, kExtension = 5, kExtensionNumbers = 6, kServices = 7;
}
namespace tell {
constexpr int kHost = 1, kRequest = 2, kFiles = 4, kExtensionNumbers = 5, kServices = 6, kError = 7;
}

void write_unknown(protobuf::Writer& out, std::string_view what) {
  out.message(tell::kError, [&](protobuf::Writer& error) {
    error.varint(1, static_cast<std::uint64_t>(Code::kNotFound));
    error.text(2, what);
  });
}

void write_files(protobuf::Writer& out, const std::optional<std::vector<std::string_view>>& files,
                 std::string_view otherwise) {
  if (!files) return write_unknown(out, otherwise);
  out.message(tell::kFiles, [&](protobuf::Writer& response) {
    for (const std::string_view file : *files) response.text(1, file);
  });
}

void write_services(protobuf::Writer& out, const grpc::Descriptors& index) {
  out.message(tell::kServices, [&](protobuf::Writer& response) {
    for (const std::string& service : index.services()) {
      response.message(1, [&](protobuf::Writer& entry) { entry.text(1, service); });
    }
  });
}

void write_extension_numbers(protobuf::Writer& out, std::string_view type, const grpc::Descriptors& index) {
  if (!index.is_message(type)) return write_unknown(out, "no message has this name");
  out.message(tell::kExtensionNumbers, [&](protobuf::Writer& response) { response.text(1, type); });
}

}  // namespace

Status answer(ByteView request, const grpc::Descriptors& index, std::string& out) {
  std::string_view host;
  std::optional<protobuf::Field> asked;  // of several the last: they are one of
  protobuf::Reader reader(request);
  for (protobuf::Field field; reader.next(field);) {
    if (field.is_bytes(ask::kHost)) host = field.text();
    if (field.type == protobuf::WireType::kBytes && field.number >= ask::kFile &&
        field.number <= ask::kServices) {
      asked = field;
    }
  }
  if (!reader.ok())
    return invalid_argument("reflection.message", "the message is no ServerReflectionRequest");
  if (!asked) return invalid_argument("reflection.message", "the message asks nothing that is known here");
  protobuf::Writer writer(out);
  writer.text_if_any(tell::kHost, host);
  writer.bytes(tell::kRequest, request);
  switch (asked->number) {
    case ask::kFile:
      write_files(writer, index.file_named(asked->text()), "no file has this name");
      break;
    case ask::kSymbol:
      write_files(writer, index.file_with(asked->text()), "nothing has this name");
      break;
    case ask::kExtension:
      write_unknown(writer, "there are no extensions here");
      break;
    case ask::kExtensionNumbers:
      write_extension_numbers(writer, asked->text(), index);
      break;
    default:
      write_services(writer, index);
      break;
  }
  return {};
}

}  // namespace slipway::grpc_reflection
