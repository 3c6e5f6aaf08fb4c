// What one call of the wine example costs: by the runtime's own interface with everything prepared, and
// through an instance. The difference is this backend's overhead.
#include "plugins/backends/onnxruntime/onnxruntime.h"

#include <benchmark/benchmark.h>

#include <fstream>
#include <iterator>

#include "contracts/backend/testing/memory_files.h"
#include "graph/onnx.h"
#include "plugins/backends/onnxruntime/session_internal.h"
#include "testing/paths.gen.h"

namespace slipway::onnxruntime {
namespace {

constexpr float kWine[] = {13.28F, 1.64F, 2.84F, 15.5F, 110,   2.6F, 2.68F,
                           0.34F,  1.36F, 4.6F,  1.09F, 2.78F, 880};

std::string wine_model() {
  std::ifstream in(testing::source_dir() + "/examples/wine/model.onnx", std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

Tensor rows(std::int64_t count) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) values.insert(values.end(), std::begin(kWine), std::end(kWine));
  return Tensor::of<float>({count, 13}, values);
}

// The least that a C program can do per call: wrap the input, run, look at the first score, release.
void bare_call(benchmark::State& state) {
  NullLogger logger;
  auto runtime = Runtime::create(open_library({}).value(), &logger).value();
  const OrtApi& api = runtime->api();
  const Session session = open_session(runtime, backend::testing::MemoryModelFiles(wine_model()), {}).value();
  const Tensor input = rows(state.range(0));
  const char* input_name = session.signature.inputs[0].name.c_str();
  const char* output_names[] = {session.signature.outputs[0].name.c_str(),
                                session.signature.outputs[1].name.c_str()};
  auto* data = const_cast<std::byte*>(input.data.bytes().data());
  for (auto _ : state) {
    OrtValue* in = nullptr;
    OrtStatus* fault = api.CreateTensorWithDataAsOrtValue(session.memory.get(), data, input.data.size(),
                                                          input.shape.dims().data(), 2,
                                                          ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &in);
    OrtValue* out[2] = {nullptr, nullptr};
    if (fault == nullptr) {
      fault = api.Run(session.session.get(), nullptr, &input_name, &in, 1, output_names, 2, out);
    }
    void* scores = nullptr;
    if (fault == nullptr) fault = api.GetTensorMutableData(out[1], &scores);
    if (fault != nullptr) {
      state.SkipWithError("the runtime failed");
      break;
    }
    benchmark::DoNotOptimize(*static_cast<float*>(scores));
    for (OrtValue* value : {in, out[0], out[1]}) api.ReleaseValue(value);
  }
}
BENCHMARK(bare_call)->Arg(1)->Arg(32);

void instance_call(benchmark::State& state) {
  SystemClock clock;
  NullLogger logger;
  auto backend = make_backend_onnxruntime({&clock, &logger, {}});
  auto instance = backend->load(backend::testing::MemoryModelFiles(wine_model()), {}).value();
  const Tensor input = rows(state.range(0));
  const TensorView inputs[] = {input.view()};
  for (auto _ : state) {
    instance->submit(inputs, {}, [&state](Result<infer::Response> response) {
      if (!response.ok()) return state.SkipWithError("the model failed");
      benchmark::DoNotOptimize(response->outputs[1].tensor.data.data());
    });
  }
}
BENCHMARK(instance_call)->Arg(1)->Arg(32);

}  // namespace
}  // namespace slipway::onnxruntime
