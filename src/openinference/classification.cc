#include "openinference/classification.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "openinference/facts.h"
#include "openinference/words.h"

namespace slipway::openinference {
namespace {

template <typename T>
bool is_larger(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a) || std::isnan(b)) return !std::isnan(a) && std::isnan(b);
  }
  return a > b;
}

/// The rows of one output and what is wanted of each.
struct Ranking {
  std::size_t rows = 1;
  std::size_t width = 0;    ///< values of a row
  std::size_t classes = 0;  ///< at most width
  std::span<const std::string> labels;
  std::string texts;  ///< the BYTES layout

  template <typename T>
  void add_row(std::span<const T> values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(classes), order.end(),
                      [&](std::size_t a, std::size_t b) {
                        if (is_larger(values[a], values[b])) return true;
                        return !is_larger(values[b], values[a]) && a < b;
                      });
    for (std::size_t i = 0; i < classes; ++i) {
      std::string text = std::to_string(values[order[i]]) + ":" + std::to_string(order[i]);
      if (!labels.empty()) text += ":" + labels[order[i]];
      append_bytes_element(texts, text);
    }
  }

  template <typename T>
  void add_rows(ByteView data) {
    std::vector<T> values(width);
    for (std::size_t row = 0; row < rows; ++row) {
      if (width > 0) std::memcpy(values.data(), data.data() + row * width * sizeof(T), width * sizeof(T));
      add_row<T>(values);
    }
  }

  void add_short_floats(const TensorView& tensor) {
    std::vector<double> values(width);
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t i = 0; i < width; ++i) values[i] = element_as_double(tensor, row * width + i);
      add_row<double>(values);
    }
  }

  void add(const TensorView& tensor) {
    switch (tensor.dtype) {
      case DType::kBool:
      case DType::kUint8:
        return add_rows<std::uint8_t>(tensor.data);
      case DType::kUint16:
        return add_rows<std::uint16_t>(tensor.data);
      case DType::kUint32:
        return add_rows<std::uint32_t>(tensor.data);
      case DType::kUint64:
        return add_rows<std::uint64_t>(tensor.data);
      case DType::kInt8:
        return add_rows<std::int8_t>(tensor.data);
      case DType::kInt16:
        return add_rows<std::int16_t>(tensor.data);
      case DType::kInt32:
        return add_rows<std::int32_t>(tensor.data);
      case DType::kInt64:
        return add_rows<std::int64_t>(tensor.data);
      case DType::kFp32:
        return add_rows<float>(tensor.data);
      case DType::kFp64:
        return add_rows<double>(tensor.data);
      case DType::kFp16:
      case DType::kBf16:
        return add_short_floats(tensor);
      case DType::kBytes:
        return;
    }
  }
};

bool has_rows(const dialect::ServedModel& model, const NamedTensorView& output) {
  const Shape& shape = output.tensor.shape;
  if (shape.rank() == 0) return false;
  if (config_max_batch_size(model) > 0) return true;
  const auto index = model.signature().output_index(output.name);
  return index && shape.rank() > 1 && model.signature().outputs[*index].shape.rank() > 0 &&
         model.signature().outputs[*index].shape[0] < 0;
}

std::span<const std::string> labels_of(const dialect::ServedModel& model, std::string_view output,
                                       std::size_t count) {
  std::span<const std::string> found;
  for (const function::OutputField& field : model.function().spec().outputs) {
    if (field.labels.size() != count) continue;
    if (field.output == output) return field.labels;
    found = field.labels;
  }
  return found;
}

}  // namespace

Result<Tensor> classify(const dialect::ServedModel& model, const NamedTensorView& output,
                        std::uint64_t classes) {
  if (output.tensor.dtype == DType::kBytes) {
    return invalid_argument("v2.classification", "output " + quoted(output.name) +
                                                     " is BYTES, and texts have no largest: ask for it "
                                                     "without \"classification\"");
  }
  if (auto valid = output.tensor.validate(); !valid.ok())
    return internal_error("v2.output", "output " + quoted(output.name) + ": " + valid.error().message());
  const auto elements = static_cast<std::size_t>(*output.tensor.shape.elements());
  const bool rows = has_rows(model, output);
  Ranking ranking;
  ranking.rows = rows ? static_cast<std::size_t>(output.tensor.shape[0]) : 1;
  ranking.width = ranking.rows == 0 ? 0 : elements / ranking.rows;
  ranking.classes = static_cast<std::size_t>(std::min<std::uint64_t>(classes, ranking.width));
  ranking.labels = labels_of(model, output.name, ranking.width);
  ranking.add(output.tensor);
  Shape shape;
  if (rows) shape.push_back(static_cast<std::int64_t>(ranking.rows));
  shape.push_back(static_cast<std::int64_t>(ranking.classes));
  return Tensor{DType::kBytes, shape, Buffer::copy_of(as_bytes(ranking.texts))};
}

bool asks_for_classes(std::span<const OutputForm> forms) {
  return std::any_of(forms.begin(), forms.end(), [](const OutputForm& form) { return form.classes > 0; });
}

Status classify_outputs(const dialect::ServedModel& model, std::span<const OutputForm> forms,
                        std::vector<NamedTensorView>& outputs, std::vector<Tensor>& texts) {
  texts.reserve(outputs.size());
  for (const OutputForm& form : forms) {
    if (form.classes == 0) continue;
    for (NamedTensorView& output : outputs) {
      if (output.name != form.name) continue;
      SLIPWAY_ASSIGN_OR_RETURN(Tensor text, classify(model, output, form.classes));
      texts.push_back(std::move(text));
      output.tensor = texts.back().view();
    }
  }
  return {};
}

}  // namespace slipway::openinference
