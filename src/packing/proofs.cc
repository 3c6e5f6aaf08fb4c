#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <numeric>
#include <set>

#include "base/text.h"
#include "json/json.h"
#include "packing/proofs_internal.h"
#include "packing/shapes.h"

namespace slipway::packing {
namespace {

constexpr std::size_t kMaxBatch = 32;
constexpr std::size_t kMaxRepeats = 16;
constexpr std::size_t kMinCalls = 5;
constexpr std::size_t kMaxCalls = 101;
constexpr Duration kMaxMeasuring = std::chrono::milliseconds(200);

std::string batch_text(std::span<const Single> singles, std::span<const std::size_t> order) {
  std::string text = "[";
  for (const std::size_t position : order) {
    if (text.size() > 1) text += ',';
    text += singles[position].record;
  }
  return text + "]";
}

// A runtime adds up a batch in another order than a single row, so floats differ in their last digits, and a
// deep model carries that further than the tolerance of golden answers. A model that mixes its rows differs
// by far more than this.
package::Tolerance rounding_tolerance(DType dtype) {
  package::Tolerance tolerance = package::default_tolerance(dtype);
  constexpr double kDeeper = 100;
  tolerance.relative *= kDeeper;
  tolerance.absolute *= kDeeper;
  return tolerance;
}

// Why this batch does not answer like its rows alone; empty when it does. `rounding` grows to the largest
// difference seen.
std::string batch_fault(Runner& runner, std::span<const Single> singles, std::span<const std::size_t> order,
                        double& rounding) {
  const std::string size = "a batch of " + std::to_string(order.size());
  const auto batch = runner.answer(batch_text(singles, order));
  if (!batch.ok()) {
    const bool wrong_shape = batch.error().id() == "function.output_shape";
    return (wrong_shape ? "" : "the model fails on " + size + ": ") + batch.error().message();
  }
  for (const NamedTensor& output : batch->outputs) {
    const TensorView view = output.tensor.view();
    const std::string name = "the output '" + printable(output.name) + "'";
    if (view.shape.rank() == 0 || view.shape[0] != static_cast<std::int64_t>(order.size())) {
      return name + " has the shape " + view.shape.to_string() + " for " + size;
    }
    for (std::size_t row = 0; row < order.size(); ++row) {
      for (const NamedTensor& alone : singles[order[row]].answered.outputs) {
        if (alone.name != output.name) continue;
        const auto compared = package::compare_tensors(output.name, alone.tensor.view(), slice_row(view, row),
                                                       rounding_tolerance(view.dtype));
        rounding = std::max(rounding, compared.largest_difference);
        if (compared.verdict == package::Verdict::kDifferent) {
          return name + " of a record differs in " + size + ": " + compared.what;
        }
      }
    }
  }
  return "";
}

std::string same_bytes_fault(Runner& runner, const Single& single) {
  const auto again = runner.run(single.answered.inputs);
  if (!again.ok()) return "fails: " + again.error().message();
  for (std::size_t i = 0; i < again->size(); ++i) {
    const TensorView a = single.answered.outputs[i].tensor.view();
    const TensorView b = (*again)[i].tensor.view();
    const bool same = a.shape == b.shape && a.data.size() == b.data.size() &&
                      (a.data.empty() || std::memcmp(a.data.data(), b.data.data(), a.data.size()) == 0);
    if (!same) return "gives other bytes in the output '" + printable((*again)[i].name) + "'";
  }
  return "";
}

// What tells one class of answers from another: labels where there are some, else small outputs that are no
// floats.
std::string label_key(const Single& single, const function::Function& function) {
  std::string key;
  json::Parser parser;
  const auto answers = parser.parse(single.answered.answer);
  for (const function::AnswerInfo& answer : function.answers()) {
    if (answer.kind != function::OutputField::Kind::kLabel || !answers.ok()) continue;
    for (const json::Value& row : answers->array()) {
      const auto value = row.find(answer.name);
      key += value ? value->to_text() + "\n" : "";
    }
  }
  if (!key.empty()) return key;
  constexpr std::size_t kSmall = 64;
  for (const NamedTensor& output : single.answered.outputs) {
    if (is_float(output.tensor.dtype) || output.tensor.data.size() > kSmall) continue;
    key += as_text(output.tensor.data.bytes());
  }
  return key;
}

void keep_extremes(std::span<const Single> singles, std::set<std::size_t>& chosen, std::size_t max_count) {
  struct Extreme {
    double low = 0;
    double high = 0;
    std::size_t low_at = 0;
    std::size_t high_at = 0;
  };
  std::map<std::string, Extreme, std::less<>> extremes;
  json::Parser parser;
  for (std::size_t i = 0; i < singles.size(); ++i) {
    const auto record = parser.parse(singles[i].record);
    if (!record.ok()) continue;
    for (const json::Member& member : record->object()) {
      const auto number = member.value.as_double();
      if (!number) continue;
      const auto [it, is_new] =
          extremes.try_emplace(std::string(member.key), Extreme{*number, *number, i, i});
      if (is_new) continue;
      if (*number < it->second.low) it->second.low = *number, it->second.low_at = i;
      if (*number > it->second.high) it->second.high = *number, it->second.high_at = i;
    }
  }
  for (const auto& [name, extreme] : extremes) {
    for (const std::size_t at : {extreme.low_at, extreme.high_at}) {
      if (chosen.size() < max_count) chosen.insert(at);
    }
  }
}

}  // namespace

Proof prove_batchable(Runner& runner, const Signature& signature, std::span<const Single> singles) {
  if (!starts_with_batch(signature)) {
    return {false, signature.inputs.empty()
                       ? "the model has no inputs"
                       : "the first dimension of its inputs is fixed, so one record fills a call"};
  }
  double rounding = 0;
  std::vector<std::size_t> order(std::min(singles.size(), kMaxBatch));
  std::iota(order.begin(), order.end(), std::size_t{0});
  while (order.size() < 3) order.push_back(order.size() % singles.size());
  if (std::string fault = batch_fault(runner, singles, order, rounding); !fault.empty())
    return {false, std::move(fault)};
  std::vector<std::size_t> reversed(order.rbegin(), order.rend());
  reversed.resize((reversed.size() + 1) / 2 + 1);
  if (std::string fault = batch_fault(runner, singles, reversed, rounding); !fault.empty())
    return {false, std::move(fault)};
  std::string why = std::to_string(order.size()) + " records together are answered as each of them alone";
  if (rounding > 0) {
    std::array<char, 64> difference{};
    std::snprintf(difference.data(), difference.size(), ", up to rounding (largest difference %.1e)",
                  rounding);
    why += difference.data();
  }
  return {true, std::move(why)};
}

Proof prove_deterministic(Runner& same, Runner& fresh, std::span<const Single> singles) {
  const std::size_t count = std::min(singles.size(), kMaxRepeats);
  for (std::size_t i = 0; i < count; ++i) {
    if (const std::string fault = same_bytes_fault(same, singles[i]); !fault.empty()) {
      return {false, "the same request asked again " + fault};
    }
    if (const std::string fault = same_bytes_fault(fresh, singles[i]); !fault.empty()) {
      return {false, "the model loaded again " + fault};
    }
  }
  return {true, "the same bytes when asked again and when loaded again"};
}

Duration measure_call(Runner& runner, const Clock& clock, const Single& single) {
  std::vector<Duration> times;
  const MonoTime start = clock.now();
  while (times.size() < kMaxCalls && (times.size() < kMinCalls || clock.now() - start < kMaxMeasuring)) {
    const MonoTime before = clock.now();
    if (!runner.run(single.answered.inputs).ok()) break;
    times.push_back(clock.now() - before);
  }
  if (times.empty()) return {};
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

std::vector<std::size_t> choose_golden(std::span<const Single> singles, const function::Function& function,
                                       std::size_t max_count) {
  std::set<std::size_t> chosen;
  std::set<std::string> labels;
  for (std::size_t i = 0; i < singles.size() && chosen.size() < max_count; ++i) {
    if (labels.insert(label_key(singles[i], function)).second) chosen.insert(i);
  }
  keep_extremes(singles, chosen, max_count);
  // A few more from all over the sample, where fields are no numbers.
  constexpr std::size_t kAtLeast = 8;
  const std::size_t step = std::max<std::size_t>(1, singles.size() / kAtLeast);
  for (std::size_t i = 0; i < singles.size() && chosen.size() < std::min(kAtLeast, max_count); i += step) {
    chosen.insert(i);
  }
  return {chosen.begin(), chosen.end()};
}

}  // namespace slipway::packing
