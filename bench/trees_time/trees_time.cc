// What a call of a model costs, for bench/trees:
//
//   slipway_trees_time ROWS FEATURES BATCH[,BATCH] MODEL...
//
// ROWS is a file of float32 rows. Each model is loaded by the backend that knows it, and called with other
// rows of the file each time, as a server is: a processor learns the way of a row that it sees again. For
// each batch and model, interleaved, a line "MODEL BATCH microseconds"; the least of several rounds.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "plugins/backends/onnxruntime/onnxruntime.h"
#include "plugins/backends/trees/trees.h"

namespace slipway {
namespace {

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

class OneFile final : public backend::ModelFiles {
 public:
  explicit OneFile(const std::string& path) : names_{path}, content_(content(path)) {}
  const std::string& main() const override { return names_.front(); }
  std::span<const std::string> names() const override { return names_; }
  Result<ByteView> read(std::string_view /*name*/) const override { return as_bytes(content_); }

 private:
  std::vector<std::string> names_;
  std::string content_;
};

struct Model {
  std::string path;
  std::unique_ptr<backend::Instance> instance;
};

/// The questions, in the order in which they are asked.
using Questions = std::vector<Tensor>;

Tensor some_rows(const std::vector<float>& values, std::int64_t first, std::int64_t rows,
                 std::int64_t features, DType dtype) {
  const std::span<const float> part(values.data() + first * features,
                                    static_cast<std::size_t>(rows * features));
  if (dtype != DType::kFp64) return Tensor::of<float>({rows, features}, part);
  return Tensor::of<double>({rows, features}, std::vector<double>(part.begin(), part.end()));
}

Questions questions(const std::vector<float>& values, std::int64_t rows, std::int64_t features, DType dtype) {
  Questions all;
  const auto count = static_cast<std::int64_t>(values.size()) / features;
  for (std::int64_t i = 0; i < std::clamp<std::int64_t>(16384 / rows, 8, 1024); ++i)
    all.push_back(some_rows(values, i * rows % (count - rows), rows, features, dtype));
  return all;
}

double seconds_of(const Clock& clock, backend::Instance& instance, const Questions& asked, int calls) {
  const MonoTime start = clock.now();
  for (int i = 0; i < calls; ++i) {
    const TensorView inputs[] = {asked[static_cast<std::size_t>(i) % asked.size()].view()};
    instance.submit(inputs, {}, [](const Result<infer::Response>& response) {
      if (!response.ok()) std::fprintf(stderr, "%s\n", response.status().to_string().c_str()), std::exit(1);
    });
  }
  return std::chrono::duration<double>(clock.now() - start).count();
}

void measure(const Clock& clock, std::vector<Model>& models, const std::vector<float>& values,
             std::int64_t features, std::int64_t batch) {
  std::vector<double> best(models.size(), 1e9);
  for (int round = 0; round < 15; ++round) {
    for (std::size_t i = 0; i < models.size(); ++i) {
      backend::Instance& instance = *models[i].instance;
      const Questions input = questions(values, batch, features, instance.signature().inputs[0].dtype);
      const double once = std::max(seconds_of(clock, instance, input, 1), 1e-7);
      const int calls = std::clamp(static_cast<int>(0.02 / once), 1, 20000);
      best[i] = std::min(best[i], seconds_of(clock, instance, input, calls) / calls);
    }
  }
  for (std::size_t i = 0; i < models.size(); ++i)
    std::printf("%s %ld %.3f\n", models[i].path.c_str(), static_cast<long>(batch), best[i] * 1e6);
}

}  // namespace
}  // namespace slipway

int main(int count, char** words) {
  using namespace slipway;
  if (count < 5) return std::fprintf(stderr, "usage: slipway_trees_time ROWS FEATURES BATCHES MODEL...\n"), 2;
  const std::string bytes = content(words[1]);
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  SystemClock clock;
  NullLogger logger;
  const backend::Host host{&clock, &logger, {}};
  const auto trees = make_backend_trees(host);
  const auto onnx = make_backend_onnxruntime(host);
  std::vector<Model> models;
  for (int i = 4; i < count; ++i) {
    const OneFile file(words[i]);
    backend::Backend& backend = trees->probe(file.read("").value()) ? *trees : *onnx;
    auto loaded = backend.load(file, {});
    if (!loaded.ok()) return std::fprintf(stderr, "%s\n", loaded.status().to_string().c_str()), 1;
    models.push_back({words[i], std::move(*loaded)});
  }
  const std::string batches = words[3];
  const char* const end = batches.data() + batches.size();
  for (const char* at = batches.data(); at < end;) {
    std::int64_t batch = 0;
    const auto [rest, error] = std::from_chars(at, end, batch);
    if (error != std::errc() || batch < 1) return std::fprintf(stderr, "no batch: %s\n", at), 2;
    measure(clock, models, values, std::atoll(words[2]), batch);
    at = rest + 1;
  }
  return 0;
}
