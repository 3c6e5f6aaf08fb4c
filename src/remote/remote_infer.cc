// Tensors to a server and back, by the v2 protocol with the binary extension. Of an answer, too, the header
// Inference-Header-Content-Length is the length of its JSON head.
#include <charconv>

#include "base/text.h"
#include "json/json.h"
#include "remote/remote_model.h"
#include "remote/v2_bodies.h"

namespace slipway::remote {
namespace {

Error bad_answer(std::string_view what) {
  return internal_error("remote.answer", "the server's v2 answer " + std::string(what));
}

Result<NamedTensor> read_output(const json::Value& output, std::string_view& raw) {
  const auto name = output.find("name");
  const auto datatype = output.find("datatype");
  const auto shape = output.find("shape");
  const auto parameters = output.find("parameters");
  const auto size_value = parameters ? parameters->find("binary_data_size") : std::nullopt;
  const auto size = size_value ? size_value->as_uint64() : std::nullopt;
  const auto dtype =
      datatype && datatype->as_string() ? dtype_from_name(*datatype->as_string()) : std::nullopt;
  if (!name || !name->as_string() || !dtype || !shape || !shape->is_array() || !size || *size > raw.size()) {
    return bad_answer("has an output that is not whole");
  }
  std::vector<std::int64_t> dims;
  for (const json::Value& dim : shape->array()) dims.push_back(dim.as_int64().value_or(-1));
  SLIPWAY_ASSIGN_OR_RETURN(const Shape checked, Shape::from(dims));
  const TensorView view{*dtype, checked, as_bytes(raw.substr(0, static_cast<std::size_t>(*size)))};
  SLIPWAY_TRY(view.validate());
  raw.remove_prefix(static_cast<std::size_t>(*size));
  return NamedTensor{std::string(*name->as_string()), Tensor::copy_of(view)};
}

}  // namespace

Result<std::vector<NamedTensor>> RemoteModel::infer(const std::vector<NamedTensor>& inputs) {
  std::size_t head_size = 0;
  const std::string body = v2_binary_body(inputs, head_size);
  const std::string length = std::to_string(head_size);
  const dialect::Header headers[] = {{"Content-Type", "application/octet-stream"},
                                     {"Inference-Header-Content-Length", length}};
  constexpr std::string_view kPredict = "/predict/";
  const std::string target = "/v2/models/" + target_.substr(kPredict.size()) + "/infer";
  SLIPWAY_ASSIGN_OR_RETURN(const net::ClientResponse response,
                           client_->request("POST", target, headers, body));
  if (response.status != 200)
    return bad_answer("was " + std::to_string(response.status) + ": " + printable(response.body, 300));
  std::size_t answer_head = response.body.size();
  if (const auto given = response.header("inference-header-content-length")) {
    const auto parsed = std::from_chars(given->data(), given->data() + given->size(), answer_head);
    if (parsed.ec != std::errc() || answer_head > response.body.size())
      return bad_answer("has a wrong head length");
  }
  json::Parser parser;
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value head, parser.parse(response.body.substr(0, answer_head)));
  const auto outputs = head.find("outputs");
  if (!outputs || !outputs->is_array()) return bad_answer("has no outputs");
  std::string_view raw = std::string_view(response.body).substr(answer_head);
  std::vector<NamedTensor> tensors;
  for (const json::Value& output : outputs->array()) {
    SLIPWAY_ASSIGN_OR_RETURN(auto tensor, read_output(output, raw));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace slipway::remote
