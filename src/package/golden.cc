#include "package/golden.h"

#include <cmath>
#include <limits>

#include "base/text.h"
#include "json/strict.h"
#include "json/writer.h"

namespace slipway::package {
namespace {

using json::Need;
using json::ObjectReader;

constexpr std::size_t kMaxTensors = 10'000;
constexpr std::size_t kMaxElements = std::size_t{16} << 20U;

void write_not_finite(json::Writer& out, double value) {
  out.string(std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
}

template <typename T>
void write_values(json::Writer& out, const TensorView& view) {
  for (std::size_t i = 0; i * sizeof(T) < view.data.size(); ++i) {
    T value;
    std::memcpy(&value, view.data.data() + i * sizeof(T), sizeof(T));
    if constexpr (std::is_same_v<T, bool>) {
      out.boolean(value);
    } else if constexpr (std::is_floating_point_v<T>) {
      std::isfinite(value) ? out.number(value) : write_not_finite(out, static_cast<double>(value));
    } else if constexpr (std::is_signed_v<T>) {
      out.number(std::int64_t{value});
    } else {
      out.number(std::uint64_t{value});
    }
  }
}

Status write_texts(json::Writer& out, const TensorView& view) {
  BytesReader reader(view.data);
  std::string_view element;
  while (reader.next(element)) {
    if (!is_utf8(element))
      return invalid_argument("golden.not_text", "'" + printable(element) + "' is no UTF-8 text");
    out.string(element);
  }
  return {};
}

Status write_data(json::Writer& out, const TensorView& view) {
  switch (view.dtype) {
    case DType::kBool:
      write_values<bool>(out, view);
      return {};
    case DType::kUint8:
      write_values<std::uint8_t>(out, view);
      return {};
    case DType::kUint16:
      write_values<std::uint16_t>(out, view);
      return {};
    case DType::kUint32:
      write_values<std::uint32_t>(out, view);
      return {};
    case DType::kUint64:
      write_values<std::uint64_t>(out, view);
      return {};
    case DType::kInt8:
      write_values<std::int8_t>(out, view);
      return {};
    case DType::kInt16:
      write_values<std::int16_t>(out, view);
      return {};
    case DType::kInt32:
      write_values<std::int32_t>(out, view);
      return {};
    case DType::kInt64:
      write_values<std::int64_t>(out, view);
      return {};
    case DType::kFp32:
      write_values<float>(out, view);
      return {};
    case DType::kFp64:
      write_values<double>(out, view);
      return {};
    case DType::kBytes:
      return write_texts(out, view);
    case DType::kFp16:
    case DType::kBf16:
      break;
  }
  // Exact as float, whose shortest text reads back to the same value.
  for (std::size_t i = 0; i * 2 < view.data.size(); ++i) {
    const auto value = static_cast<float>(element_as_double(view, i));
    std::isfinite(value) ? out.number(value) : write_not_finite(out, static_cast<double>(value));
  }
  return {};
}

Status write_tensors(json::Writer& out, std::string_view key, const std::vector<NamedTensor>& tensors) {
  out.key(key);
  out.begin_array();
  for (const NamedTensor& named : tensors) {
    out.begin_object();
    out.field("name", std::string_view(named.name));
    out.field("type", dtype_name(named.tensor.dtype));
    out.key("shape");
    out.begin_array();
    for (const std::int64_t dim : named.tensor.shape.dims()) out.number(dim);
    out.end_array();
    out.key("data");
    out.begin_array();
    const Status status = write_data(out, named.tensor.view());
    if (!status.ok()) return status.error().within(named.name);
    out.end_array();
    out.end_object();
  }
  out.end_array();
  return {};
}

std::optional<double> float_of(const json::Value& value) {
  if (const auto number = value.as_double()) return number;
  const auto text = value.as_string();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

template <typename T>
bool put_as(const std::optional<T>& value, std::byte* to) {
  if (value) std::memcpy(to, &*value, sizeof(T));
  return value.has_value();
}

template <typename T, typename From>
bool put_narrow(const std::optional<From>& value, std::byte* to) {
  if (!value || !std::in_range<T>(*value)) return false;
  return put_as<T>(static_cast<T>(*value), to);
}

bool put_float(DType dtype, const json::Value& value, std::byte* to) {
  const auto number = float_of(value);
  if (!number) return false;
  const auto narrow = static_cast<float>(*number);
  switch (dtype) {
    case DType::kFp16:
      return put_as<std::uint16_t>(float_to_half(narrow), to);
    case DType::kBf16:
      return put_as<std::uint16_t>(float_to_bfloat(narrow), to);
    case DType::kFp32:
      return put_as<float>(narrow, to);
    default:
      return put_as<double>(*number, to);
  }
}

bool put_element(DType dtype, const json::Value& value, std::byte* to) {
  switch (dtype) {
    case DType::kBool:
      return put_as<bool>(value.as_bool(), to);
    case DType::kUint8:
      return put_narrow<std::uint8_t>(value.as_uint64(), to);
    case DType::kUint16:
      return put_narrow<std::uint16_t>(value.as_uint64(), to);
    case DType::kUint32:
      return put_narrow<std::uint32_t>(value.as_uint64(), to);
    case DType::kUint64:
      return put_as<std::uint64_t>(value.as_uint64(), to);
    case DType::kInt8:
      return put_narrow<std::int8_t>(value.as_int64(), to);
    case DType::kInt16:
      return put_narrow<std::int16_t>(value.as_int64(), to);
    case DType::kInt32:
      return put_narrow<std::int32_t>(value.as_int64(), to);
    case DType::kInt64:
      return put_as<std::int64_t>(value.as_int64(), to);
    default:
      return put_float(dtype, value, to);
  }
}

class LineReader {
 public:
  LineReader(const GoldenLimits& limits, json::Faults& faults) : limits_(limits), faults_(faults) {}

  GoldenCase read(const json::Value& value, const std::string& where) {
    ObjectReader in(value, where, faults_);
    GoldenCase golden;
    if (in.has("record") || in.has("answer")) {
      golden.record = object_text(in, "record");
      golden.answer = object_text(in, "answer");
    } else {
      golden.inputs = tensors(in, "inputs");
      golden.outputs = tensors(in, "outputs");
    }
    in.finish();
    return golden;
  }

 private:
  static std::string object_text(ObjectReader& in, std::string_view key) {
    const auto value = in.value(key);
    if (!value) return {};
    if (!value->is_object()) in.fault(key, "an object is wanted");
    return value->to_text();
  }

  std::vector<NamedTensor> tensors(ObjectReader& in, std::string_view key) {
    std::vector<NamedTensor> out;
    for (const json::Value& value : in.array(key, kMaxTensors)) {
      ObjectReader item(value, in.at(key) + "[" + std::to_string(out.size()) + "]", faults_);
      out.push_back(tensor(item));
      item.finish();
    }
    return out;
  }

  NamedTensor tensor(ObjectReader& item) {
    NamedTensor named;
    named.name = item.text("name");
    const std::string type = item.text("type");
    const auto dtype = dtype_from_name(type);
    if (!dtype) item.fault("type", "'" + printable(type) + "' is no tensor type");
    std::vector<std::int64_t> dims;
    for (const json::Value& dim : item.array("shape", Shape::kMaxRank))
      dims.push_back(dim.as_int64().value_or(-1));
    const auto shape = Shape::from(dims);
    const std::vector<json::Value> data = item.array("data", kMaxElements);
    if (!dtype || !shape.ok()) {
      if (!shape.ok()) item.fault("shape", shape.error().message());
      return named;
    }
    const auto elements = shape->elements();
    if (!elements || static_cast<std::uint64_t>(*elements) != data.size()) {
      item.fault("data", "has " + std::to_string(data.size()) + " elements, which do not fill the shape");
      return named;
    }
    *dtype == DType::kBytes ? fill_texts(item, *shape, data, named)
                            : fill_numbers(item, *dtype, *shape, data, named);
    return named;
  }

  static void fill_texts(ObjectReader& item, const Shape& shape, const std::vector<json::Value>& data,
                         NamedTensor& named) {
    std::vector<std::string> texts;
    for (const json::Value& value : data) {
      const auto text = value.as_string();
      if (!text) return item.fault("data", "strings are wanted");
      texts.emplace_back(*text);
    }
    named.tensor = Tensor::of_strings(shape, texts);
  }

  void fill_numbers(ObjectReader& item, DType dtype, const Shape& shape, const std::vector<json::Value>& data,
                    NamedTensor& named) const {
    auto tensor = make_tensor(dtype, shape, limits_.max_tensor_bytes);
    if (!tensor.ok()) return item.fault("shape", tensor.error().message());
    std::byte* to = tensor->data.bytes().data();
    for (std::size_t i = 0; i < data.size(); ++i, to += dtype_size(dtype)) {
      if (put_element(dtype, data[i], to)) continue;
      return item.fault("data", "element " + std::to_string(i) + " is no " + std::string(dtype_name(dtype)));
    }
    named.tensor = std::move(*tensor);
  }

  const GoldenLimits& limits_;
  json::Faults& faults_;
};

}  // namespace

Result<std::string> encode_golden_case(const GoldenCase& golden) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  if (golden.has_record()) {
    out.key("record");
    out.raw(golden.record);
    out.key("answer");
    out.raw(golden.answer);
  } else {
    SLIPWAY_TRY(write_tensors(out, "inputs", golden.inputs));
    SLIPWAY_TRY(write_tensors(out, "outputs", golden.outputs));
  }
  out.end_object();
  text += '\n';
  return text;
}

Result<std::vector<GoldenCase>> decode_golden(std::string_view text, const GoldenLimits& limits) {
  std::vector<GoldenCase> cases;
  json::Parser parser;
  json::Faults faults;
  LineReader reader(limits, faults);
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = text.find('\n');
    const std::string_view row = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    const std::string where = "line " + std::to_string(line);
    if (cases.size() == limits.max_cases || row.size() > limits.max_line_bytes) {
      return resource_exhausted("golden.too_large",
                                where + ": more cases, or a longer line, than is read here");
    }
    const auto value = parser.parse(row);
    if (value.ok()) {
      cases.push_back(reader.read(*value, where));
    } else {
      faults.add(where, value.error().message());
    }
  }
  if (faults.empty()) return cases;
  return invalid_argument("golden.invalid", "the golden requests are not valid").with_faults(faults.take());
}

}  // namespace slipway::package
