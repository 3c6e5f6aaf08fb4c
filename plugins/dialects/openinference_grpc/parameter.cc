#include "plugins/dialects/openinference_grpc/parameter.h"

#include "openinference/words.h"
#include "protobuf/reader.h"

namespace slipway::openinference_grpc {
namespace {

using protobuf::Field;
using Kind = Parameter::Kind;

/// The last of the oneof counts. False when damaged.
bool read_value(ByteView value, Parameter& parameter) {
  protobuf::Reader fields(value);
  Field field;
  while (fields.next(field)) {
    const auto take = [&](Kind kind) {
      parameter.kind = kind;
      parameter.bits = field.value;
      parameter.text = kind == Kind::kText ? field.text() : std::string_view();
    };
    if (field.is_varint(1)) take(Kind::kFlag);
    if (field.is_varint(2)) take(Kind::kSigned);
    if (field.is_bytes(3)) take(Kind::kText);
    if (field.is(4, protobuf::WireType::kFixed64)) take(Kind::kDouble);
    if (field.is_bytes(4)) take(Kind::kOther);  // bytes, in a repository's parameters
    if (field.is_varint(5)) take(Kind::kUnsigned);
  }
  return fields.ok();
}

}  // namespace

Result<std::uint64_t> Parameter::count() const {
  if (kind == Kind::kUnsigned || (kind == Kind::kSigned && static_cast<std::int64_t>(bits) >= 0)) return bits;
  return invalid_argument("v2.parameter", "the parameter " + openinference::quoted(key) +
                                              " is to be a whole number from 0 on (int64_param or "
                                              "uint64_param)");
}

Result<std::string_view> Parameter::string() const {
  if (kind == Kind::kText) return text;
  return invalid_argument("v2.parameter",
                          "the parameter " + openinference::quoted(key) + " is to be a text (string_param)");
}

Result<Parameter> read_parameter(ByteView entry) {
  Parameter parameter;
  protobuf::Reader fields(entry);
  Field field;
  bool ok = true;
  while (ok && fields.next(field)) {
    if (field.is_bytes(1)) parameter.key = field.text();
    if (field.is_bytes(2)) ok = read_value(field.bytes, parameter);
  }
  if (!ok || !fields.ok()) return invalid_argument("v2.message", "a parameter is no protobuf message");
  if (parameter.kind == Kind::kNone) {
    return invalid_argument("v2.parameter",
                            "the parameter " + openinference::quoted(parameter.key) + " has no value");
  }
  return parameter;
}

}  // namespace slipway::openinference_grpc
