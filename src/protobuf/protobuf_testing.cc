#include "protobuf/protobuf_testing.h"

#include <google/protobuf/empty.pb.h>
#include <google/protobuf/unknown_field_set.h>

#include "protobuf/reader.h"

namespace slipway::protobuf::testing {
namespace {

void describe(std::string& out, int number, WireType type, std::uint64_t value, std::string_view bytes) {
  out += std::to_string(number) + ":" + std::to_string(static_cast<int>(type)) + ":";
  if (type == WireType::kBytes) {
    out += std::to_string(bytes.size()) + ":";
    out += bytes;
  } else {
    out += std::to_string(value);
  }
  out += '\n';
}

}  // namespace

std::optional<std::string> described_by_us(std::string_view message) {
  std::string out;
  Reader reader(as_bytes(message));
  Field field;
  while (reader.next(field)) describe(out, field.number, field.type, field.value, field.text());
  if (!reader.ok()) return std::nullopt;
  return out;
}

std::optional<std::string> described_by_library(std::string_view message) {
  google::protobuf::Empty empty;  // to which every field is unknown
  if (!empty.ParseFromArray(message.data(), static_cast<int>(message.size()))) return std::nullopt;
  const google::protobuf::UnknownFieldSet& fields = empty.GetReflection()->GetUnknownFields(empty);
  std::string out;
  for (int i = 0; i < fields.field_count(); ++i) {
    const google::protobuf::UnknownField& field = fields.field(i);
    const int number = field.number();
    switch (field.type()) {
      case google::protobuf::UnknownField::TYPE_VARINT:
        describe(out, number, WireType::kVarint, field.varint(), {});
        break;
      case google::protobuf::UnknownField::TYPE_FIXED32:
        describe(out, number, WireType::kFixed32, field.fixed32(), {});
        break;
      case google::protobuf::UnknownField::TYPE_FIXED64:
        describe(out, number, WireType::kFixed64, field.fixed64(), {});
        break;
      case google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED:
        describe(out, number, WireType::kBytes, 0, field.length_delimited());
        break;
      case google::protobuf::UnknownField::TYPE_GROUP:
        return std::nullopt;
    }
  }
  return out;
}

}  // namespace slipway::protobuf::testing
