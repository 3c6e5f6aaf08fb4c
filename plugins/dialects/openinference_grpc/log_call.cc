// The call LogSettings.
#include <string>
#include <string_view>
#include <utility>

#include "grpc/call.h"
#include "openinference/log_settings.h"
#include "plugins/dialects/openinference_grpc/facts_calls.h"
#include "protobuf/reader.h"
#include "protobuf/writer.h"

namespace slipway::openinference_grpc {
namespace {

using openinference::LogSettings;
using openinference::LogValue;
using protobuf::Field;

/// The last of the oneof counts. False when damaged.
bool read_value(ByteView message, LogValue& value) {
  protobuf::Reader fields(message);
  Field field;
  while (fields.next(field)) {
    if (field.is_varint(1)) value = field.value != 0;
    if (field.is_varint(2)) value = static_cast<std::uint64_t>(static_cast<std::uint32_t>(field.value));
    if (field.is_bytes(3)) value = field.text();
  }
  return fields.ok();
}

Status change(ByteView entry, LogSettings& settings) {
  std::string_view name;
  LogValue value;
  protobuf::Reader fields(entry);
  Field field;
  bool ok = true;
  while (ok && fields.next(field)) {
    if (field.is_bytes(1)) name = field.text();
    if (field.is_bytes(2)) ok = read_value(field.bytes, value);
  }
  if (!ok || !fields.ok()) return invalid_argument("v2.message", "a log setting is no protobuf message");
  return openinference::change_log_setting(settings, name, value);
}

Status update(const dialect::Host& host, ByteView message) {
  SLIPWAY_ASSIGN_OR_RETURN(LogSettings settings, openinference::read_log_settings(host));
  protobuf::Reader fields(message);
  Field field;
  bool any = false;
  while (fields.next(field)) {
    if (!field.is_bytes(1)) continue;
    any = true;
    SLIPWAY_TRY(change(field.bytes, settings));
  }
  if (!fields.ok()) return invalid_argument("v2.message", "the request is no protobuf message");
  return any ? openinference::apply_log_settings(host, settings) : Status();
}

void write_settings(const LogSettings& settings, std::string& out) {
  protobuf::Writer writer(out);
  for (const auto& entry : settings.values()) {
    writer.message(1, [&](protobuf::Writer& fields) {
      fields.text(1, entry.first);
      fields.message(2, [&](protobuf::Writer& value) {
        if (const bool* flag = std::get_if<bool>(&entry.second)) value.varint(1, *flag ? 1 : 0);
        if (const auto* number = std::get_if<std::uint64_t>(&entry.second)) value.varint(2, *number);
      });
    });
  }
}

}  // namespace

void log_settings(const dialect::Host& host, const grpc::Limits& limits,
                  std::unique_ptr<dialect::Exchange> exchange) {
  auto call = grpc::UnaryCall::begin(std::move(exchange), limits);
  if (!call) return;
  const Result<ByteView> message = call->message();
  if (!message.ok()) return call->fail(message.error());
  if (const Status updated = update(host, *message); !updated.ok()) return call->fail(updated.error());
  const auto settings = openinference::read_log_settings(host);
  if (!settings.ok()) return call->fail(settings.error());
  grpc::OutMessage out;
  write_settings(*settings, out.text());
  call->answer(std::move(out));
}

}  // namespace slipway::openinference_grpc
