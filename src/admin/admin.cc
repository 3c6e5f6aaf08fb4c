#include "admin/admin.h"

#include <utility>

#include "json/json.h"
#include "json/writer.h"

namespace slipway::admin {
namespace {

using dialect::Exchange;
using dialect::Method;

enum RouteId : int { kMetrics, kLive, kReady, kModels, kLoad, kUnload, kSetLabel, kDropLabel };

void respond_json(Exchange& exchange, int status, std::string body) {
  const dialect::Header headers[] = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
  exchange.respond(status, headers, std::move(body));
}

std::string error_body(const Error& error) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  writer.key("error");
  writer.begin_object();
  writer.field("code", code_name(error.code()));
  writer.field("id", error.id());
  writer.field("message", error.to_string());
  writer.end_object();
  writer.end_object();
  return body;
}

std::string flag_body(std::string_view name, bool value) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  writer.field(name, value);
  writer.end_object();
  return body;
}

class Admin final : public dialect::Dialect {
 public:
  explicit Admin(Options options) : options_(std::move(options)) {}

  std::string_view name() const override { return "admin"; }

  std::vector<dialect::Route> routes() const override {
    using dialect::Reach;
    return {{Method::kGet, "/metrics", Reach::kControl, kMetrics},
            {Method::kGet, "/health/live", Reach::kControl, kLive},
            {Method::kGet, "/health/ready", Reach::kControl, kReady},
            {Method::kGet, "/control/v1/models", Reach::kControl, kModels},
            {Method::kPost, "/control/v1/models/{name}/load", Reach::kControl, kLoad},
            {Method::kPost, "/control/v1/models/{name}/unload", Reach::kControl, kUnload},
            {Method::kPut, "/control/v1/models/{name}/labels/{label}", Reach::kControl, kSetLabel},
            {Method::kDelete, "/control/v1/models/{name}/labels/{label}", Reach::kControl, kDropLabel}};
  }

  void handle(int route_id, dialect::PathValues values, std::unique_ptr<Exchange> exchange) override {
    switch (route_id) {
      case kMetrics: {
        const dialect::Header type{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"};
        exchange->respond(200, {&type, 1}, options_.render_metrics());
        return;
      }
      case kLive:
        respond_json(*exchange, 200, flag_body("live", true));
        return;
      case kReady: {
        const bool ready = options_.server->ready();
        respond_json(*exchange, ready ? 200 : 503, flag_body("ready", ready));
        return;
      }
      case kModels:
        respond_json(*exchange, 200, models_body());
        return;
      case kLoad:
        options_.server->load(std::string(values[0]), answer_later(std::move(exchange)));
        return;
      case kUnload:
        options_.server->unload(std::string(values[0]), answer_later(std::move(exchange)));
        return;
      case kSetLabel: {
        auto version = read_version(*exchange);
        if (!version.ok()) return refuse(version.error(), std::move(exchange));
        options_.server->set_label(std::string(values[0]), std::string(values[1]), std::move(*version),
                                   answer_later(std::move(exchange)));
        return;
      }
      case kDropLabel:
        options_.server->set_label(std::string(values[0]), std::string(values[1]), "",
                                   answer_later(std::move(exchange)));
        return;
      default:
        refuse(internal_error("admin.route", "this route has no handler"), std::move(exchange));
    }
  }

  void refuse(const Error& error, std::unique_ptr<Exchange> exchange) override {
    respond_json(*exchange, dialect::http_status(error.code()), error_body(error));
  }

 private:
  static Result<std::string> read_version(const Exchange& exchange) {
    json::Parser parser;
    SLIPWAY_ASSIGN_OR_RETURN(const json::Value body, parser.parse_padded(as_text(exchange.body())));
    const auto version =
        body.is_object() && !body.object().duplicate_key() ? body.find("version") : std::nullopt;
    const auto text = version ? version->as_string() : std::nullopt;
    if (text && !text->empty()) return std::string(*text);
    return invalid_argument("admin.version",
                            "the body is to say which version the label stands for: {\"version\": \"2\"}");
  }

  // std::function wants something that can be copied, so the exchange is shared; it is answered once all the
  // same.
  static std::function<void(Status)> answer_later(std::unique_ptr<Exchange> exchange) {
    return [shared = std::shared_ptr<Exchange>(std::move(exchange))](const Status& status) {
      if (status.ok()) {
        respond_json(*shared, 200, flag_body("done", true));
      } else {
        respond_json(*shared, dialect::http_status(status.code()), error_body(status.error()));
      }
    };
  }

  std::string models_body() const {
    std::string body;
    json::Writer writer(body);
    writer.begin_object();
    writer.field("server", options_.server_version);
    writer.field("ready", options_.server->ready());
    writer.key("models");
    writer.begin_array();
    for (const dialect::ModelStatus& status : options_.server->index()) {
      writer.begin_object();
      writer.field("name", status.name);
      writer.field("version", status.version);
      writer.field("state", dialect::state_name(status.state));
      writer.field("reason", status.reason);
      writer.key("labels");
      writer.begin_array();
      for (const std::string& label : status.labels) writer.string(label);
      writer.end_array();
      writer.end_object();
    }
    writer.end_array();
    writer.end_object();
    return body;
  }

  const Options options_;
};

}  // namespace

std::unique_ptr<dialect::Dialect> make_admin(Options options) {
  return std::make_unique<Admin>(std::move(options));
}

}  // namespace slipway::admin
