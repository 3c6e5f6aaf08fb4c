#include "remote/remote_model.h"

#include <utility>

#include "base/text.h"
#include "io/file_helpers.h"
#include "json/json.h"
#include "packing/records.h"

namespace slipway::remote {
namespace {

constexpr std::uint64_t kMaxRecordsBytes = std::uint64_t{1} << 30U;
constexpr std::string_view kPredict = "/predict/";

Code code_from(std::string_view name) {
  for (int code = 1; code <= 16; ++code) {
    if (code_name(static_cast<Code>(code)) == name) return static_cast<Code>(code);
  }
  return Code::kUnknown;
}

// The server's own error, with its faults; where the answer is no such thing, its status.
Error error_of(const net::ClientResponse& response) {
  json::Parser parser;
  const auto document = parser.parse(response.body);
  const auto error = document.ok() ? document->find("error") : std::nullopt;
  if (!error || !error->is_object()) {
    return internal_error("remote.answer", "the server answered " + std::to_string(response.status) + ": " +
                                               printable(response.body, 300));
  }
  std::vector<Fault> faults;
  if (const auto details = error->find("details"); details && details->is_array()) {
    for (const json::Value& detail : details->array()) {
      std::string where = text_of(detail, "field");
      if (const auto record = detail.find("record"); record && record->as_uint64()) {
        where = function::record_where(static_cast<std::size_t>(*record->as_uint64()), where);
      }
      faults.push_back({std::move(where), text_of(detail, "message"), ""});
    }
  }
  return Error(code_from(text_of(*error, "code")), text_of(*error, "id"), text_of(*error, "message"))
      .with_faults(std::move(faults));
}

Result<net::ClientResponse> get(net::Client& client, const std::string& target) {
  SLIPWAY_ASSIGN_OR_RETURN(net::ClientResponse response, client.request("GET", target, {}, ""));
  if (response.status != 200) return error_of(response);
  return response;
}

Result<std::string> only_model(net::Client& client) {
  SLIPWAY_ASSIGN_OR_RETURN(const net::ClientResponse response, get(client, "/predict"));
  json::Parser parser;
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value document, parser.parse(response.body));
  std::vector<std::string> names;
  if (const auto deployments = document.find("deployments"); deployments && deployments->is_array()) {
    for (const json::Value& deployment : deployments->array()) names.push_back(text_of(deployment, "name"));
  }
  if (names.size() == 1) return names.front();
  return invalid_argument("remote.which_model", names.empty()
                                                    ? "the server has no model ready"
                                                    : "the server has the models " + join_words(names) +
                                                          "; name one: .../predict/" + names.front());
}

function::FieldType field_type(std::string_view schema_type) {
  if (schema_type == "string") return function::FieldType::kString;
  if (schema_type == "integer") return function::FieldType::kInteger;
  if (schema_type == "boolean") return function::FieldType::kBoolean;
  if (schema_type == "array") return function::FieldType::kArray;
  return function::FieldType::kNumber;
}

// JSON Schema writes a type as a text, or as a list where null is allowed too.
std::string schema_type(const json::Value& property) {
  const auto type = property.find("type");
  if (!type) return "";
  if (const auto one = type->as_string()) return std::string(*one);
  if (type->is_array()) {
    for (const json::Value& choice : type->array()) {
      if (const auto text = choice.as_string(); text && *text != "null") return std::string(*text);
    }
  }
  return "";
}

}  // namespace

std::string text_of(const json::Value& object, std::string_view key) {
  const auto member = object.find(key);
  const auto text = member ? member->as_string() : std::nullopt;
  return text ? std::string(*text) : std::string();
}

bool is_address(const std::string& text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

Result<std::shared_ptr<const net::TlsConnector>> connector_for(const Host& host, const net::Url& url) {
  if (url.tls) {
    SLIPWAY_ASSIGN_OR_RETURN(auto connector, net::TlsConnector::create(host.trust, *host.files));
    return std::shared_ptr<const net::TlsConnector>(std::move(connector));
  }
  if (host.trust.empty()) return std::shared_ptr<const net::TlsConnector>();
  return invalid_argument("remote.trust", "--ca, --cert and --key are for https:// addresses; " +
                                              url.endpoint.to_string() + " would be asked without TLS");
}

Result<RemoteModel> RemoteModel::find(const Host& host, const std::string& address, const std::string& name) {
  SLIPWAY_ASSIGN_OR_RETURN(net::Url url, net::parse_url(address));
  RemoteModel model;
  SLIPWAY_ASSIGN_OR_RETURN(const auto tls, connector_for(host, url));
  SLIPWAY_ASSIGN_OR_RETURN(model.client_, net::Client::connect(url.endpoint, *host.clock, {.tls = tls}));
  if (url.target.starts_with(kPredict)) {
    model.target_ = url.target;
  } else if (url.target == "/" || url.target == "/predict") {
    std::string chosen = name;
    if (chosen.empty()) {
      SLIPWAY_ASSIGN_OR_RETURN(chosen, only_model(*model.client_));
    }
    model.target_ = std::string(kPredict) + chosen;
  } else {
    return invalid_argument("remote.answer",
                            address + " is no address of a model; use http://HOST:PORT/predict/NAME");
  }
  SLIPWAY_ASSIGN_OR_RETURN(const net::ClientResponse response, get(*model.client_, model.target_));
  json::Parser parser;
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value document, parser.parse(response.body));
  if (const auto example = document.find("example"); example && example->is_object())
    model.example_ = example->to_text();
  const auto several = document.find("several_records");
  model.takes_rows_ = !several || several->as_bool().value_or(true);
  const auto record = document.find("record");
  const auto properties = record ? record->find("properties") : std::nullopt;
  if (properties && properties->is_object()) {
    for (const json::Member& member : properties->object()) {
      function::FieldInfo field;
      field.name = member.key;
      field.type = field_type(schema_type(member.value));
      field.element = field.type;
      model.fields_.push_back(std::move(field));
    }
  }
  return model;
}

Result<std::string> RemoteModel::predict(const std::string& records) {
  const dialect::Header type{"Content-Type", "application/json"};
  SLIPWAY_ASSIGN_OR_RETURN(const net::ClientResponse response,
                           client_->request("POST", target_, {&type, 1}, "{\"records\":" + records + "}"));
  if (response.status != 200) return error_of(response);
  json::Parser parser;
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value document, parser.parse(response.body));
  const auto predictions = document.find("predictions");
  if (!predictions || !predictions->is_array()) {
    return internal_error("remote.answer",
                          "the server's answer has no predictions: " + printable(response.body, 300));
  }
  return predictions->to_text();
}

Result<std::vector<std::string>> read_records(const Host& host, const std::string& file,
                                              const std::vector<function::FieldInfo>& fields) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string text, io::read_all(*host.files, file, kMaxRecordsBytes));
  SLIPWAY_ASSIGN_OR_RETURN(packing::Records records, packing::read_records(text, file, fields));
  if (records.texts.empty()) return invalid_argument("remote.records", file + " has no records");
  return std::move(records.texts);
}

}  // namespace slipway::remote
