// What one request of thirteen numbers costs in this dialect, apart from the transport and the model.
#include <benchmark/benchmark.h>

#include "contracts/dialect/testing/fake_server.h"
#include "function/function_testing.h"
#include "plugins/dialects/records/predict.h"

namespace slipway::records {
namespace {

constexpr const char* kRecord =
    R"({"alcohol":14.23,"malic_acid":1.71,"ash":2.43,"alcalinity_of_ash":15.6,"magnesium":127.0,"total_phenols":2.8,)"
    R"("flavanoids":3.06,"nonflavanoid_phenols":0.28,"proanthocyanins":2.29,"color_intensity":5.64,"hue":1.04,)"
    R"("od280_od315_of_diluted_wines":3.92,"proline":1065.0})";

dialect::testing::FakeModel wine() {
  json::Parser parser;
  const json::Value record = parser.parse(kRecord).value();
  function::Spec spec;
  for (const json::Member member : record.object()) {
    spec.inputs.push_back(function::testing::number(std::string(member.key)));
  }
  using Kind = function::OutputField::Kind;
  spec.outputs = {
      function::testing::answer("label", Kind::kLabel, "label", {"barolo", "grignolino", "barbera"}),
      function::testing::answer("score", Kind::kScore, "p")};
  dialect::testing::FakeModel model;
  model.signature_value = {{{"x", DType::kFp32, {-1, 13}}},
                           {{"label", DType::kInt64, {-1}}, {"p", DType::kFp32, {-1, 3}}}};
  model.function_value = function::Function::create(spec, model.signature_value).value();
  return model;
}

void decode_one(benchmark::State& state) {
  const auto model = wine();
  const std::string text = std::string(R"({"records": [)") + kRecord + "]}";
  const std::string body = text + std::string(json::Parser::kPaddingBytes, '\0');
  for (auto run : state) {
    benchmark::DoNotOptimize(decode(std::string_view(body).substr(0, text.size()), model.function(), {}));
  }
}
BENCHMARK(decode_one);

void encode_one(benchmark::State& state) {
  const auto model = wine();
  const Tensor label = Tensor::of<std::int64_t>({1}, std::vector<std::int64_t>{1});
  const Tensor scores = Tensor::of<float>({1, 3}, std::vector<float>{0.0421F, 0.9351F, 0.0228F});
  const NamedTensorView outputs[] = {{"label", label.view()}, {"p", scores.view()}};
  for (auto run : state) benchmark::DoNotOptimize(encode(model, outputs, 1));
}
BENCHMARK(encode_one);

}  // namespace
}  // namespace slipway::records
