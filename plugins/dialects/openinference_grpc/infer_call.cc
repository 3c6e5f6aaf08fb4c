#include "plugins/dialects/openinference_grpc/infer_call.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "contracts/dialect/wishes.h"
#include "openinference/classification.h"
#include "openinference/shared_tensors.h"
#include "openinference/words.h"

namespace slipway::openinference_grpc {

void InferCall::run(std::unique_ptr<InferCall> call, ByteView message, MonoTime received, MonoTime deadline) {
  const dialect::Host& host = call->host_;
  const MonoTime begin = host.clock->now();
  const Status read = call->read(message, received, deadline);
  call->parse_ = host.clock->now() - begin;
  if (!read.ok()) return run_refused(std::move(call), read.error());
  const std::string_view name = call->decoded_.model_name;
  const std::string_view version = call->decoded_.model_version;
  dialect::with_model(*host.server, name, version, std::move(call),
                      [&host](const Result<dialect::ModelLease>& model, std::unique_ptr<InferCall> asked) {
                        if (!model.ok()) return run_refused(std::move(asked), model.error());
                        asked->model_ = *model;
                        host.server->infer(*model, std::move(asked));
                      });
}

void InferCall::run_refused(std::unique_ptr<InferCall> call, const Error& error) {
  dialect::RequestRecord record = call->begin_record();
  call->fail(error, record);
}

dialect::RequestRecord InferCall::begin_record() const {
  dialect::RequestRecord record;
  record.model = model_.get();
  record.client = peer();
  record.timings = spent;
  record.timings.receive = receive_time();
  record.timings.parse = parse_;
  return record;
}

Status InferCall::read(ByteView message, MonoTime received, MonoTime deadline) {
  const Status decoded =
      decode(message, {host_.limits.max_tensor_bytes, local() ? host_.shared_memory : nullptr}, decoded_);
  if (!decoded.ok()) {
    // Also a request that is wrong counts as one for its model.
    auto found = host_.server->find(decoded_.model_name, decoded_.model_version);
    if (found.ok()) model_ = std::move(found).value();
    return decoded;
  }
  request.id = decoded_.id;
  request.inputs = std::move(decoded_.inputs);
  request.requested_outputs.reserve(decoded_.outputs.size());
  for (const openinference::OutputForm& output : decoded_.outputs)
    request.requested_outputs.push_back(output.name);
  request.received = received;
  request.deadline = deadline;
  request.priority = decoded_.priority;
  if (decoded_.timeout && received < MonoTime::max() - *decoded_.timeout)
    request.deadline = std::min(deadline, received + *decoded_.timeout);
  return {};
}

Status InferCall::encode(infer::Response& response, grpc::OutMessage& out) {
  std::vector<Tensor> texts;
  if (openinference::asks_for_classes(decoded_.outputs)) {
    SLIPWAY_TRY(openinference::classify_outputs(*model_, decoded_.outputs, response.outputs, texts));
  }
  SLIPWAY_TRY(openinference::write_shared_outputs(decoded_.outputs, response.outputs));
  return write({*model_, decoded_.id, response.outputs, decoded_.outputs}, out.text());
}

void InferCall::done(Result<infer::Response> response) {
  if (response.ok()) spent = response->timings;
  dialect::RequestRecord record = begin_record();
  record.rows = openinference::count_rows(model_->signature(), request);
  if (!response.ok()) return fail(response.error(), record);
  grpc::OutMessage out;
  const MonoTime begin = host_.clock->now();
  const Status encoded = encode(*response, out);
  record.timings.encode = host_.clock->now() - begin;
  if (!encoded.ok()) return fail(encoded.error(), record);
  // First, since the client's identity goes with the call.
  host_.server->observe(kDialectName, record);
  send(std::move(out), record.timings);
}

void InferCall::fail(const Error& error, dialect::RequestRecord& record) {
  record.code = error.code();
  host_.server->observe(kDialectName, record);
  refuse(error, record.timings);
}

}  // namespace slipway::openinference_grpc
