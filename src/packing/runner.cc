#include "packing/runner.h"

#include <optional>

namespace slipway::packing {

Result<std::vector<NamedTensor>> Runner::run(const std::vector<NamedTensor>& inputs) {
  std::vector<TensorView> views;
  for (const TensorSpec& spec : instance_.signature().inputs) {
    const NamedTensor* found = nullptr;
    for (const NamedTensor& input : inputs) found = input.name == spec.name ? &input : found;
    if (found == nullptr) {
      return invalid_argument("packing.input_missing", "there is no value for the input '" + spec.name + "'");
    }
    views.push_back(found->tensor.view());
  }
  std::optional<Result<infer::Response>> response;
  instance_.submit(views, {},
                   [&response](Result<infer::Response> given) { response.emplace(std::move(given)); });
  if (!response) return internal_error("packing.not_in_place", "the model did not answer on this thread");
  if (!response->ok()) return response->error();
  std::vector<NamedTensor> outputs;
  for (const infer::Output& output : (*response)->outputs) {
    outputs.push_back({std::string(output.name), Tensor::copy_of(output.tensor)});
  }
  return outputs;
}

Result<Answered> Runner::answer(std::string_view records) {
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value value, parser_.parse(records));
  SLIPWAY_ASSIGN_OR_RETURN(function::Batch batch, function_.before(value));
  Answered answered;
  answered.rows = batch.rows;
  answered.inputs = std::move(batch.inputs);
  SLIPWAY_ASSIGN_OR_RETURN(answered.outputs, run(answered.inputs));
  std::vector<NamedTensorView> views;
  for (const NamedTensor& output : answered.outputs) views.push_back({output.name, output.tensor.view()});
  json::Writer out(answered.answer);
  out.begin_array();
  SLIPWAY_TRY(function_.after(views, answered.rows, out));
  out.end_array();
  return answered;
}

TensorView slice_row(const TensorView& output, std::size_t row) {
  TensorView slice = output;
  slice.shape.set(0, 1);
  const auto per_row = static_cast<std::size_t>(slice.shape.elements().value_or(0));
  if (output.dtype != DType::kBytes) {
    const std::size_t size = per_row * dtype_size(output.dtype);
    slice.data = output.data.subspan(row * size, size);
    return slice;
  }
  BytesReader reader(output.data);
  std::string_view element;
  std::size_t begin = 0;
  std::size_t end = 0;
  for (std::size_t i = 0; i < (row + 1) * per_row && reader.next(element); ++i) {
    if (i == row * per_row) begin = end;
    end += sizeof(std::uint32_t) + element.size();
  }
  slice.data = output.data.subspan(begin, end - begin);
  return slice;
}

}  // namespace slipway::packing
