#include "plugins/dialects/records/wire.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "contracts/dialect/refusal.h"
#include "function/function.h"
#include "json/writer.h"

namespace slipway::records {
namespace {

using dialect::Header;

constexpr Header kJson{"Content-Type", "application/json"};
constexpr Header kNoSniff{"X-Content-Type-Options", "nosniff"};

void write_fault(const Fault& fault, json::Writer& out) {
  out.begin_object();
  if (const auto place = function::record_place(fault.where)) {
    out.field("record", static_cast<std::uint64_t>(place->record));
    if (!place->field.empty()) out.field("field", place->field);
  } else if (!fault.where.empty()) {
    out.field("field", std::string_view(fault.where));
  }
  out.field("message",
            std::string_view(fault.fix.empty() ? fault.message : fault.message + "; " + fault.fix));
  out.end_object();
}

bool is_space(char c) { return c == ' ' || c == '\t'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool same_word(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

/// True unless the parameters name another character set.
bool charset_is_utf8(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::size_t end = std::min(parameters.find(';'), parameters.size());
    const std::string_view parameter = trimmed(parameters.substr(0, end));
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
    const std::size_t equals = parameter.find('=');
    if (equals == std::string_view::npos || !same_word(trimmed(parameter.substr(0, equals)), "charset"))
      continue;
    std::string_view value = trimmed(parameter.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    if (!same_word(value, "utf-8") && !same_word(value, "us-ascii")) return false;
  }
  return true;
}

}  // namespace

std::string encode_error(const Error& error) {
  std::string body;
  json::Writer out(body);
  out.begin_object();
  out.key("error");
  out.begin_object();
  out.field("code", code_name(error.code()));
  out.field("id", std::string_view(error.id()));
  out.field("message", std::string_view(error.message()));
  if (!error.faults().empty()) {
    out.key("details");
    out.begin_array();
    for (const Fault& fault : error.faults()) write_fault(fault, out);
    out.end_array();
  }
  out.end_object();
  out.end_object();
  return body;
}

void respond_error(const Error& error, dialect::Exchange& exchange) {
  const dialect::RefusalFields fields(error);
  exchange.respond(dialect::http_status(error.code()), fields.all(), encode_error(error));
}

void respond_error(const Error& error, const infer::Timings& timings, dialect::Exchange& exchange) {
  const dialect::RefusalFields fields(error, timings);
  exchange.respond(dialect::http_status(error.code()), fields.all(), encode_error(error));
}

void respond_json(std::string body, dialect::Exchange& exchange) {
  static constexpr std::array<Header, 2> kHeaders = {kJson, kNoSniff};
  exchange.respond(200, kHeaders, std::move(body));
}

void respond_timed(std::string body, const infer::Timings& timings, dialect::Exchange& exchange) {
  const dialect::ServerTiming timing(timings);
  const std::array<Header, 3> headers = {{kJson, kNoSniff, {dialect::ServerTiming::kHeader, timing.text()}}};
  exchange.respond(200, headers, std::move(body));
}

Status check_content_type(const dialect::Exchange& exchange) {
  const auto content_type = exchange.header("content-type");
  if (content_type == "application/json") return {};
  const bool from_page = exchange.header("origin").has_value();
  static constexpr std::string_view kFix = ": send the header Content-Type: application/json";
  if (!content_type) {
    if (!from_page) return {};
    return invalid_argument("predict.content_type", "the request has no Content-Type" + std::string(kFix));
  }
  const std::size_t end = std::min(content_type->find(';'), content_type->size());
  const std::string_view parameters = content_type->substr(std::min(end + 1, content_type->size()));
  const std::string_view media = trimmed(content_type->substr(0, end));
  const bool unsaid = same_word(media, "application/x-www-form-urlencoded") || same_word(media, "text/plain");
  if ((same_word(media, "application/json") || (unsaid && !from_page)) && charset_is_utf8(parameters))
    return {};
  return invalid_argument("predict.content_type", "the Content-Type is \"" + printable(*content_type) + "\"" +
                                                      std::string(kFix) + ", with a body in UTF-8");
}

}  // namespace slipway::records
