#include "remote/load_requests.h"

#include <utility>

#include "base/text.h"
#include "function/function.h"
#include "io/file_helpers.h"
#include "json/json.h"
#include "remote/remote_model.h"
#include "remote/v2_bodies.h"

namespace slipway::remote {
namespace {

constexpr std::uint64_t kMaxBodyBytes = std::uint64_t{1} << 30U;
constexpr std::string_view kPredict = "/predict/";
constexpr std::string_view kV2 = "/v2/models/";

// Which model of which version an address names; empty where it does not.
struct ModelPath {
  std::string name;
  std::string version;
};

ModelPath model_of(std::string_view path) {
  ModelPath found;
  std::vector<std::string> parts;
  if (path.starts_with(kPredict)) {
    path.remove_prefix(kPredict.size());
    found.name = path.substr(0, path.find('/'));
  } else if (path.starts_with(kV2)) {
    path.remove_prefix(kV2.size());
    found.name = path.substr(0, path.find('/'));
    constexpr std::string_view kVersions = "/versions/";
    if (const auto at = path.find(kVersions); at != std::string_view::npos) {
      const std::string_view rest = path.substr(at + kVersions.size());
      found.version = rest.substr(0, rest.find('/'));
    }
  }
  return found;
}

std::string chosen_protocol(const LoadTarget& target, std::string_view path) {
  if (!target.protocol.empty()) return target.protocol;
  if ((path.starts_with(kPredict) || path == "/" || path == "/predict") && target.body.empty())
    return "predict";
  if (path.starts_with(kV2) && target.body.empty()) return "v2";
  return "http";
}

// The server's address without a path, with a model's.
std::string address_of(const LoadTarget& target, const net::Url& url, const std::string& path) {
  return target.address.substr(0, target.address.size() - (url.target == "/" ? 0 : url.target.size())) + path;
}

// The inputs of a model, as the v2 protocol's metadata tells them.
Result<Signature> signature_of(const json::Value& metadata) {
  Signature signature;
  const auto inputs = metadata.find("inputs");
  if (!inputs || !inputs->is_array())
    return internal_error("remote.answer", "the server's model metadata has no inputs");
  for (const json::Value& input : inputs->array()) {
    const auto shape = input.find("shape");
    const auto dtype = dtype_from_name(text_of(input, "datatype"));
    if (!shape || !shape->is_array() || !dtype) {
      return internal_error("remote.answer",
                            "the server's model metadata has an input without shape or datatype");
    }
    std::vector<std::int64_t> dims;
    for (const json::Value& dim : shape->array()) dims.push_back(dim.as_int64().value_or(-1));
    SLIPWAY_ASSIGN_OR_RETURN(const Shape checked, Shape::from(dims));
    signature.inputs.push_back({text_of(input, "name"), *dtype, checked});
  }
  return signature;
}

// The way from records to tensors. A server of ours tells the fields, which for a model with one input are
// its columns in their order; any other server only the inputs.
Result<function::Function> function_for(const Signature& signature,
                                        const std::vector<function::FieldInfo>& fields) {
  if (signature.inputs.size() == 1 && !fields.empty()) {
    function::Spec spec;
    for (const function::FieldInfo& field : fields) {
      function::InputField input;
      input.name = field.name;
      input.type = field.type;
      spec.inputs.push_back(std::move(input));
    }
    if (auto made = function::Function::create(std::move(spec), signature); made.ok()) return made;
  }
  return function::Function::identity(signature);
}

struct ModelTensors {
  std::string name;
  std::string version;
  std::vector<std::vector<NamedTensor>> requests;  ///< inputs, one for each record
};

// One request per record, as tensors.
Result<ModelTensors> tensors_for(const Host& host, const LoadTarget& target, const net::Url& url) {
  ModelTensors found;
  const ModelPath path = model_of(url.target);
  found.version = path.version;
  std::vector<function::FieldInfo> fields;
  std::string example;
  const std::string predict = path.name.empty() ? "" : std::string(kPredict) + path.name;
  auto model = RemoteModel::find(host, address_of(target, url, predict), "");
  if (model.ok()) {
    fields = model->fields();
    example = model->example();
    found.name = model->target().substr(kPredict.size());
  } else if (path.name.empty()) {
    return model.error();
  } else {
    found.name = path.name;  // another server, which speaks the v2 protocol alone
  }
  SLIPWAY_ASSIGN_OR_RETURN(const auto tls, connector_for(host, url));
  SLIPWAY_ASSIGN_OR_RETURN(const auto client, net::Client::connect(url.endpoint, *host.clock, {.tls = tls}));
  const std::string where =
      std::string(kV2) + found.name + (path.version.empty() ? "" : "/versions/" + path.version);
  SLIPWAY_ASSIGN_OR_RETURN(const net::ClientResponse response, client->request("GET", where, {}, ""));
  if (response.status != 200) {
    return not_found("remote.answer", "the server answered " + std::to_string(response.status) + " for " +
                                          where + ": " + printable(response.body, 300));
  }
  json::Parser parser;
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value metadata, parser.parse(response.body));
  SLIPWAY_ASSIGN_OR_RETURN(const Signature signature, signature_of(metadata));
  SLIPWAY_ASSIGN_OR_RETURN(const function::Function function, function_for(signature, fields));
  std::vector<std::string> records;
  if (!target.records.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(
        records, read_records(host, target.records, {function.fields().begin(), function.fields().end()}));
  } else {
    records = {example.empty() ? function.example() : example};
  }
  for (const std::string& record : records) {
    json::Parser reader;
    SLIPWAY_ASSIGN_OR_RETURN(const json::Value array, reader.parse("[" + record + "]"));
    SLIPWAY_ASSIGN_OR_RETURN(function::Batch batch, function.before(array));
    found.requests.push_back(std::move(batch.inputs));
  }
  return found;
}

Status fill_v2(const std::string& protocol, const ModelTensors& tensors, net::LoadOptions& load) {
  const std::string version = tensors.version.empty() ? "" : "/versions/" + tensors.version;
  load.target = std::string(kV2) + tensors.name + version + "/infer";
  for (const auto& inputs : tensors.requests) {
    if (protocol == "v2-binary") {
      std::size_t head = 0;
      std::string body = v2_binary_body(inputs, head);
      load.requests.push_back({.headers = {{"content-type", "application/octet-stream"},
                                           {"inference-header-content-length", std::to_string(head)}},
                               .body = std::move(body)});
      continue;
    }
    JsonBody body = v2_json_body(inputs);
    if (!body.complete) {
      return invalid_argument("remote.records",
                              "a record has values that JSON cannot hold; use --protocol v2-binary or grpc");
    }
    load.requests.push_back(
        {.headers = {{"content-type", "application/json"}}, .body = std::move(body.text)});
  }
  return {};
}

Status fill_grpc(const Host& host, const LoadTarget& target, const net::Url& url, bool stream,
                 net::LoadOptions& load) {
  load.protocol = stream ? net::LoadProtocol::kGrpcStream : net::LoadProtocol::kGrpc;
  load.target =
      std::string("/inference.GRPCInferenceService/") + (stream ? "ModelStreamInfer" : "ModelInfer");
  if (!target.body.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(std::string message, io::read_all(*host.files, target.body, kMaxBodyBytes));
    // Any method can be called with a message of one's own.
    if (!stream && url.target != "/" && model_of(url.target).name.empty()) load.target = url.target;
    load.requests.push_back({.body = std::move(message)});
    return {};
  }
  SLIPWAY_ASSIGN_OR_RETURN(const ModelTensors tensors, tensors_for(host, target, url));
  for (const auto& inputs : tensors.requests) {
    load.requests.push_back({.body = v2_grpc_message(tensors.name, tensors.version, inputs)});
  }
  return {};
}

Status fill_predict(const Host& host, const LoadTarget& target, const net::Url& url, net::LoadOptions& load) {
  const ModelPath path = model_of(url.target);
  const std::string wanted = path.name.empty() ? "" : std::string(kPredict) + path.name;
  SLIPWAY_ASSIGN_OR_RETURN(const RemoteModel model,
                           RemoteModel::find(host, address_of(target, url, wanted), ""));
  load.target = model.target();
  std::vector<std::string> records;
  if (!target.records.empty()) {
    SLIPWAY_ASSIGN_OR_RETURN(records, read_records(host, target.records, model.fields()));
  } else if (!model.example().empty()) {
    records = {model.example()};
  } else {
    return invalid_argument("remote.records",
                            "the server knows no example record; give some with --records FILE");
  }
  for (const std::string& record : records) {
    load.requests.push_back(
        {.headers = {{"content-type", "application/json"}}, .body = "{\"records\":[" + record + "]}"});
  }
  return {};
}

Status fill_http(const Host& host, const LoadTarget& target, const net::Url& url, net::LoadOptions& load) {
  load.target = url.target;
  if (target.body.empty()) {
    return invalid_argument("remote.body",
                            "give the body to send with --body FILE, or the address of a model: " +
                                address_of(target, url, "/predict/NAME"));
  }
  SLIPWAY_ASSIGN_OR_RETURN(std::string body, io::read_all(*host.files, target.body, kMaxBodyBytes));
  load.requests.push_back({.headers = {{"content-type", "application/json"}}, .body = std::move(body)});
  return {};
}

}  // namespace

Status fill_requests(const Host& host, const LoadTarget& target, net::LoadOptions& load, std::string& said) {
  SLIPWAY_ASSIGN_OR_RETURN(const net::Url url, net::parse_url(target.address));
  load.endpoint = url.endpoint;
  SLIPWAY_ASSIGN_OR_RETURN(load.tls, connector_for(host, url));
  said = chosen_protocol(target, url.target);
  if (target.http2) load.protocol = net::LoadProtocol::kHttp2;
  if (said == "predict") return fill_predict(host, target, url, load);
  if (said == "grpc" || said == "grpc-stream")
    return fill_grpc(host, target, url, said == "grpc-stream", load);
  if (said == "http") return fill_http(host, target, url, load);
  SLIPWAY_ASSIGN_OR_RETURN(const ModelTensors tensors, tensors_for(host, target, url));
  return fill_v2(said, tensors, load);
}

}  // namespace slipway::remote
