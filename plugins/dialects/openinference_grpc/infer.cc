#include "plugins/dialects/openinference_grpc/infer.h"

#include <array>
#include <utility>

#include "contracts/dialect/server_timing.h"
#include "grpc/call.h"
#include "plugins/dialects/openinference_grpc/encode.h"
#include "plugins/dialects/openinference_grpc/infer_call.h"

namespace slipway::openinference_grpc {
namespace {

class UnaryInferCall final : public InferCall {
 public:
  UnaryInferCall(const dialect::Host& host, grpc::UnaryCall call) : InferCall(host), call_(std::move(call)) {}

  [[nodiscard]] grpc::UnaryCall& call() { return call_; }

  [[nodiscard]] bool gone() const override { return call_.gone(); }

 private:
  Status write(const Answer& answer, std::string& out) override { return write_answer(answer, out); }

  void send(grpc::OutMessage message, const infer::Timings& timings) override {
    const dialect::ServerTiming timing(timings);
    const std::array<dialect::Header, 1> metadata = {{{"server-timing", timing.text()}}};
    call_.answer(std::move(message), metadata);
  }

  void refuse(const Error& error, const infer::Timings& timings) override {
    const dialect::ServerTiming timing(timings);
    const std::array<dialect::Header, 1> metadata = {{{"server-timing", timing.text()}}};
    call_.fail(error, metadata);
  }

  [[nodiscard]] Duration receive_time() const override { return call_.received() - call_.exchange().begun(); }
  [[nodiscard]] const dialect::PeerIdentity* peer() const override { return call_.exchange().peer(); }
  [[nodiscard]] bool local() const override { return call_.exchange().local(); }

  grpc::UnaryCall call_;
};

}  // namespace

void infer(const dialect::Host& host, const grpc::Limits& limits,
           std::unique_ptr<dialect::Exchange> exchange) {
  auto begun = grpc::UnaryCall::begin(std::move(exchange), limits);
  if (!begun) return;
  auto call = std::make_unique<UnaryInferCall>(host, std::move(*begun));
  grpc::UnaryCall& wire = call->call();
  const Result<ByteView> message = wire.message();
  if (!message.ok()) return InferCall::run_refused(std::move(call), message.error());
  const MonoTime received = wire.received();
  const MonoTime deadline = wire.deadline();
  InferCall::run(std::move(call), *message, received, deadline);
}

}  // namespace slipway::openinference_grpc
