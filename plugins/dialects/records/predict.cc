#include "plugins/dialects/records/predict.h"

#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "contracts/dialect/refusal.h"
#include "contracts/dialect/wishes.h"
#include "json/json.h"
#include "json/writer.h"
#include "plugins/dialects/records/wire.h"

namespace slipway::records {
namespace {

using dialect::Exchange;
using dialect::Host;
using dialect::ModelLease;

/// The array behind "records", the only key there is.
Result<json::Value> find_records(const json::Value& body) {
  static constexpr std::string_view kForm = R"(send {"records": [{...}, ...]})";
  if (!body.is_object()) {
    return invalid_argument("predict.body", "the body is " + std::string(json::type_name(body.type())) +
                                                ": " + std::string(kForm));
  }
  std::optional<json::Value> records;
  for (const json::Member member : body.object()) {
    if (member.key != "records") {
      return invalid_argument("predict.body", "the body has the unknown key \"" + printable(member.key) +
                                                  "\": " + std::string(kForm));
    }
    if (records) return invalid_argument("predict.body", "the body has the key \"records\" twice");
    records = member.value;
  }
  if (!records) return invalid_argument("predict.body", "the body has no \"records\": " + std::string(kForm));
  if (!records->is_array()) {
    return invalid_argument(
        "predict.body",
        "\"records\" is " + std::string(json::type_name(records->type())) + ": " + std::string(kForm));
  }
  return *records;
}

struct Asked {
  function::Batch batch;
  dialect::Wishes wishes;
};

/// One request while the model runs.
class PredictCall final : public dialect::ExchangeCall {
 public:
  PredictCall(const Host& host, ModelLease model, Asked asked, std::unique_ptr<Exchange> exchange,
              Duration parse)
      : ExchangeCall(std::move(exchange)),
        host_(host),
        model_(std::move(model)),
        batch_(std::move(asked.batch)),
        parse_(parse) {
    asked.wishes.put_into(request);
    request.inputs.reserve(batch_.inputs.size());
    for (const NamedTensor& input : batch_.inputs)
      request.inputs.push_back({input.name, input.tensor.view()});
    const auto outputs = model_->function().needed_outputs();
    request.requested_outputs.assign(outputs.begin(), outputs.end());
  }

  void done(Result<infer::Response> response) override {
    dialect::RequestRecord record;
    record.model = model_.get();
    record.rows = batch_.rows;
    record.client = exchange().peer();
    record.timings = response.ok() ? response->timings : spent;
    record.timings.receive = receive_time();
    record.timings.parse = parse_;
    if (response.ok()) {
      const MonoTime begin = host_.clock->now();
      Result<std::string> body = encode(*model_, response->outputs, batch_.rows);
      record.timings.encode = host_.clock->now() - begin;
      if (body.ok()) {
        respond_timed(std::move(body).value(), record.timings, exchange());
      } else {
        record.code = body.code();
        respond_error(body.error(), record.timings, exchange());
      }
    } else {
      record.code = response.code();
      respond_error(response.error(), record.timings, exchange());
    }
    host_.server->observe(kDialectName, record);
  }

 private:
  const Host& host_;
  ModelLease model_;
  function::Batch batch_;
  Duration parse_;
};

Result<Asked> receive(const Host& host, const dialect::ServedModel& model, const Exchange& exchange) {
  SLIPWAY_TRY(check_content_type(exchange));
  SLIPWAY_ASSIGN_OR_RETURN(const dialect::Wishes wishes, dialect::read_wishes(exchange));
  SLIPWAY_ASSIGN_OR_RETURN(function::Batch batch,
                           decode(as_text(exchange.body()), model.function(), host.limits));
  return Asked{std::move(batch), wishes};
}

void refuse(const Error& error, Duration parse, dialect::RequestRecord& record, Exchange& exchange) {
  dialect::note_refused(error, parse, exchange, record);
  respond_error(error, record.timings, exchange);
}

}  // namespace

Result<function::Batch> decode(std::string_view body, const function::Function& function,
                               const dialect::Limits& limits) {
  // A parser keeps the memory of its last document; one per thread serves all requests of that thread.
  thread_local json::Parser parser;
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value document, parser.parse_padded(body));
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value records, find_records(document));
  const std::size_t count = records.array().size();
  if (count > limits.max_records) {
    return invalid_argument("predict.too_many_records",
                            std::to_string(count) + " records are more than the " +
                                std::to_string(limits.max_records) +
                                " that one request may hold: send several requests");
  }
  return function.before(records, limits.max_tensor_bytes);
}

Result<std::string> encode(const dialect::ServedModel& model, std::span<const NamedTensorView> outputs,
                           std::size_t rows) {
  constexpr std::size_t kFrameBytes = 192;
  constexpr std::size_t kFieldBytes = 32;
  std::string body;
  body.reserve(kFrameBytes + rows * model.function().answers().size() * kFieldBytes);
  json::Writer out(body);
  out.begin_object();
  out.field("model", std::string_view(model.name()));
  out.field("version", std::string_view(model.version()));
  out.key("digest");
  if (model.digest().empty()) {
    out.null();
  } else {
    out.string(model.digest());
  }
  out.key("predictions");
  out.begin_array();
  SLIPWAY_TRY(model.function().after(outputs, rows, out));
  out.end_array();
  out.end_object();
  return body;
}

namespace {

void answer(const Host& host, const Result<ModelLease>& model, std::unique_ptr<Exchange> exchange) {
  const MonoTime begin = host.clock->now();
  dialect::RequestRecord record;
  if (model.ok()) {
    Result<Asked> asked = receive(host, **model, *exchange);
    const Duration parse = host.clock->now() - begin;
    if (asked.ok()) {
      auto call =
          std::make_unique<PredictCall>(host, *model, std::move(asked).value(), std::move(exchange), parse);
      return host.server->infer(*model, std::move(call));
    }
    record.model = model->get();
    refuse(asked.error(), parse, record, *exchange);
  } else {
    refuse(model.error(), Duration{}, record, *exchange);
  }
  host.server->observe(kDialectName, record);
}

}  // namespace

void predict(const Host& host, std::string_view name, std::string_view version,
             std::unique_ptr<Exchange> exchange) {
  dialect::with_model(*host.server, name, version, std::move(exchange),
                      [&host](const Result<ModelLease>& model, std::unique_ptr<Exchange> asked) {
                        answer(host, model, std::move(asked));
                      });
}

}  // namespace slipway::records
