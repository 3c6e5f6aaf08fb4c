// The answers that tell what there is, as messages.
// Source: openinference.proto.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "contracts/dialect/dialect.h"

namespace slipway::openinference_grpc {

// Each appends one message.
void write_flag(bool value,
                std::string& out);  ///< ServerLiveResponse, ServerReadyResponse, ModelReadyResponse
void write_server_metadata(std::string_view version, bool shared_memory, std::string& out);
void write_model_metadata(const dialect::ServedModel& model, std::span<const std::string> versions,
                          std::string& out);
void write_model_config(const dialect::ServedModel& model, std::string& out);
void write_statistics(std::span<const dialect::ModelLease> models, std::string& out);
void write_index(std::span<const dialect::ModelStatus> models, std::string& out);

}  // namespace slipway::openinference_grpc
