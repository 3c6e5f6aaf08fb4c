// What one request costs here: thirteen number columns, the wine example's form.
#include <benchmark/benchmark.h>

#include "function/function.h"
#include "function/function_testing.h"

namespace slipway::function {
namespace {

constexpr const char* kNames[] = {
    "alcohol",         "malic_acid",      "ash",        "alcalinity_of_ash",
    "magnesium",       "total_phenols",   "flavanoids", "nonflavanoid_phenols",
    "proanthocyanins", "color_intensity", "hue",        "od280_od315_of_diluted_wines",
    "proline"};

Function wine() {
  Spec spec;
  for (const char* name : kNames) spec.inputs.push_back(testing::number(name));
  spec.outputs.push_back(
      testing::answer("label", OutputField::Kind::kLabel, "label", {"barolo", "grignolino", "barbera"}));
  spec.outputs.push_back(testing::answer("score", OutputField::Kind::kScore, "probabilities"));
  const Signature signature{{{"float_input", DType::kFp32, {-1, 13}}},
                            {{"label", DType::kInt64, {-1}}, {"probabilities", DType::kFp32, {-1, 3}}}};
  return Function::create(spec, signature).value();
}

std::string records(int count) {
  std::string text = "[";
  for (int row = 0; row < count; ++row) {
    text += row == 0 ? "{" : ",{";
    for (int i = 0; i < 13; ++i) {
      text += std::string(i == 0 ? "" : ",") + '"' + kNames[i] +
              "\":" + std::to_string(0.13 * (i + 1) * (row + 7));
    }
    text += "}";
  }
  return text + "]";
}

// The document is parsed once; what is measured is before().
void before(benchmark::State& state) {
  const Function function = wine();
  json::Parser parser;
  const std::string text = records(static_cast<int>(state.range(0)));
  const json::Value parsed = parser.parse(text).value();
  for (auto run : state) benchmark::DoNotOptimize(function.before(parsed));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(before)->Arg(1)->Arg(100);

void after(benchmark::State& state) {
  const Function function = wine();
  const std::vector<std::int64_t> labels = {1};
  const std::vector<float> scores = {0.0421F, 0.9351F, 0.0228F};
  const Tensor label = Tensor::of<std::int64_t>({1}, labels);
  const Tensor score = Tensor::of<float>({1, 3}, scores);
  const NamedTensorView outputs[] = {{"label", label.view()}, {"probabilities", score.view()}};
  std::string text;
  for (auto run : state) {
    text.clear();
    json::Writer out(text);
    out.begin_array();
    benchmark::DoNotOptimize(function.after(outputs, 1, out));
    out.end_array();
  }
}
BENCHMARK(after);

}  // namespace
}  // namespace slipway::function
