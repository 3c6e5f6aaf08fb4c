// grpc.health.v1.Health: is the server, a service or a model ready to answer?
// Source: grpc/grpc doc/health-checking.md.
#include <memory>
#include <optional>
#include <utility>

#include "contracts/dialect/dialect.h"
#include "grpc/call.h"
#include "grpc/stream_call.h"
#include "plugins/dialects/grpc_health/descriptor.h"
#include "plugins/dialects/grpc_health/statuses.h"
#include "plugins/dialects/grpc_health/watchers.h"
#include "protobuf/reader.h"
#include "protobuf/writer.h"

namespace slipway {
namespace grpc_health {
namespace {

using dialect::Exchange;
using dialect::Method;

enum RouteId : int { kCheck, kList, kWatch };

Result<std::string> asked_service(ByteView message) {
  std::string service;
  protobuf::Reader reader(message);
  for (protobuf::Field field; reader.next(field);) {
    if (field.is_bytes(1)) service = field.text();
  }
  if (!reader.ok()) return invalid_argument("health.message", "the message is no HealthCheckRequest");
  return service;
}

class HealthDialect final : public dialect::Dialect {
 public:
  explicit HealthDialect(const dialect::Host& host)
      : host_(host),
        watchers_(std::make_shared<Watchers>(host)),
        subscription_(host.server->subscribe([watchers = watchers_] { watchers->tell(); })) {}

  [[nodiscard]] std::string_view name() const override { return "grpc_health"; }

  [[nodiscard]] std::vector<dialect::Route> routes() const override {
    const auto at = [](const char* method, RouteId id) {
      return dialect::Route{Method::kPost, std::string("/grpc.health.v1.Health/") + method,
                            dialect::Reach::kInference, id};
    };
    return {at("Check", kCheck), at("List", kList), at("Watch", kWatch)};
  }

  void handle(int route_id, dialect::PathValues, std::unique_ptr<Exchange> exchange) override {
    if (route_id == kWatch) return watch(std::move(exchange));
    std::optional<grpc::UnaryCall> call = grpc::UnaryCall::begin(std::move(exchange), limits_);
    if (!call) return;
    const Result<ByteView> message = call->message();
    if (!message.ok()) return call->fail(message.error());
    if (route_id == kList) return list(*call);
    check(*call, *message);
  }

  void refuse(const Error& error, std::unique_ptr<Exchange> exchange) override {
    grpc::refuse_plainly(error, *exchange);
  }

  [[nodiscard]] std::vector<std::string> descriptors() const override {
    return {std::string(health_proto())};
  }

 private:
  void check(grpc::UnaryCall& call, ByteView message) {
    const Result<std::string> service = asked_service(message);
    if (!service.ok()) return call.fail(service.error());
    const Serving status = watchers_->statuses().of(*service);
    if (status == Serving::kServiceUnknown) {
      return call.fail(not_found("health.unknown", "no service or model has this name"));
    }
    grpc::OutMessage out;
    write_status(status, out.text());
    call.answer(std::move(out));
  }

  void list(grpc::UnaryCall& call) {
    grpc::OutMessage out;
    protobuf::Writer writer(out.text());
    for (const auto& [service, status] : watchers_->statuses().all()) {
      std::string value;
      write_status(status, value);
      writer.message(1, [&](protobuf::Writer& entry) {
        entry.text(1, service);
        entry.text(2, value);
      });
    }
    call.answer(std::move(out));
  }

  void watch(std::unique_ptr<Exchange> exchange) {
    const auto call = grpc::StreamCall::begin(std::move(exchange), limits_, *host_.clock);
    if (call == nullptr) return;
    call->next([this, call](grpc::StreamCall::Next next) {
      if (!next.ok()) return;
      if (!next->has_value()) {
        return call->finish(unimplemented("grpc.cardinality", "the method takes exactly one message"));
      }
      Result<std::string> service = asked_service((*next)->bytes());
      if (!service.ok()) return call->finish(service.error());
      watchers_->add(call, std::move(*service));
    });
  }

  const dialect::Host host_;
  const grpc::Limits limits_;
  const std::shared_ptr<Watchers> watchers_;
  const std::shared_ptr<void> subscription_;
};

}  // namespace
}  // namespace grpc_health

std::unique_ptr<dialect::Dialect> make_dialect_grpc_health(const dialect::Host& host);
std::unique_ptr<dialect::Dialect> make_dialect_grpc_health(const dialect::Host& host) {
  return std::make_unique<grpc_health::HealthDialect>(host);
}

}  // namespace slipway
