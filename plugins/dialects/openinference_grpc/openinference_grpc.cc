// The v2 protocol over gRPC: inference.GRPCInferenceService.
// Source: Open Inference Protocol, open_inference_grpc.proto; Triton's extensions of it.
#include <memory>
#include <string>
#include <utility>

#include "grpc/call.h"
#include "plugins/dialects/openinference_grpc/descriptor.h"
#include "plugins/dialects/openinference_grpc/facts_calls.h"
#include "plugins/dialects/openinference_grpc/infer.h"
#include "plugins/dialects/openinference_grpc/infer_call.h"
#include "plugins/dialects/openinference_grpc/shared_memory_calls.h"

namespace slipway {
namespace openinference_grpc {
namespace {

using dialect::Exchange;
using dialect::Reach;

// The numbers from kFacts on are those of FactsCall, those from kSharedMemory on are those of
// SharedMemoryCall.
enum RouteId : int {
  kInfer,
  kStreamInfer,
  kLoad,
  kUnload,
  kLogging,
  kSharedMemory,
  kFacts = kSharedMemory + 3
};

dialect::Route route(std::string_view method, int id, Reach reach = Reach::kInference) {
  return {dialect::Method::kPost, "/inference.GRPCInferenceService/" + std::string(method), reach, id};
}

dialect::Route route(std::string_view method, FactsCall call) {
  return route(method, kFacts + static_cast<int>(call));
}

/// Memory is shared on one machine only.
dialect::Route route(std::string_view method, SharedMemoryCall call) {
  return route(method, kSharedMemory + static_cast<int>(call), Reach::kControl);
}

class OpenInferenceGrpcDialect final : public dialect::Dialect {
 public:
  /// A message holds its tensors and little else, so it may be as large as a tensor.
  explicit OpenInferenceGrpcDialect(const dialect::Host& host)
      : host_(host), limits_({.max_message_bytes = host.limits.max_tensor_bytes}) {}

  [[nodiscard]] std::string_view name() const override { return kDialectName; }

  [[nodiscard]] std::vector<dialect::Route> routes() const override {
    dialect::Route stream = route("ModelStreamInfer", kStreamInfer);
    stream.streaming = true;
    return {route("ModelInfer", kInfer),
            std::move(stream),
            route("RepositoryModelLoad", kLoad, Reach::kControl),
            route("RepositoryModelUnload", kUnload, Reach::kControl),
            route("LogSettings", kLogging, Reach::kControl),
            route("ServerLive", FactsCall::kServerLive),
            route("ServerReady", FactsCall::kServerReady),
            route("ServerMetadata", FactsCall::kServerMetadata),
            route("ModelReady", FactsCall::kModelReady),
            route("ModelMetadata", FactsCall::kModelMetadata),
            route("ModelConfig", FactsCall::kModelConfig),
            route("ModelStatistics", FactsCall::kModelStatistics),
            route("RepositoryIndex", FactsCall::kRepositoryIndex),
            route("SystemSharedMemoryStatus", SharedMemoryCall::kStatus),
            route("SystemSharedMemoryRegister", SharedMemoryCall::kRegister),
            route("SystemSharedMemoryUnregister", SharedMemoryCall::kUnregister)};
  }

  void handle(int route_id, dialect::PathValues, std::unique_ptr<Exchange> exchange) override {
    switch (route_id) {
      case kInfer:
        return infer(host_, limits_, std::move(exchange));
      case kStreamInfer:
        return stream_infer(host_, limits_, std::move(exchange));
      case kLoad:
        return load_model(host_, limits_, std::move(exchange));
      case kUnload:
        return unload_model(host_, limits_, std::move(exchange));
      case kLogging:
        return log_settings(host_, limits_, std::move(exchange));
      default:
        break;
    }
    if (route_id >= kSharedMemory && route_id < kFacts) {
      return answer_shared_memory(static_cast<SharedMemoryCall>(route_id - kSharedMemory), host_, limits_,
                                  std::move(exchange));
    }
    const int facts = route_id - kFacts;
    if (facts < 0 || facts > static_cast<int>(FactsCall::kRepositoryIndex))
      return grpc::refuse(internal_error("v2.route", "no such route"), *exchange);
    answer_facts(static_cast<FactsCall>(facts), host_, limits_, std::move(exchange));
  }

  void refuse(const Error& error, std::unique_ptr<Exchange> exchange) override {
    grpc::refuse(error, *exchange);
  }

  [[nodiscard]] std::vector<std::string> descriptors() const override {
    return {std::string(openinference_proto())};
  }

 private:
  const dialect::Host host_;
  const grpc::Limits limits_;
};

}  // namespace
}  // namespace openinference_grpc

std::unique_ptr<dialect::Dialect> make_dialect_openinference_grpc(const dialect::Host& host);
std::unique_ptr<dialect::Dialect> make_dialect_openinference_grpc(const dialect::Host& host) {
  return std::make_unique<openinference_grpc::OpenInferenceGrpcDialect>(host);
}

}  // namespace slipway
