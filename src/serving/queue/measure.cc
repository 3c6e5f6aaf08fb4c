#include "serving/queue/measure.h"

#include <algorithm>
#include <array>
#include <future>
#include <utility>

#include "json/json.h"
#include "serving/queue/stacking.h"

namespace slipway::serving {
namespace {

constexpr int kRuns = 5;
constexpr double kLeastGain = 0.05;

// Zeros in the shape of the input, with 1 for its free first dimension. Other free dimensions have no honest
// guess.
std::optional<std::vector<Tensor>> blank_inputs(const Signature& signature) {
  std::vector<Tensor> tensors;
  for (const TensorSpec& spec : signature.inputs) {
    Shape shape = spec.shape;
    if (shape.rank() > 0 && shape[0] < 0) shape.set(0, 1);
    const auto elements = shape.elements();
    if (!elements || *elements > (std::int64_t{1} << 26)) return std::nullopt;
    if (spec.dtype == DType::kBytes) {
      const std::vector<std::string> empty(static_cast<std::size_t>(*elements));
      tensors.push_back(Tensor::of_strings(shape, empty));
      continue;
    }
    auto tensor = make_tensor(spec.dtype, shape, std::size_t{1} << 30U);
    if (!tensor.ok()) return std::nullopt;
    const MutableByteView bytes = tensor->data.bytes();
    std::fill(bytes.begin(), bytes.end(), std::byte{0});
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

std::optional<std::vector<Tensor>> example_inputs(const function::Function& function,
                                                  const std::string& record) {
  if (record.empty()) return std::nullopt;
  json::Parser parser;
  auto records = parser.parse("[" + record + "]");
  if (!records.ok()) return std::nullopt;
  auto batch = function.before(*records);
  if (!batch.ok()) return std::nullopt;
  std::vector<Tensor> tensors;
  for (NamedTensor& input : batch->inputs) tensors.push_back(std::move(input.tensor));
  return tensors;
}

struct RunTime {
  Duration whole{};  ///< until the answer was here
  Duration run{};    ///< of that, the model's own, where the instance runs elsewhere and has said so
};

// The time of one run; nothing when the model fails on it.
std::optional<RunTime> time_run(backend::Instance& instance, std::span<const TensorView> inputs,
                                const Clock& clock) {
  std::promise<std::optional<Duration>> answered;
  const MonoTime start = clock.now();
  instance.submit(inputs, {}, [&](Result<infer::Response> response) {
    answered.set_value(response.ok() ? std::optional(response->timings.compute) : std::nullopt);
  });
  const auto run = answered.get_future().get();
  if (!run) return std::nullopt;
  const Duration whole = clock.now() - start;
  return RunTime{whole, *run > Duration::zero() ? *run : whole};
}

}  // namespace

std::optional<std::vector<Tensor>> trial_inputs(const function::Function& function,
                                                const std::string& example_record,
                                                const Signature& signature) {
  auto tensors = example_inputs(function, example_record);
  return tensors ? std::move(tensors) : blank_inputs(signature);
}

std::optional<RunCost> measure(backend::Instance& instance, const std::vector<Tensor>& trial,
                               std::size_t max_rows, Duration budget, const Clock& clock) {
  Binding one;
  RunCost cost;
  for (const Tensor& tensor : trial) {
    one.inputs.push_back(tensor.view());
    cost.input_bytes += tensor.data.size();
  }
  const MonoTime start = clock.now();
  std::array<RunTime, kRuns> took{};
  for (RunTime& run : took) {
    const auto time = time_run(instance, one.inputs, clock);
    if (!time) return std::nullopt;
    run = *time;
  }
  std::sort(took.begin(), took.end(), [](const RunTime& a, const RunTime& b) { return a.whole < b.whole; });
  cost.run = took[kRuns / 2].run;
  cost.by_rows.emplace_back(1, cost.run);
  double best_per_row = static_cast<double>(took[kRuns / 2].whole.count());
  for (std::size_t rows = 2; rows <= max_rows && clock.now() - start < budget; rows *= 2) {
    const std::vector<RowRange> parts(rows, RowRange{&one, 0, one.rows});
    const Stacked stacked = stack(parts);
    // The first run of a size allocates for it; the second is what it costs from then on.
    if (!time_run(instance, stacked.inputs, clock)) break;
    const auto time = time_run(instance, stacked.inputs, clock);
    if (!time) break;
    cost.by_rows.emplace_back(rows, time->run);
    const double per_row = static_cast<double>(time->whole.count()) / static_cast<double>(rows);
    if (per_row > best_per_row * (1 - kLeastGain)) break;
    best_per_row = per_row;
    cost.best_rows = rows;
  }
  return cost;
}

}  // namespace slipway::serving
