#include "plugins/dialects/openinference/logging.h"

#include <string>
#include <utility>

#include "json/json.h"
#include "json/writer.h"
#include "openinference/log_settings.h"
#include "plugins/dialects/openinference/fields.h"
#include "plugins/dialects/openinference/wire.h"

namespace slipway::openinference {
namespace {

LogValue value_of(const json::Value& value) {
  if (const auto flag = value.as_bool()) return *flag;
  if (const auto number = value.as_uint64()) return *number;
  if (const auto text = value.as_string()) return *text;
  return {};
}

Status update(const dialect::Host& host, const dialect::Exchange& exchange) {
  SLIPWAY_ASSIGN_OR_RETURN(LogSettings settings, read_log_settings(host));
  json::Parser parser;
  const auto document = parser.parse_padded(as_text(exchange.body()));
  if (!document.ok()) return document.error();
  SLIPWAY_TRY(Fields::of(*document, "the request").status());
  for (const json::Member& member : document->object()) {
    SLIPWAY_TRY(change_log_setting(settings, member.key, value_of(member.value)));
  }
  return apply_log_settings(host, settings);
}

}  // namespace

void log_settings(const dialect::Host& host, dialect::Exchange& exchange) {
  const auto settings = read_log_settings(host);
  if (!settings.ok()) return respond_error(settings.error(), exchange);
  std::string body;
  json::Writer out(body);
  out.begin_object();
  for (const auto& [name, value] : settings->values()) {
    if (const bool* flag = std::get_if<bool>(&value)) out.field(name, *flag);
    if (const auto* number = std::get_if<std::uint64_t>(&value)) out.field(name, *number);
  }
  out.end_object();
  respond_json(200, std::move(body), exchange);
}

void update_log_settings(const dialect::Host& host, dialect::Exchange& exchange) {
  const Status updated = update(host, exchange);
  if (!updated.ok()) return respond_error(updated.error(), exchange);
  log_settings(host, exchange);
}

}  // namespace slipway::openinference
