// The v2 REST protocol: Open Inference Protocol, with Triton's binary tensors and model repository.
// Source: Open Inference Protocol, inference_rest.md; Triton docs/protocol.
#include <memory>
#include <string>
#include <utility>

#include "contracts/dialect/server_timing.h"
#include "contracts/dialect/wishes.h"
#include "openinference/facts.h"
#include "plugins/dialects/openinference/infer.h"
#include "plugins/dialects/openinference/logging.h"
#include "plugins/dialects/openinference/metadata.h"
#include "plugins/dialects/openinference/model_facts.h"
#include "plugins/dialects/openinference/repository.h"
#include "plugins/dialects/openinference/shared_memory.h"
#include "plugins/dialects/openinference/wire.h"

namespace slipway {
namespace openinference {
namespace {

using dialect::Exchange;
using dialect::Method;
using dialect::Reach;

enum RouteId : int {
  kServer,
  kLive,
  kReady,
  kModels,
  kModel,
  kModelVersion,
  kModelReady,
  kConfig,
  kConfigVersion,
  kStatistics,
  kStatisticsVersion,
  kAllStatistics,
  kModelVersionReady,
  kInfer,
  kInferVersion,
  kIndex,
  kLoad,
  kUnload,
  kNamedRepository,
  kLogging,
  kUpdateLogging,
  kSharedStatus,
  kSharedStatusAll,
  kSharedRegister,
  kSharedUnregister,
  kSharedUnregisterAll,
};

class OpenInferenceDialect final : public dialect::Dialect {
 public:
  explicit OpenInferenceDialect(const dialect::Host& host) : host_(host) {}

  [[nodiscard]] std::string_view name() const override { return kDialectName; }

  [[nodiscard]] std::vector<dialect::Route> routes() const override {
    const auto get = [](std::string pattern, RouteId id, Reach reach = Reach::kInference) {
      return dialect::Route{Method::kGet, std::move(pattern), reach, id};
    };
    const auto post = [](std::string pattern, RouteId id, Reach reach) {
      return dialect::Route{Method::kPost, std::move(pattern), reach, id};
    };
    return {get("/v2", kServer),
            get("/v2/health/live", kLive),
            get("/v2/health/ready", kReady),
            get("/v2/models", kModels),
            get("/v2/models/{model}", kModel),
            get("/v2/models/{model}/versions/{version}", kModelVersion),
            get("/v2/models/{model}/ready", kModelReady),
            get("/v2/models/{model}/versions/{version}/ready", kModelVersionReady),
            get("/v2/models/{model}/config", kConfig),
            get("/v2/models/{model}/versions/{version}/config", kConfigVersion),
            get("/v2/models/{model}/stats", kStatistics),
            get("/v2/models/{model}/versions/{version}/stats", kStatisticsVersion),
            get("/v2/models/stats", kAllStatistics),
            post("/v2/models/{model}/infer", kInfer, Reach::kInference),
            post("/v2/models/{model}/versions/{version}/infer", kInferVersion, Reach::kInference),
            post("/v2/repository/index", kIndex, Reach::kInference),
            post("/v2/repository/models/{model}/load", kLoad, Reach::kControl),
            post("/v2/repository/models/{model}/unload", kUnload, Reach::kControl),
            post("/v2/repository/{repository}/index", kNamedRepository, Reach::kInference),
            post("/v2/repository/{repository}/models/{model}/load", kNamedRepository, Reach::kControl),
            post("/v2/repository/{repository}/models/{model}/unload", kNamedRepository, Reach::kControl),
            {Method::kGet, "/v2/logging", Reach::kControl, kLogging},
            post("/v2/logging", kUpdateLogging, Reach::kControl),
            get("/v2/systemsharedmemory/status", kSharedStatusAll, Reach::kControl),
            get("/v2/systemsharedmemory/region/{region}/status", kSharedStatus, Reach::kControl),
            post("/v2/systemsharedmemory/region/{region}/register", kSharedRegister, Reach::kControl),
            post("/v2/systemsharedmemory/unregister", kSharedUnregisterAll, Reach::kControl),
            post("/v2/systemsharedmemory/region/{region}/unregister", kSharedUnregister, Reach::kControl)};
  }

  void handle(int route_id, dialect::PathValues values, std::unique_ptr<Exchange> exchange) override {
    switch (route_id) {
      case kInfer:
        return infer(host_, values[0], {}, std::move(exchange));
      case kInferVersion:
        return infer(host_, values[0], values[1], std::move(exchange));
      case kServer:
        return respond_json(200, server_metadata(host_.server_version, host_.shared_memory != nullptr),
                            *exchange);
      case kLive:
        return respond_json(200, health("live", true), *exchange);
      case kReady:
        return ready(*exchange);
      case kModels:
        return respond_json(200, list_models(*host_.server), *exchange);
      case kModel:
        return metadata(values[0], {}, std::move(exchange));
      case kModelVersion:
        return metadata(values[0], values[1], std::move(exchange));
      case kModelReady:
        return model_ready(values[0], {}, *exchange);
      case kModelVersionReady:
        return model_ready(values[0], values[1], *exchange);
      case kConfig:
        return configuration(values[0], {}, std::move(exchange));
      case kConfigVersion:
        return configuration(values[0], values[1], std::move(exchange));
      case kStatistics:
        return statistics(values[0], {}, *exchange);
      case kStatisticsVersion:
        return statistics(values[0], values[1], *exchange);
      case kAllStatistics:
        return statistics({}, {}, *exchange);
      case kIndex:
        return repository_index(host_, *exchange);
      case kLoad:
        return load_model(host_, values[0], std::move(exchange));
      case kUnload:
        return unload_model(host_, values[0], std::move(exchange));
      case kNamedRepository:
        return respond_error(no_repository_names(), *exchange);
      case kLogging:
        return log_settings(host_, *exchange);
      case kUpdateLogging:
        return update_log_settings(host_, *exchange);
      case kSharedStatus:
        return shared_memory_status(host_, values[0], *exchange);
      case kSharedStatusAll:
        return shared_memory_status(host_, {}, *exchange);
      case kSharedRegister:
        return register_shared_memory(host_, values[0], *exchange);
      case kSharedUnregister:
        return unregister_shared_memory(host_, values[0], *exchange);
      case kSharedUnregisterAll:
        return unregister_shared_memory(host_, {}, *exchange);
      default:
        return respond_error(internal_error("v2.route", "no such route"), *exchange);
    }
  }

  void refuse(const Error& error, std::unique_ptr<Exchange> exchange) override {
    respond_error(error, dialect::timings_of_refused(*exchange), *exchange);
  }

 private:
  /// Triton and the clients written for it know 400 for "not ready", not 503.
  static constexpr int kNotReady = 400;

  void ready(Exchange& exchange) {
    const bool ready = host_.server->ready();
    respond_json(ready ? 200 : kNotReady, health("ready", ready), exchange);
  }

  void model_ready(std::string_view name, std::string_view version, Exchange& exchange) {
    const auto model = host_.server->find(name, version);
    if (!model.ok() && model.code() != Code::kUnavailable) return respond_error(model.error(), exchange);
    // A model that is loaded when it is asked for answers whoever asks.
    const bool ready = model.ok() || model.error().id() == dialect::kOnDemand;
    respond_json(ready ? 200 : kNotReady, model_health(name, ready), exchange);
  }

  void configuration(std::string_view name, std::string_view version, std::unique_ptr<Exchange> exchange) {
    dialect::with_model(*host_.server, name, version, std::move(exchange),
                        [](const Result<dialect::ModelLease>& model, const std::unique_ptr<Exchange>& asked) {
                          if (!model.ok()) return respond_error(model.error(), *asked);
                          respond_json(200, model_configuration(**model), *asked);
                        });
  }

  // Without a version: all versions that are ready, as Triton answers.
  void statistics(std::string_view name, std::string_view version, Exchange& exchange) {
    const auto models = models_to_tell_of(*host_.server, name, version);
    if (!models.ok()) return respond_error(models.error(), exchange);
    respond_json(200, model_statistics(*models), exchange);
  }

  void metadata(std::string_view name, std::string_view version, std::unique_ptr<Exchange> exchange) {
    dialect::with_model(
        *host_.server, name, version, std::move(exchange),
        [this](const Result<dialect::ModelLease>& model, const std::unique_ptr<Exchange>& asked) {
          if (!model.ok()) return respond_error(model.error(), *asked);
          const auto versions = host_.server->versions((*model)->name());
          if (!versions.ok()) return respond_error(versions.error(), *asked);
          respond_json(200, model_metadata(**model, *versions), *asked);
        });
  }

  dialect::Host host_;
};

}  // namespace
}  // namespace openinference

std::unique_ptr<dialect::Dialect> make_dialect_openinference(const dialect::Host& host);
std::unique_ptr<dialect::Dialect> make_dialect_openinference(const dialect::Host& host) {
  return std::make_unique<openinference::OpenInferenceDialect>(host);
}

}  // namespace slipway
