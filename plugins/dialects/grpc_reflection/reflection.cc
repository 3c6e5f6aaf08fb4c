// Server reflection: the services of this server and their messages, for clients without .proto files.
// Source: grpc/grpc doc/server-reflection.md.
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "contracts/dialect/dialect.h"
#include "grpc/call.h"
#include "grpc/descriptors.h"
#include "grpc/stream_call.h"
#include "plugins/dialects/grpc_reflection/answer.h"
#include "plugins/dialects/grpc_reflection/descriptor.h"

namespace slipway {
namespace grpc_reflection {
namespace {

using dialect::Exchange;
using Call = std::shared_ptr<grpc::StreamCall>;

class ReflectionDialect final : public dialect::Dialect {
 public:
  explicit ReflectionDialect(const dialect::Host& host) : host_(host) {
    limits_.max_message_bytes = std::size_t{64} << 10U;
  }

  [[nodiscard]] std::string_view name() const override { return "grpc_reflection"; }

  [[nodiscard]] std::vector<dialect::Route> routes() const override {
    const auto of = [](const char* version) {
      return dialect::Route{
          .method = dialect::Method::kPost,
          .pattern = "/grpc.reflection." + std::string(version) + ".ServerReflection/ServerReflectionInfo",
          .streaming = true};
    };
    return {of("v1"), of("v1alpha")};
  }

  void handle(int, dialect::PathValues, std::unique_ptr<Exchange> exchange) override {
    if (const Call call = grpc::StreamCall::begin(std::move(exchange), limits_, *host_.clock))
      answer_next(call);
  }

  void refuse(const Error& error, std::unique_ptr<Exchange> exchange) override {
    grpc::refuse_plainly(error, *exchange);
  }

  [[nodiscard]] std::vector<std::string> descriptors() const override {
    return {std::string(reflection_v1_proto()), std::string(reflection_v1alpha_proto())};
  }

 private:
  // Of all dialects, which are not all made yet when this one is.
  const Result<grpc::Descriptors>& index() {
    std::call_once(indexed_, [this] {
      index_ = grpc::Descriptors::create(host_.descriptors ? host_.descriptors() : descriptors());
    });
    return index_;
  }

  void answer_next(const Call& call) {
    call->next([this, call](grpc::StreamCall::Next next) {
      if (!next.ok()) return;
      if (!next->has_value()) return call->finish({});
      if (!index().ok()) return call->finish(index().error());
      grpc::OutMessage out;
      if (const Status done = answer((*next)->bytes(), *index(), out.text()); !done.ok()) {
        return call->finish(done);
      }
      call->write(std::move(out));
      call->on_room([this, call] { answer_next(call); });
    });
  }

  const dialect::Host host_;
  grpc::Limits limits_;
  std::once_flag indexed_;
  Result<grpc::Descriptors> index_ = grpc::Descriptors();  ///< set once
};

}  // namespace
}  // namespace grpc_reflection

std::unique_ptr<dialect::Dialect> make_dialect_grpc_reflection(const dialect::Host& host);
std::unique_ptr<dialect::Dialect> make_dialect_grpc_reflection(const dialect::Host& host) {
  return std::make_unique<grpc_reflection::ReflectionDialect>(host);
}

}  // namespace slipway
