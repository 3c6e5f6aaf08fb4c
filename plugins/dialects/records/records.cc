// Slipway's own plain dialect: records in, predictions out, in the user's words.
#include <array>
#include <memory>

#include "contracts/dialect/server_timing.h"
#include "contracts/dialect/wishes.h"
#include "plugins/dialects/records/describe.h"
#include "plugins/dialects/records/page.h"
#include "plugins/dialects/records/predict.h"
#include "plugins/dialects/records/wire.h"

namespace slipway {
namespace records {
namespace {

using dialect::Exchange;
using dialect::Header;
using dialect::Method;

enum RouteId : int { kPage, kOpenApi, kList, kDescribe, kDescribeVersion, kPredict, kPredictVersion };

class RecordsDialect final : public dialect::Dialect {
 public:
  explicit RecordsDialect(const dialect::Host& host) : host_(host) {}

  [[nodiscard]] std::string_view name() const override { return kDialectName; }

  [[nodiscard]] std::vector<dialect::Route> routes() const override {
    const auto at = [](Method method, std::string pattern, RouteId id) {
      return dialect::Route{method, std::move(pattern), dialect::Reach::kInference, id};
    };
    return {at(Method::kGet, "/", kPage),
            at(Method::kGet, "/openapi.json", kOpenApi),
            at(Method::kGet, "/predict", kList),
            at(Method::kGet, "/predict/{name}", kDescribe),
            at(Method::kGet, "/predict/{name}/versions/{version}", kDescribeVersion),
            at(Method::kPost, "/predict/{name}", kPredict),
            at(Method::kPost, "/predict/{name}/versions/{version}", kPredictVersion)};
  }

  void handle(int route_id, dialect::PathValues values, std::unique_ptr<Exchange> exchange) override {
    switch (route_id) {
      case kPredict:
        return predict(host_, values[0], {}, std::move(exchange));
      case kPredictVersion:
        return predict(host_, values[0], values[1], std::move(exchange));
      case kDescribe:
        return describe(values[0], {}, std::move(exchange));
      case kDescribeVersion:
        return describe(values[0], values[1], std::move(exchange));
      case kList:
        return respond_json(list_deployments(*host_.server), *exchange);
      case kOpenApi:
        return respond_json(openapi(*host_.server, host_.server_version), *exchange);
      case kPage:
        return page(*exchange);
      default:
        return respond_error(internal_error("predict.route", "no such route"), *exchange);
    }
  }

  void refuse(const Error& error, std::unique_ptr<Exchange> exchange) override {
    respond_error(error, dialect::timings_of_refused(*exchange), *exchange);
  }

 private:
  void describe(std::string_view name, std::string_view version, std::unique_ptr<Exchange> exchange) {
    dialect::with_model(
        *host_.server, name, version, std::move(exchange),
        [this](const Result<dialect::ModelLease>& model, const std::unique_ptr<Exchange>& asked) {
          if (!model.ok()) return respond_error(model.error(), *asked);
          const auto versions = host_.server->versions((*model)->name());
          if (!versions.ok()) return respond_error(versions.error(), *asked);
          respond_json(describe_deployment(**model, *versions), *asked);
        });
  }

  static void page(Exchange& exchange) {
    const std::array<Header, 5> headers = {{{"Content-Type", "text/html; charset=utf-8"},
                                            {"Content-Security-Policy", page_policy()},
                                            {"X-Content-Type-Options", "nosniff"},
                                            {"Referrer-Policy", "no-referrer"},
                                            {"Cache-Control", "no-cache"}}};
    exchange.respond(200, headers, std::string(page_html()));
  }

  dialect::Host host_;
};

}  // namespace
}  // namespace records

std::unique_ptr<dialect::Dialect> make_dialect_records(const dialect::Host& host);
std::unique_ptr<dialect::Dialect> make_dialect_records(const dialect::Host& host) {
  return std::make_unique<records::RecordsDialect>(host);
}

}  // namespace slipway
