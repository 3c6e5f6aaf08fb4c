#include "plugins/dialects/openinference_grpc/facts_calls.h"

#include <functional>
#include <string>
#include <utility>

#include "contracts/dialect/wishes.h"
#include "grpc/call.h"
#include "openinference/facts.h"
#include "plugins/dialects/openinference_grpc/facts.h"
#include "plugins/dialects/openinference_grpc/parameter.h"
#include "protobuf/reader.h"

namespace slipway::openinference_grpc {
namespace {

using dialect::Host;
using protobuf::Field;

/// The fields that the small requests have between them.
struct SmallRequest {
  std::string_view first;   ///< text of field 1: a name, or the repository's
  std::string_view second;  ///< text of field 2: a version, or a model's name
  bool flag = false;        ///< varint of field 2
};

/// `check_parameter` is given each entry of field 3.
template <typename Check>
Result<SmallRequest> read_request(ByteView message, Check&& check_parameter) {
  SmallRequest request;
  protobuf::Reader fields(message);
  Field field;
  while (fields.next(field)) {
    if (field.is_bytes(1)) request.first = field.text();
    if (field.is_bytes(2)) request.second = field.text();
    if (field.is_varint(2)) request.flag = field.value != 0;
    if (field.is_bytes(3)) SLIPWAY_TRY(check_parameter(field.bytes));
  }
  if (!fields.ok()) return invalid_argument("v2.message", "the request is no protobuf message");
  return request;
}

Status leave_alone(ByteView) { return {}; }

Status check_load_entry(ByteView entry) {
  SLIPWAY_ASSIGN_OR_RETURN(const Parameter parameter, read_parameter(entry));
  return openinference::check_load_parameter(parameter.key);
}

Status describe(FactsCall kind, const Host& host, const Result<dialect::ModelLease>& model,
                std::string& out) {
  if (!model.ok()) return model.error();
  if (kind == FactsCall::kModelConfig) return write_model_config(**model, out), Status();
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<std::string> versions, host.server->versions((*model)->name()));
  write_model_metadata(**model, versions, out);
  return {};
}

Status statistics(const Host& host, const SmallRequest& request, std::string& out) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<dialect::ModelLease> models,
                           openinference::models_to_tell_of(*host.server, request.first, request.second));
  write_statistics(models, out);
  return {};
}

Status index(const Host& host, const SmallRequest& request, std::string& out) {
  if (!request.first.empty()) return openinference::no_repository_names();
  write_index(openinference::repository_index(*host.server, request.flag), out);
  return {};
}

// A model that is loaded when it is asked for is ready for whoever asks.
bool model_ready(const Host& host, const SmallRequest& request) {
  const auto model = host.server->find(request.first, request.second);
  return model.ok() || model.error().id() == dialect::kOnDemand;
}

Status write_facts(FactsCall kind, const Host& host, const SmallRequest& request, std::string& out) {
  switch (kind) {
    case FactsCall::kServerLive:
      return write_flag(true, out), Status();
    case FactsCall::kServerReady:
      return write_flag(host.server->ready(), out), Status();
    case FactsCall::kServerMetadata:
      return write_server_metadata(host.server_version, host.shared_memory != nullptr, out), Status();
    case FactsCall::kModelReady:  // as Triton: nobody's model is not ready
      return write_flag(model_ready(host, request), out), Status();
    case FactsCall::kModelMetadata:
    case FactsCall::kModelConfig:
      break;  // they wait for the model
    case FactsCall::kModelStatistics:
      return statistics(host, request, out);
    case FactsCall::kRepositoryIndex:
      return index(host, request, out);
  }
  return internal_error("v2.call", "no such call");
}

void finish(const Status& written, grpc::OutMessage out, grpc::UnaryCall& call) {
  written.ok() ? call.answer(std::move(out)) : call.fail(written.error());
}

/// Begins a change of the model that the request names.
void change(const grpc::Limits& limits, std::unique_ptr<dialect::Exchange> exchange,
            const std::function<void(std::string, std::function<void(Status)>)>& begin) {
  auto begun = grpc::UnaryCall::begin(std::move(exchange), limits);
  if (!begun) return;
  // std::function asks for what can be copied.
  const auto call = std::make_shared<grpc::UnaryCall>(std::move(*begun));
  const Result<ByteView> message = call->message();
  if (!message.ok()) return call->fail(message.error());
  const Result<SmallRequest> request = read_request(*message, check_load_entry);
  if (!request.ok()) return call->fail(request.error());
  if (!request->first.empty()) return call->fail(openinference::no_repository_names());
  begin(std::string(request->second), [call](const Status& status) {
    if (!status.ok()) return call->fail(status.error());
    call->answer(grpc::OutMessage());
  });
}

}  // namespace

void answer_facts(FactsCall kind, const Host& host, const grpc::Limits& limits,
                  std::unique_ptr<dialect::Exchange> exchange) {
  auto begun = grpc::UnaryCall::begin(std::move(exchange), limits);
  if (!begun) return;
  auto call = std::make_unique<grpc::UnaryCall>(std::move(*begun));
  const Result<ByteView> message = call->message();
  if (!message.ok()) return call->fail(message.error());
  const Result<SmallRequest> request = read_request(*message, leave_alone);
  if (!request.ok()) return call->fail(request.error());
  if (kind != FactsCall::kModelMetadata && kind != FactsCall::kModelConfig) {
    grpc::OutMessage out;
    const Status written = write_facts(kind, host, *request, out.text());
    return finish(written, std::move(out), *call);
  }
  dialect::with_model(
      *host.server, request->first, request->second, std::move(call),
      [kind, &host](const Result<dialect::ModelLease>& model, const std::unique_ptr<grpc::UnaryCall>& asked) {
        grpc::OutMessage described;
        const Status written = describe(kind, host, model, described.text());
        finish(written, std::move(described), *asked);
      });
}

void load_model(const Host& host, const grpc::Limits& limits, std::unique_ptr<dialect::Exchange> exchange) {
  change(limits, std::move(exchange), [&](std::string name, std::function<void(Status)> done) {
    host.server->load(std::move(name), std::move(done));
  });
}

void unload_model(const Host& host, const grpc::Limits& limits, std::unique_ptr<dialect::Exchange> exchange) {
  change(limits, std::move(exchange), [&](std::string name, std::function<void(Status)> done) {
    host.server->unload(std::move(name), std::move(done));
  });
}

}  // namespace slipway::openinference_grpc
