#include "serving/stacking.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>
#include <utility>

namespace slipway::serving {
namespace {

bool same_row_shape(const Shape& a, const Shape& b) {
  return a.rank() == b.rank() && a.rank() > 0 &&
         std::equal(a.dims().begin() + 1, a.dims().end(), b.dims().begin() + 1);
}

bool rows_agree(const Binding& binding) {
  return binding.rows > 0 &&
         std::all_of(binding.inputs.begin(), binding.inputs.end(), [&](const TensorView& input) {
           return input.shape.rank() > 0 && input.shape[0] == static_cast<std::int64_t>(binding.rows);
         });
}

/// Keeps the memory of the whole answer for each of its parts.
class SharedMemory final : public infer::OutputMemory {
 public:
  explicit SharedMemory(std::shared_ptr<infer::OutputMemory> whole) : whole_(std::move(whole)) {}

 private:
  std::shared_ptr<infer::OutputMemory> whole_;
};

/// Takes rows off the front of one output.
class RowCutter {
 public:
  explicit RowCutter(const TensorView& output)
      : output_(output), rest_(output.data), rows_left_(static_cast<std::size_t>(output.shape[0])) {
    elements_per_row_ =
        rows_left_ == 0 ? 0 : static_cast<std::size_t>(output.shape.elements().value_or(0)) / rows_left_;
  }

  TensorView take(std::size_t rows) {
    TensorView part = output_;
    part.shape.set(0, static_cast<std::int64_t>(rows));
    const std::size_t size = bytes_of(rows * elements_per_row_);
    part.data = rest_.first(size);
    rest_ = rest_.subspan(size);
    return part;
  }

 private:
  // Precondition: the output is whole, which the backend promises.
  std::size_t bytes_of(std::size_t elements) const {
    if (output_.dtype != DType::kBytes) return elements * dtype_size(output_.dtype);
    std::size_t size = 0;
    for (std::size_t i = 0; i < elements; ++i) {
      std::uint32_t length = 0;
      std::memcpy(&length, rest_.data() + size, sizeof(length));
      size += sizeof(length) + length;
    }
    return size;
  }

  const TensorView& output_;
  ByteView rest_;
  std::size_t rows_left_;
  std::size_t elements_per_row_ = 0;
};

}  // namespace

bool takes_rows(const Signature& signature) {
  return !signature.inputs.empty() &&
         std::all_of(signature.inputs.begin(), signature.inputs.end(),
                     [](const TensorSpec& spec) { return spec.shape.rank() > 0 && spec.shape[0] < 0; });
}

bool can_stack(const Binding& a, const Binding& b) {
  if (a.inputs.size() != b.inputs.size() || a.outputs != b.outputs || !rows_agree(a) || !rows_agree(b))
    return false;
  for (std::size_t i = 0; i < a.inputs.size(); ++i) {
    if (a.inputs[i].dtype != b.inputs[i].dtype || !same_row_shape(a.inputs[i].shape, b.inputs[i].shape))
      return false;
  }
  return true;
}

Stacked stack(std::span<const Binding* const> parts) {
  Stacked stacked;
  for (const Binding* part : parts) stacked.rows += part->rows;
  for (std::size_t i = 0; i < parts.front()->inputs.size(); ++i) {
    std::size_t size = 0;
    for (const Binding* part : parts) size += part->inputs[i].data.size();
    Buffer buffer(size);
    std::byte* to = buffer.bytes().data();
    for (const Binding* part : parts) {
      const ByteView data = part->inputs[i].data;
      if (!data.empty()) std::memcpy(to, data.data(), data.size());
      to += data.size();
    }
    TensorView view = parts.front()->inputs[i];
    view.shape.set(0, static_cast<std::int64_t>(stacked.rows));
    view.data = buffer.bytes();
    stacked.inputs.push_back(view);
    stacked.memory.push_back(std::move(buffer));
  }
  return stacked;
}

Result<std::vector<infer::Response>> cut(infer::Response whole, std::span<const std::size_t> rows) {
  const std::size_t total = std::accumulate(rows.begin(), rows.end(), std::size_t{0});
  for (const infer::Output& output : whole.outputs) {
    if (output.tensor.shape.rank() > 0 && output.tensor.shape[0] == static_cast<std::int64_t>(total))
      continue;
    return internal_error("serving.batch_shape",
                          "output \"" + std::string(output.name) + "\" has the shape " +
                              output.tensor.shape.to_string() + " for " + std::to_string(total) +
                              " rows, so it cannot be given back to the requests it was made for");
  }
  const std::shared_ptr<infer::OutputMemory> memory = std::move(whole.memory);
  std::vector<RowCutter> cutters;
  for (const infer::Output& output : whole.outputs) cutters.emplace_back(output.tensor);
  std::vector<infer::Response> parts(rows.size());
  for (std::size_t part = 0; part < rows.size(); ++part) {
    for (std::size_t i = 0; i < whole.outputs.size(); ++i) {
      parts[part].outputs.push_back({whole.outputs[i].name, cutters[i].take(rows[part])});
    }
    parts[part].memory = std::make_unique<SharedMemory>(memory);
    parts[part].timings = whole.timings;
  }
  return parts;
}

}  // namespace slipway::serving
