#include "plugins/dialects/openinference/repository.h"

#include <functional>
#include <string>
#include <utility>

#include "base/text.h"
#include "json/json.h"
#include "json/writer.h"
#include "openinference/facts.h"
#include "plugins/dialects/openinference/fields.h"
#include "plugins/dialects/openinference/metadata.h"
#include "plugins/dialects/openinference/wire.h"

namespace slipway::openinference {
namespace {

using dialect::Exchange;

/// Reads the optional body; an empty one is an empty object. Borrows: parser.
Result<Fields> read_body(const Exchange& exchange, json::Parser& parser) {
  const std::string_view body = as_text(exchange.body());
  const auto document = body.empty() ? parser.parse("{}") : parser.parse_padded(body);
  if (!document.ok()) return document.error();
  return Fields::of(*document, "the request");
}

Result<bool> wants_ready_only(const Exchange& exchange) {
  json::Parser parser;
  SLIPWAY_ASSIGN_OR_RETURN(const Fields fields, read_body(exchange, parser));
  const auto ready = fields.find("ready");
  if (!ready) return false;
  const auto flag = ready->as_bool();
  if (!flag) return invalid_argument("v2.body", "the request: \"ready\" is to be true or false");
  return *flag;
}

Status check_load(const Exchange& exchange) {
  json::Parser parser;
  SLIPWAY_ASSIGN_OR_RETURN(const Fields fields, read_body(exchange, parser));
  SLIPWAY_ASSIGN_OR_RETURN(const Parameters parameters, Parameters::of(fields));
  for (const std::string_view key : parameters.keys()) SLIPWAY_TRY(check_load_parameter(key));
  return {};
}

/// Answers when the server is done. The exchange is shared because std::function asks for copies.
std::function<void(Status)> answer_with(std::string_view what, std::string name,
                                        std::unique_ptr<Exchange> exchange) {
  return [what, name = std::move(name),
          shared = std::shared_ptr<Exchange>(std::move(exchange))](const Status& status) {
    if (!status.ok()) return respond_error(status.error(), *shared);
    std::string body;
    json::Writer out(body);
    out.begin_object();
    out.field("name", std::string_view(name));
    out.field(what, true);
    out.end_object();
    respond_json(200, std::move(body), *shared);
  };
}

}  // namespace

void repository_index(const dialect::Host& host, Exchange& exchange) {
  const auto only_ready = wants_ready_only(exchange);
  if (!only_ready.ok()) return respond_error(only_ready.error(), exchange);
  respond_json(200, repository_index(openinference::repository_index(*host.server, *only_ready)), exchange);
}

void load_model(const dialect::Host& host, std::string_view name, std::unique_ptr<Exchange> exchange) {
  if (auto status = check_load(*exchange); !status.ok()) return respond_error(status.error(), *exchange);
  std::string model(name);
  auto done = answer_with("load", model, std::move(exchange));
  host.server->load(std::move(model), std::move(done));
}

void unload_model(const dialect::Host& host, std::string_view name, std::unique_ptr<Exchange> exchange) {
  if (auto status = check_load(*exchange); !status.ok()) return respond_error(status.error(), *exchange);
  std::string model(name);
  auto done = answer_with("unload", model, std::move(exchange));
  host.server->unload(std::move(model), std::move(done));
}

}  // namespace slipway::openinference
