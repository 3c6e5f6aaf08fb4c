// Decoding and encoding of a request for one row of 13 floats, without transport and model.
#include <benchmark/benchmark.h>

#include <array>
#include <string>

#include "contracts/dialect/testing/fake_server.h"
#include "json/json.h"
#include "plugins/dialects/openinference/decode.h"
#include "plugins/dialects/openinference/encode.h"

namespace slipway::openinference {
namespace {

dialect::testing::FakeModel make_model() {
  dialect::testing::FakeModel model;
  model.signature_value = {{{"input", DType::kFp32, {-1, 13}}},
                           {{"label", DType::kInt64, {-1}}, {"probabilities", DType::kFp32, {-1, 3}}}};
  return model;
}

void decode_and_encode(benchmark::State& state) {
  const auto model = make_model();
  const std::string text = R"({"id":"1","inputs":[{"name":"input","shape":[1,13],"datatype":"FP32","data":)"
                           R"([13.2,1.78,2.14,11.2,100.0,2.65,2.76,0.26,1.28,4.38,1.05,3.4,1050.0]}]})";
  const std::string body = text + std::string(json::Parser::kPaddingBytes, '\0');
  const std::array<std::int64_t, 1> label = {0};
  const std::array<float, 3> scores = {0.98F, 0.015F, 0.005F};
  infer::Response response;
  response.outputs = {{"label", {DType::kInt64, {1}, std::as_bytes(std::span(label))}},
                      {"probabilities", {DType::kFp32, {1, 3}, std::as_bytes(std::span(scores))}}};
  const dialect::Limits limits;
  for (auto _ : state) {
    const auto decoded = decode(as_bytes(std::string_view(body).substr(0, text.size())), std::nullopt,
                                {model.signature(), limits});
    const auto encoded = encode(model, response.outputs,
                                {.id = decoded->id, .outputs = decoded->outputs, .binary_output = false});
    benchmark::DoNotOptimize(encoded->body.data());
  }
}
BENCHMARK(decode_and_encode);

}  // namespace
}  // namespace slipway::openinference
