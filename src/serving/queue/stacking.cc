#include "serving/queue/stacking.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

namespace slipway::serving {
namespace {

bool same_row_shape(const Shape& a, const Shape& b) {
  return a.rank() == b.rank() && a.rank() > 0 &&
         std::equal(a.dims().begin() + 1, a.dims().end(), b.dims().begin() + 1);
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

bool rows_agree(const Binding& binding) {
  return binding.rows > 0 &&
         std::all_of(binding.inputs.begin(), binding.inputs.end(), [&](const TensorView& input) {
           return input.shape.rank() > 0 && input.shape[0] == static_cast<std::int64_t>(binding.rows);
         });
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

std::vector<TensorView> rows_of(const RowRange& range) {
  std::vector<TensorView> inputs;
  inputs.reserve(range.binding->inputs.size());
  for (const TensorView& input : range.binding->inputs) {
    if (range.first == 0 && range.rows == range.binding->rows) {
      inputs.push_back(input);
      continue;
    }
    RowCutter cutter(input);
    cutter.take(range.first);
    inputs.push_back(cutter.take(range.rows));
  }
  return inputs;
}

namespace {

void append(ByteView data, std::byte*& to) {
  if (!data.empty()) std::memcpy(to, data.data(), data.size());
  to += data.size();
}

}  // namespace

Stacked stack(std::span<const RowRange> parts, std::size_t run_rows) {
  Stacked stacked;
  std::vector<std::vector<TensorView>> inputs;
  for (const RowRange& part : parts) {
    stacked.rows += part.rows;
    inputs.push_back(rows_of(part));
  }
  const std::size_t missing = run_rows > stacked.rows ? run_rows - stacked.rows : 0;
  std::vector<TensorView> last;
  if (missing > 0) {
    const RowRange& part = parts.back();
    last = rows_of({part.binding, part.first + part.rows - 1, 1});
  }
  stacked.rows += missing;
  for (std::size_t i = 0; i < inputs.front().size(); ++i) {
    std::size_t size = missing > 0 ? missing * last[i].data.size() : 0;
    for (const auto& part : inputs) size += part[i].data.size();
    Buffer buffer(size);
    std::byte* to = buffer.bytes().data();
    for (const auto& part : inputs) append(part[i].data, to);
    for (std::size_t row = 0; row < missing; ++row) append(last[i].data, to);
    TensorView view = inputs.front()[i];
    view.shape.set(0, static_cast<std::int64_t>(stacked.rows));
    view.data = buffer.bytes();
    stacked.inputs.push_back(view);
    stacked.memory.push_back(std::move(buffer));
  }
  return stacked;
}

Result<std::vector<infer::Response>> cut(infer::Response whole, std::span<const std::size_t> rows,
                                         std::size_t run_rows) {
  for (const infer::Output& output : whole.outputs) {
    if (output.tensor.shape.rank() > 0 && output.tensor.shape[0] == static_cast<std::int64_t>(run_rows))
      continue;
    return internal_error("serving.batch_shape",
                          "output \"" + std::string(output.name) + "\" has the shape " +
                              output.tensor.shape.to_string() + " for " + std::to_string(run_rows) +
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

namespace {

class JoinedMemory final : public infer::OutputMemory {
 public:
  std::vector<Buffer> buffers;
};

bool joins(const infer::Response& a, const infer::Response& b) {
  return a.outputs.size() == b.outputs.size() &&
         std::equal(a.outputs.begin(), a.outputs.end(), b.outputs.begin(),
                    [](const infer::Output& x, const infer::Output& y) {
                      return x.tensor.dtype == y.tensor.dtype &&
                             same_row_shape(x.tensor.shape, y.tensor.shape);
                    });
}

}  // namespace

Result<infer::Response> join(std::vector<infer::Response> parts) {
  infer::Response whole;
  whole.timings = parts.front().timings;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (!joins(parts.front(), parts[i])) {
      return internal_error("serving.batch_shape",
                            "a request was run in pieces, and their outputs have shapes that do not fit "
                            "together");
    }
    whole.timings.compute += parts[i].timings.compute;
  }
  auto memory = std::make_unique<JoinedMemory>();
  for (std::size_t i = 0; i < parts.front().outputs.size(); ++i) {
    std::size_t size = 0;
    std::int64_t rows = 0;
    for (const infer::Response& part : parts) {
      size += part.outputs[i].tensor.data.size();
      rows += part.outputs[i].tensor.shape[0];
    }
    SLIPWAY_ASSIGN_OR_RETURN(Buffer buffer, Buffer::allocate(size));
    std::byte* to = buffer.bytes().data();
    for (const infer::Response& part : parts) append(part.outputs[i].tensor.data, to);
    infer::Output output = parts.front().outputs[i];
    output.tensor.shape.set(0, rows);
    output.tensor.data = buffer.bytes();
    whole.outputs.push_back(output);
    memory->buffers.push_back(std::move(buffer));
  }
  whole.memory = std::move(memory);
  return whole;
}

}  // namespace slipway::serving
