#include <algorithm>
#include <cstring>
#include <utility>

#include "plugins/backends/onnxruntime/prepared_internal.h"

namespace slipway::onnxruntime {
namespace {

constexpr std::size_t kAlign = 64;

std::size_t padded(std::size_t size) { return (size + kAlign - 1) / kAlign * kAlign; }

// Keeps the runs, and with them the runtime, as long as the answer lives.
class Lent final : public infer::OutputMemory {
 public:
  Lent(std::shared_ptr<PreparedRuns> runs, std::unique_ptr<PreparedRun> run)
      : runs_(std::move(runs)), run_(std::move(run)) {}
  ~Lent() override { runs_->give(std::move(run_), true); }

 private:
  std::shared_ptr<PreparedRuns> runs_;
  std::unique_ptr<PreparedRun> run_;
};

}  // namespace

Result<std::unique_ptr<PreparedRun>> PreparedRun::make(Runtime& runtime, const OrtMemoryInfo& memory,
                                                       std::span<const TensorView> inputs,
                                                       std::span<const infer::Output> outputs) {
  const OrtApi& api = runtime.api();
  std::unique_ptr<PreparedRun> run(new PreparedRun(api));
  std::size_t size = 0;
  for (const TensorView& input : inputs) size += padded(input.data.size());
  for (const infer::Output& output : outputs) size += padded(output.tensor.data.size());
  run->memory_ = Buffer(size);
  std::byte* at = run->memory_.bytes().data();
  // Not what any model would answer by chance, so that an output that is not written shows.
  std::memset(at, 0x5b, size);
  const auto add = [&](const TensorView& like, std::vector<OrtValue*>& values) -> Status {
    OrtValue* value = nullptr;
    SLIPWAY_TRY(runtime.check(
        api.CreateTensorWithDataAsOrtValue(&memory, at, like.data.size(), like.shape.dims().data(),
                                           like.shape.rank(), to_element(like.dtype), &value),
        "backend.run", "ONNX Runtime refuses a value"));
    values.push_back(value);
    at += padded(like.data.size());
    return {};
  };
  for (const TensorView& input : inputs) {
    run->places_.push_back(at);
    SLIPWAY_TRY(add(input, run->inputs_));
  }
  for (const infer::Output& output : outputs) {
    run->views_.push_back({output.tensor.dtype, output.tensor.shape, {at, output.tensor.data.size()}});
    SLIPWAY_TRY(add(output.tensor, run->outputs_));
  }
  return run;
}

PreparedRun::~PreparedRun() {
  for (OrtValue* value : inputs_) api_.ReleaseValue(value);
  for (OrtValue* value : outputs_) api_.ReleaseValue(value);
}

void PreparedRun::fill(std::span<const TensorView> inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    std::memcpy(places_[i], inputs[i].data.data(), inputs[i].data.size());
  }
}

PreparedRuns::Pattern* PreparedRuns::find(std::span<const TensorView> inputs,
                                          std::span<const std::size_t> wanted) {
  for (Pattern& pattern : patterns_) {
    const bool same =
        std::equal(inputs.begin(), inputs.end(), pattern.inputs.begin(), pattern.inputs.end(),
                   [](const TensorView& view, const Shape& shape) { return view.shape == shape; }) &&
        std::equal(wanted.begin(), wanted.end(), pattern.wanted.begin(), pattern.wanted.end());
    if (same) return &pattern;
  }
  return nullptr;
}

std::unique_ptr<PreparedRun> PreparedRuns::take(std::span<const TensorView> inputs,
                                                std::span<const std::size_t> wanted) {
  const std::lock_guard lock(mutex_);
  Pattern* pattern = find(inputs, wanted);
  if (pattern == nullptr || pattern->free.empty()) return nullptr;
  std::unique_ptr<PreparedRun> run = std::move(pattern->free.back());
  pattern->free.pop_back();
  return run;
}

void PreparedRuns::give(std::unique_ptr<PreparedRun> run, bool good) {
  const std::lock_guard lock(mutex_);
  Pattern& pattern = patterns_[run->pattern_];
  if (!good) {
    pattern.refused = true;
    pattern.free.clear();
  }
  if (!pattern.refused) pattern.free.push_back(std::move(run));
}

std::unique_ptr<infer::OutputMemory> PreparedRuns::lend(std::unique_ptr<PreparedRun> run) {
  return std::make_unique<Lent>(shared_from_this(), std::move(run));
}

bool PreparedRuns::begin_learning(std::span<const TensorView> inputs, std::span<const std::size_t> wanted,
                                  const infer::Response& response) {
  std::size_t bytes = 0;
  const auto fits = [&bytes](const TensorView& view) {
    if (view.dtype == DType::kBytes || view.data.empty() || view.data.size() > kMostBytes) return false;
    bytes += padded(view.data.size());
    return bytes <= kMostBytes;
  };
  for (const TensorView& input : inputs) {
    if (!fits(input)) return false;
  }
  for (const infer::Output& output : response.outputs) {
    if (!fits(output.tensor)) return false;
  }
  const std::lock_guard lock(mutex_);
  Pattern* pattern = find(inputs, wanted);
  if (pattern == nullptr) {
    if (patterns_.size() >= kMostShapes) return false;
    pattern = &patterns_.emplace_back();
    for (const TensorView& input : inputs) pattern->inputs.push_back(input.shape);
    pattern->wanted.assign(wanted.begin(), wanted.end());
  }
  if (pattern->refused || pattern->made >= kMostAtOnce) return false;
  ++pattern->made;
  return true;
}

void PreparedRuns::end_learning(std::span<const TensorView> inputs, std::span<const std::size_t> wanted,
                                std::unique_ptr<PreparedRun> run) {
  const std::lock_guard lock(mutex_);
  Pattern* pattern = find(inputs, wanted);
  if (run == nullptr) {
    pattern->refused = true;
    pattern->free.clear();
  } else if (!pattern->refused) {
    run->pattern_ = static_cast<std::size_t>(pattern - patterns_.data());
    pattern->free.push_back(std::move(run));
  }
}

bool PreparedRuns::equal(const PreparedRun& run, const infer::Response& response) {
  for (std::size_t i = 0; i < response.outputs.size(); ++i) {
    const ByteView wanted = response.outputs[i].tensor.data;
    if (std::memcmp(wanted.data(), run.views()[i].data.data(), wanted.size()) != 0) return false;
  }
  return true;
}

}  // namespace slipway::onnxruntime
