// Records -> tensors. One pass over the parsed document writes straight into the tensors' memory; nothing is
// looked up by hash while records name their fields in the order of the one before.
#include <array>
#include <limits>
#include <numeric>

#include "base/checked.h"
#include "base/text.h"
#include "function/plan_internal.h"
#include "function/store_internal.h"

namespace slipway::function {
namespace {

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

std::string found_text(const json::Value& value) {
  if (value.is_array() || value.is_object()) return "found " + std::string(json::type_name(value.type()));
  return "found " + printable(value.to_text(), 40);
}

std::string wanted_text(FieldType type) {
  switch (type) {
    case FieldType::kNumber:
      return "wanted a number";
    case FieldType::kInteger:
      return "wanted a whole number";
    case FieldType::kString:
      return "wanted a string";
    case FieldType::kBoolean:
      return "wanted true or false";
    case FieldType::kArray:
      break;
  }
  return "wanted an array";
}

/// One input tensor while it is filled.
struct Target {
  Tensor tensor;                        ///< of fixed-size types
  std::vector<std::string_view> texts;  ///< of BYTES: rows x elements
  Shape record_shape;                   ///< without free dimensions once `is_made`
  std::size_t elements = 0;             ///< per record
  std::size_t record_bytes = 0;
  bool is_made = false;
};

class Encoder {
 public:
  Encoder(const Function::Impl& plan, std::size_t rows, std::size_t max_bytes)
      : plan_(plan), rows_(rows), max_bytes_(max_bytes), targets_(plan.inputs.size()) {
    const std::size_t words = (plan.fields.size() + 63) / 64;
    if (words > few_.size()) many_.resize(words);
    seen_ = words > few_.size() ? std::span(many_) : std::span(few_).first(words);
  }

  Result<Batch> run(const json::Value& records) {
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      const InputPlan& input = plan_.inputs[i];
      if (input.record_shape.is_fixed()) SLIPWAY_TRY(make_target(i, input.record_shape));
    }
    std::size_t row = 0;
    for (const json::Value record : records.array()) {
      if (plan_.is_float_row && record.read_members(plan_.names, float_row(row))) [[likely]] {
        // The usual record is there already.
      } else if (record.is_object()) {
        SLIPWAY_TRY(encode_record(record.object(), row));
      } else {
        fault(row, {}, found_text(record) + ", wanted an object");
      }
      if (faults_.size() >= Function::kMaxFaults) break;
      ++row;
    }
    if (!faults_.empty()) return refusal();
    return finish();
  }

 private:
  Error refusal() {
    const std::size_t count = faults_.size();
    std::string message = count == 1 ? "1 field does not fit" : std::to_string(count) + " fields do not fit";
    if (count >= Function::kMaxFaults) message = "at least " + message;
    return invalid_argument("record.invalid", message + ": " + faults_[0].where + ": " + faults_[0].message)
        .with_faults(std::move(faults_));
  }

  void fault(std::size_t row, std::string_view field, std::string message, std::string fix = {}) {
    if (faults_.size() >= Function::kMaxFaults) return;
    faults_.push_back({record_where(row, field), std::move(message), std::move(fix)});
  }

  Error too_large(const InputPlan& input) const {
    return invalid_argument("record.too_large", std::to_string(rows_) + " records make the input \"" +
                                                    printable(input.name) + "\" larger than the " +
                                                    human_bytes(max_bytes_) +
                                                    " allowed: send fewer at a time");
  }

  /// Memory for all rows of one input, once the shape of a record is known.
  Status make_target(std::size_t index, const Shape& record_shape) {
    const InputPlan& input = plan_.inputs[index];
    Target& target = targets_[index];
    Shape shape;
    if (plan_.first_is_row) shape.push_back(static_cast<std::int64_t>(rows_));
    for (const std::int64_t dim : record_shape.dims()) {
      if (shape.rank() == Shape::kMaxRank) return too_large(input);
      shape.push_back(dim);
    }
    const auto elements = record_shape.elements();
    if (!elements) return too_large(input);
    target.record_shape = record_shape;
    target.elements = static_cast<std::size_t>(*elements);
    if (input.dtype == DType::kBytes) {
      const auto count = checked_mul(target.elements, rows_);
      if (!count || *count > max_bytes_ / sizeof(std::uint32_t)) return too_large(input);
      target.texts.resize(*count);
      target.tensor.dtype = DType::kBytes;
      target.tensor.shape = shape;
    } else {
      auto tensor = make_tensor(input.dtype, shape, max_bytes_);
      if (!tensor) return too_large(input);
      target.tensor = std::move(*tensor);
      target.record_bytes = target.elements * dtype_size(input.dtype);
    }
    target.is_made = true;
    return {};
  }

  std::byte* element(Target& target, DType dtype, std::size_t row, std::size_t index) {
    return target.tensor.data.bytes().data() + row * target.record_bytes + index * dtype_size(dtype);
  }

  /// The one input's memory for a record. Precondition: plan_.is_float_row.
  std::span<float> float_row(std::size_t row) {
    Target& target = targets_[0];
    return {reinterpret_cast<float*>(element(target, DType::kFp32, row, 0)), target.elements};
  }

  /// The field of the member at `position`; the guess is the one that stood there in the record before.
  std::uint32_t field_at(std::size_t position, std::string_view key) {
    if (position < order_.size() && plan_.names[order_[position]] == key) [[likely]]
      return order_[position];
    const auto found = plan_.field_by_name.find(key);
    if (found == plan_.field_by_name.end()) return kNone;
    if (position < order_.size()) order_[position] = found->second;
    return found->second;
  }

  Status encode_record(const json::ObjectView& record, std::size_t row) {
    if (order_.empty()) {
      order_.resize(plan_.fields.size());
      std::iota(order_.begin(), order_.end(), 0U);
    }
    for (std::uint64_t& word : seen_) word = 0;
    std::size_t position = 0;
    std::size_t filled = 0;
    for (const json::Member member : record) {
      const std::uint32_t index = field_at(position++, member.key);
      if (index == kNone) [[unlikely]] {
        unknown(row, member.key);
        continue;
      }
      std::uint64_t& word = seen_[index / 64];
      const std::uint64_t bit = std::uint64_t{1} << (index % 64);
      if ((word & bit) != 0) [[unlikely]] {
        fault(row, member.key, "is given twice");
        continue;
      }
      word |= bit;
      ++filled;
      SLIPWAY_TRY(encode_field(index, member.value, row));
    }
    if (filled < plan_.fields.size()) [[unlikely]]
      fill_missing(row);
    return {};
  }

  void unknown(std::size_t row, std::string_view key) {
    const std::string near = nearest(key, plan_.names);
    fault(row, printable(key), "is no field of this model",
          near.empty() ? "the fields are " + join_words(plan_.names) : "did you mean \"" + near + "\"?");
  }

  void fill_missing(std::size_t row) {
    for (std::uint32_t i = 0; i < plan_.fields.size(); ++i) {
      if ((seen_[i / 64] >> (i % 64) & 1U) != 0) continue;
      if (plan_.fields[i].required) {
        fault(row, plan_.names[i], "is missing, " + wanted_text(plan_.fields[i].type));
      } else {
        put_default(plan_.fields[i], row);
      }
    }
  }

  void put_default(const FieldPlan& field, std::size_t row) {
    Target& target = targets_[field.input];
    if (field.dtype == DType::kBytes) {
      target.texts[row * target.elements + field.column] = field.default_text;
    } else {
      std::memcpy(element(target, field.dtype, row, field.column), field.default_bytes.data(),
                  dtype_size(field.dtype));
    }
  }

  Status encode_field(std::uint32_t index, const json::Value& value, std::size_t row) {
    const FieldPlan& field = plan_.fields[index];
    if (field.type == FieldType::kArray) return encode_array(index, value, row);
    Target& target = targets_[field.input];
    if (field.type == FieldType::kString) {
      const auto text = value.as_string();
      if (text) [[likely]] {
        target.texts[row * target.elements + field.column] = *text;
        return {};
      }
    } else {
      const Fit fit =
          store_value(field.type, field.dtype, value, element(target, field.dtype, row, field.column));
      if (fit == Fit::kOk) [[likely]]
        return {};
      if (fit != Fit::kType) {
        misfit(index, value, row, fit, {});
        return {};
      }
    }
    if (!field.required && value.type() == json::Type::kNull) {
      put_default(field, row);
    } else {
      misfit(index, value, row, Fit::kType, {});
    }
    return {};
  }

  void misfit(std::uint32_t index, const json::Value& value, std::size_t row, Fit fit,
              const std::string& place) {
    const FieldPlan& field = plan_.fields[index];
    const FieldType type = field.type == FieldType::kArray ? element_type(field.dtype) : field.type;
    std::string message = place + found_text(value) + ", " + wanted_text(type);
    if (fit == Fit::kWhole) message = place + found_text(value) + ", wanted a whole number";
    if (fit == Fit::kRange) {
      message = place + found_text(value) + ", which the model's " + std::string(dtype_name(field.dtype)) +
                " cannot hold";
    }
    fault(row, plan_.names[index], std::move(message));
  }

  /// The shape of a nested array by its first elements, as deep as the declared one goes; nothing where it is
  /// less deep.
  static std::optional<Shape> measure(const json::Value& value, const Shape& declared) {
    Shape shape;
    std::optional<json::Value> at = value;
    for (std::size_t i = 0; i < declared.rank(); ++i) {
      if (!at) {  // below an empty array
        shape.push_back(declared[i] < 0 ? 0 : declared[i]);
        continue;
      }
      if (!at->is_array()) return std::nullopt;
      const json::ArrayView array = at->array();
      const std::size_t size = array.size();
      shape.push_back(static_cast<std::int64_t>(size));
      if (size == 0) {
        at.reset();
      } else {
        at = *array.begin();
      }
    }
    return shape;
  }

  Status encode_array(std::uint32_t index, const json::Value& value, std::size_t row) {
    const FieldPlan& field = plan_.fields[index];
    const InputPlan& input = plan_.inputs[field.input];
    Target& target = targets_[field.input];
    if (!target.is_made) {
      const auto shape = measure(value, input.record_shape);
      if (!shape || !input.record_shape.accepts(*shape)) {
        wrong_shape(index, value, shape, row);
        return {};
      }
      SLIPWAY_TRY(make_target(field.input, *shape));
    }
    std::size_t next = 0;
    fill(index, value, row, 0, next);
    return {};
  }

  void wrong_shape(std::uint32_t index, const json::Value& value, const std::optional<Shape>& shape,
                   std::size_t row) {
    const InputPlan& input = plan_.inputs[plan_.fields[index].input];
    fault(row, plan_.names[index],
          (shape ? "found an array of shape " + shape->to_string() : found_text(value)) +
              ", wanted nested arrays of shape " + input.record_shape.to_string() +
              (input.record_shape.is_fixed() ? "" : " (-1 is any size)"));
  }

  /// Copies one level of a nested array; false after a fault.
  bool fill(std::uint32_t index, const json::Value& value, std::size_t row, std::size_t depth,
            std::size_t& next) {
    const FieldPlan& field = plan_.fields[index];
    Target& target = targets_[field.input];
    if (depth == target.record_shape.rank()) return put_element(index, value, row, next++);
    const auto wanted = static_cast<std::size_t>(target.record_shape[depth]);
    if (!value.is_array() || value.array().size() != wanted) {
      fault(row, plan_.names[index],
            (value.is_array() ? "found an array of " + std::to_string(value.array().size())
                              : found_text(value)) +
                " where an array of " + std::to_string(wanted) + " is wanted: the shape is " +
                target.record_shape.to_string() +
                (plan_.inputs[field.input].record_shape.is_fixed()
                     ? ""
                     : ", the same for all records of a request"));
      return false;
    }
    for (const json::Value item : value.array()) {
      if (!fill(index, item, row, depth + 1, next)) return false;
    }
    return true;
  }

  bool put_element(std::uint32_t index, const json::Value& value, std::size_t row, std::size_t at) {
    const FieldPlan& field = plan_.fields[index];
    Target& target = targets_[field.input];
    Fit fit = Fit::kType;
    if (field.dtype == DType::kBytes) {
      if (const auto text = value.as_string()) {
        target.texts[row * target.elements + at] = *text;
        fit = Fit::kOk;
      }
    } else {
      fit = store_value(element_type(field.dtype), field.dtype, value, element(target, field.dtype, row, at));
    }
    if (fit == Fit::kOk) [[likely]]
      return true;
    misfit(index, value, row, fit, "element " + std::to_string(at) + ": ");
    return false;
  }

  Result<Batch> finish() {
    Batch batch;
    batch.rows = rows_;
    batch.inputs.reserve(targets_.size());
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      Target& target = targets_[i];
      SLIPWAY_CHECK(target.is_made);
      if (target.tensor.dtype == DType::kBytes) SLIPWAY_TRY(join_texts(target, plan_.inputs[i]));
      batch.inputs.push_back({plan_.inputs[i].name, std::move(target.tensor)});
    }
    return batch;
  }

  /// Lays the texts of a BYTES tensor out one after the other.
  Status join_texts(Target& target, const InputPlan& input) {
    std::size_t bytes = 0;
    for (const std::string_view text : target.texts) {
      if (text.size() > max_bytes_) return too_large(input);
      bytes += sizeof(std::uint32_t) + text.size();
    }
    if (bytes > max_bytes_) return too_large(input);
    target.tensor.data = Buffer(bytes);
    std::byte* to = target.tensor.data.bytes().data();
    for (const std::string_view text : target.texts) {
      const auto length = static_cast<std::uint32_t>(text.size());
      std::memcpy(to, &length, sizeof(length));
      if (!text.empty()) std::memcpy(to + sizeof(length), text.data(), text.size());
      to += sizeof(length) + text.size();
    }
    return {};
  }

  const Function::Impl& plan_;
  const std::size_t rows_;
  const std::size_t max_bytes_;
  std::vector<Target> targets_;       ///< by model input
  std::vector<std::uint32_t> order_;  ///< the fields by their position in the record before
  std::array<std::uint64_t, 4> few_{};
  std::vector<std::uint64_t> many_;
  std::span<std::uint64_t> seen_;  ///< a bit per field
  std::vector<Fault> faults_;
};

}  // namespace

Result<Batch> encode_records(const Function::Impl& plan, const json::Value& records, std::size_t max_bytes) {
  if (!records.is_array()) {
    return invalid_argument("record.invalid", found_text(records) + ", wanted an array of records");
  }
  const std::size_t rows = records.array().size();
  if (rows == 0) return invalid_argument("record.none", "there is no record to predict");
  if (rows > 1 && !plan.takes_rows) {
    return invalid_argument("function.not_batchable", "this model takes one record at a time, but " +
                                                          std::to_string(rows) +
                                                          " are given: send one per request");
  }
  return Encoder(plan, rows, max_bytes).run(records);
}

}  // namespace slipway::function
