#include "plugins/dialects/openinference/infer.h"

#include <array>
#include <string>
#include <utility>

#include "contracts/dialect/refusal.h"
#include "contracts/dialect/server_timing.h"
#include "openinference/words.h"
#include "plugins/dialects/openinference/decode.h"
#include "plugins/dialects/openinference/encode.h"
#include "plugins/dialects/openinference/wire.h"

namespace slipway::openinference {
namespace {

using dialect::Exchange;
using dialect::Header;
using dialect::Host;
using dialect::ModelLease;

constexpr std::string_view kJsonSizeHeader = "inference-header-content-length";

void respond(Encoded encoded, const infer::Timings& timings, Exchange& exchange) {
  if (!encoded.json_size) return respond_timed(std::move(encoded.body), timings, exchange);
  const dialect::ServerTiming timing(timings);
  const std::string size = std::to_string(*encoded.json_size);
  const std::array<Header, 3> headers = {{{"Content-Type", "application/octet-stream"},
                                          {"Inference-Header-Content-Length", size},
                                          {dialect::ServerTiming::kHeader, timing.text()}}};
  exchange.respond(200, headers, std::move(encoded.body));
}

Result<Decoded> receive(const Host& host, const dialect::ServedModel& model, const Exchange& exchange) {
  SLIPWAY_ASSIGN_OR_RETURN(const dialect::Wishes wishes, dialect::read_wishes(exchange));
  SLIPWAY_ASSIGN_OR_RETURN(Decoded decoded, decode(exchange.body(), exchange.header(kJsonSizeHeader),
                                                   {model.signature(), host.limits,
                                                    exchange.local() ? host.shared_memory : nullptr}));
  if (!decoded.wishes.timeout) decoded.wishes.timeout = wishes.timeout;
  if (decoded.wishes.priority == 0) decoded.wishes.priority = wishes.priority;
  return decoded;
}

/// One request while the model runs.
class InferCall final : public dialect::ExchangeCall {
 public:
  InferCall(const Host& host, ModelLease model, Decoded decoded, std::unique_ptr<Exchange> exchange,
            Duration parse)
      : ExchangeCall(std::move(exchange)),
        host_(host),
        model_(std::move(model)),
        decoded_(std::move(decoded)),
        parse_(parse) {
    if (decoded_.id) request.id = *decoded_.id;
    request.inputs = std::move(decoded_.inputs);
    request.requested_outputs.reserve(decoded_.outputs.size());
    for (const OutputForm& output : decoded_.outputs) request.requested_outputs.push_back(output.name);
    decoded_.wishes.put_into(request);
  }

  void done(Result<infer::Response> response) override {
    dialect::RequestRecord record;
    record.model = model_.get();
    record.rows = count_rows(model_->signature(), request);
    record.client = exchange().peer();
    record.timings = response.ok() ? response->timings : spent;
    record.timings.receive = receive_time();
    record.timings.parse = parse_;
    if (response.ok()) {
      const MonoTime begin = host_.clock->now();
      Result<Encoded> encoded = encode(*model_, response->outputs, form());
      record.timings.encode = host_.clock->now() - begin;
      if (encoded.ok()) {
        respond(std::move(encoded).value(), record.timings, exchange());
      } else {
        record.code = encoded.code();
        respond_error(encoded.error(), record.timings, exchange());
      }
    } else {
      record.code = response.code();
      respond_error(response.error(), record.timings, exchange());
    }
    host_.server->observe(kDialectName, record);
  }

 private:
  [[nodiscard]] AnswerForm form() const {
    AnswerForm form{{}, decoded_.outputs, decoded_.binary_output};
    if (decoded_.id) form.id = *decoded_.id;
    return form;
  }

  const Host& host_;
  ModelLease model_;
  Decoded decoded_;
  Duration parse_;
};

void refuse(const Error& error, Duration parse, dialect::RequestRecord& record, Exchange& exchange) {
  dialect::note_refused(error, parse, exchange, record);
  respond_error(error, record.timings, exchange);
}

void answer(const Host& host, const Result<ModelLease>& model, std::unique_ptr<Exchange> exchange) {
  const MonoTime begin = host.clock->now();
  dialect::RequestRecord record;
  if (model.ok()) {
    Result<Decoded> decoded = receive(host, **model, *exchange);
    const Duration parse = host.clock->now() - begin;
    if (decoded.ok()) {
      auto call =
          std::make_unique<InferCall>(host, *model, std::move(decoded).value(), std::move(exchange), parse);
      return host.server->infer(*model, std::move(call));
    }
    record.model = model->get();
    refuse(decoded.error(), parse, record, *exchange);
  } else {
    refuse(model.error(), Duration{}, record, *exchange);
  }
  host.server->observe(kDialectName, record);
}

}  // namespace

void infer(const Host& host, std::string_view name, std::string_view version,
           std::unique_ptr<Exchange> exchange) {
  dialect::with_model(*host.server, name, version, std::move(exchange),
                      [&host](const Result<ModelLease>& model, std::unique_ptr<Exchange> asked) {
                        answer(host, model, std::move(asked));
                      });
}

}  // namespace slipway::openinference
