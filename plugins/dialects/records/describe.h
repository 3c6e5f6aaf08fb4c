// What a deployment takes and gives, for people and programs: JSON Schema of its records and answers, as a
// short description and as an OpenAPI document.
// Source: JSON Schema 2020-12; OpenAPI Specification 3.1.0.
#pragma once

#include <string>
#include <string_view>

#include "contracts/dialect/dialect.h"
#include "json/writer.h"

namespace slipway::records {

/// The schema of one record that the model takes.
void write_record_schema(const function::Function& function, json::Writer& out);
/// The schema of one prediction.
void write_prediction_schema(const function::Function& function, json::Writer& out);
/// A record that the model answers, or one of the right form where none is known; empty where even that would
/// be too large.
std::string example_record(const dialect::ServedModel& model);

/// GET /predict: {"deployments": [{"name", "version", "description", "url"}]}, every ready name once, with
/// its latest version.
std::string list_deployments(const dialect::ModelServer& server);
/// GET /predict/{name}: {"model", "version", "digest", "description", "versions", "record", "prediction",
/// "example"}.
std::string describe_deployment(const dialect::ServedModel& model, std::span<const std::string> versions);
/// GET /openapi.json.
std::string openapi(const dialect::ModelServer& server, std::string_view server_version);

/// The path of a deployment, percent-encoded where its name needs it.
std::string predict_path(std::string_view name);

}  // namespace slipway::records
