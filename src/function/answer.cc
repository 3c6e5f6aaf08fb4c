// Tensors -> the answer.
#include <cmath>

#include "base/text.h"
#include "function/plan_internal.h"
#include "function/steps.h"

namespace slipway::function {
namespace {

template <typename T>
T load(ByteView data, std::size_t index) {
  T value;
  std::memcpy(&value, data.data() + index * sizeof(T), sizeof(T));
  return value;
}

/// Numbers come out in the precision of their tensor, so that a float reads 0.1 and not 0.10000000149011612.
void write_element(const TensorView& tensor, std::size_t index, json::Writer& out) {
  switch (tensor.dtype) {
    case DType::kBool:
      return out.boolean(load<std::uint8_t>(tensor.data, index) != 0);
    case DType::kUint8:
      return out.number(std::uint64_t{load<std::uint8_t>(tensor.data, index)});
    case DType::kUint16:
      return out.number(std::uint64_t{load<std::uint16_t>(tensor.data, index)});
    case DType::kUint32:
      return out.number(std::uint64_t{load<std::uint32_t>(tensor.data, index)});
    case DType::kUint64:
      return out.number(load<std::uint64_t>(tensor.data, index));
    case DType::kInt8:
      return out.number(std::int64_t{load<std::int8_t>(tensor.data, index)});
    case DType::kInt16:
      return out.number(std::int64_t{load<std::int16_t>(tensor.data, index)});
    case DType::kInt32:
      return out.number(std::int64_t{load<std::int32_t>(tensor.data, index)});
    case DType::kInt64:
      return out.number(load<std::int64_t>(tensor.data, index));
    case DType::kFp16:
      return out.number(half_to_float(load<std::uint16_t>(tensor.data, index)));
    case DType::kBf16:
      return out.number(bfloat_to_float(load<std::uint16_t>(tensor.data, index)));
    case DType::kFp32:
      return out.number(load<float>(tensor.data, index));
    case DType::kFp64:
      return out.number(load<double>(tensor.data, index));
    case DType::kBytes:
      break;
  }
  SLIPWAY_CHECK(tensor.dtype != DType::kBytes);
}

std::string name_of(std::string_view output) { return "the model's output \"" + printable(output) + "\""; }

/// One output tensor, cut into records.
struct Source {
  TensorView tensor;
  Shape record_shape;
  std::size_t elements = 0;             ///< per record
  std::vector<std::string_view> texts;  ///< of BYTES
};

class AnswerWriter {
 public:
  AnswerWriter(const Function::Impl& plan, std::size_t rows, json::Writer& out)
      : plan_(plan), rows_(rows), out_(out) {}

  Status run(std::span<const NamedTensorView> outputs) {
    sources_.resize(plan_.answers.size());
    for (std::size_t i = 0; i < plan_.answers.size(); ++i) {
      SLIPWAY_ASSIGN_OR_RETURN(const TensorView* tensor, find(outputs, plan_.answers[i].output));
      SLIPWAY_TRY(cut(i, *tensor));
    }
    for (std::size_t row = 0; row < rows_; ++row) {
      out_.begin_object();
      for (std::size_t i = 0; i < plan_.answers.size(); ++i) {
        out_.key(plan_.answer_infos[i].name);
        SLIPWAY_TRY(write(plan_.answers[i], sources_[i], row));
      }
      out_.end_object();
    }
    return {};
  }

 private:
  Result<const TensorView*> find(std::span<const NamedTensorView> outputs, std::size_t needed) const {
    const std::string_view name = plan_.needed[needed];
    if (needed < outputs.size() && outputs[needed].name == name) return &outputs[needed].tensor;
    for (const NamedTensorView& output : outputs) {
      if (output.name == name) return &output.tensor;
    }
    return internal_error("function.output_missing", name_of(name) + " is not among what the model gave");
  }

  Status cut(std::size_t index, const TensorView& tensor) {
    const AnswerPlan& answer = plan_.answers[index];
    const std::string_view name = plan_.needed[answer.output];
    Source& source = sources_[index];
    source.tensor = tensor;
    std::size_t first = 0;
    if (answer.first_is_row) {
      if (tensor.shape.rank() == 0 || tensor.shape[0] != static_cast<std::int64_t>(rows_)) {
        return internal_error("function.output_shape",
                              name_of(name) + " has shape " + tensor.shape.to_string() +
                                  ", which is not one row for each of " + std::to_string(rows_) + " records");
      }
      first = 1;
    }
    for (std::size_t i = first; i < tensor.shape.rank(); ++i) source.record_shape.push_back(tensor.shape[i]);
    source.elements = static_cast<std::size_t>(source.record_shape.elements().value_or(0));
    if (tensor.dtype != answer.dtype || !tensor.validate().ok()) {
      return internal_error("function.output_shape", name_of(name) + " is not what the model declares");
    }
    if (tensor.dtype == DType::kBytes) {
      source.texts.reserve(rows_ * source.elements);
      BytesReader reader(tensor.data);
      std::string_view text;
      while (reader.next(text)) source.texts.push_back(text);
    }
    if (answer.kind == OutputField::Kind::kValue) return check_texts(answer, source);
    return check_classes(answer, source, name);
  }

  /// What stands for "no label" is no answer.
  Status check_texts(const AnswerPlan& answer, const Source& source) const {
    if (std::find(source.texts.begin(), source.texts.end(), kMissingText) == source.texts.end()) return {};
    return no_label(answer, "of an unknown number");
  }

  /// What labels and scores need of their tensor.
  static Status check_classes(const AnswerPlan& answer, const Source& source, std::string_view name) {
    const bool by_position = answer.kind != OutputField::Kind::kLabel || is_float(answer.dtype);
    if (!by_position && source.elements != 1) {
      return internal_error("function.output_shape", name_of(name) + " gives " +
                                                         std::to_string(source.elements) +
                                                         " values per record, but a label is one");
    }
    const std::size_t least = answer.kind == OutputField::Kind::kLabel && by_position ? 2 : 1;
    const bool counted = answer.labels.empty() || source.elements == answer.labels.size();
    if (by_position && (source.elements < least || !counted)) {
      return internal_error(
          "function.output_shape",
          name_of(name) + " gives " + std::to_string(source.elements) + " scores per record" +
              (counted ? "" : ", but " + std::to_string(answer.labels.size()) + " labels are declared"));
    }
    return {};
  }

  Status write(const AnswerPlan& answer, const Source& source, std::size_t row) {
    const std::size_t first = row * source.elements;
    switch (answer.kind) {
      case OutputField::Kind::kValue: {
        std::size_t next = first;
        const bool scalar = source.record_shape.rank() <= 1 && source.elements == 1;
        write_value(source, scalar ? source.record_shape.rank() : 0, next);
        return {};
      }
      case OutputField::Kind::kLabel:
        return write_label(answer, source, first);
      case OutputField::Kind::kScore: {
        SLIPWAY_ASSIGN_OR_RETURN(const std::size_t best, largest(answer, source, first));
        write_element(source.tensor, first + best, out_);
        return {};
      }
      case OutputField::Kind::kScores:
        break;
    }
    out_.begin_object();
    for (std::size_t i = 0; i < source.elements; ++i) {
      out_.key(answer.labels.empty() ? std::to_string(i) : answer.labels[i]);
      write_element(source.tensor, first + i, out_);
    }
    out_.end_object();
    return {};
  }

  void write_value(const Source& source, std::size_t depth, std::size_t& next) {
    if (depth == source.record_shape.rank()) {
      if (source.tensor.dtype == DType::kBytes) {
        out_.string(source.texts[next++]);
      } else {
        write_element(source.tensor, next++, out_);
      }
      return;
    }
    out_.begin_array();
    for (std::int64_t i = 0; i < source.record_shape[depth]; ++i) write_value(source, depth + 1, next);
    out_.end_array();
  }

  /// The position of the largest score; the first of equals. NaN is no score.
  Result<std::size_t> largest(const AnswerPlan& answer, const Source& source, std::size_t first) const {
    std::size_t best = 0;
    double best_score = 0;
    for (std::size_t i = 0; i < source.elements; ++i) {
      const double score = element_as_double(source.tensor, first + i);
      if (std::isnan(score)) {
        return internal_error("function.score_nan",
                              name_of(plan_.needed[answer.output]) + " gives a score that is NaN");
      }
      if (i == 0 || score > best_score) {
        best = i;
        best_score = score;
      }
    }
    return best;
  }

  Status write_label(const AnswerPlan& answer, const Source& source, std::size_t first) {
    if (answer.dtype == DType::kBytes) {
      if (source.texts[first] == kMissingText) return no_label(answer, "of an unknown number");
      out_.string(source.texts[first]);
      return {};
    }
    std::int64_t number = 0;
    std::size_t position = 0;
    if (is_float(answer.dtype)) {
      SLIPWAY_ASSIGN_OR_RETURN(position, largest(answer, source, first));
      number = static_cast<std::int64_t>(position);
    } else if (answer.dtype == DType::kUint64) {
      number = static_cast<std::int64_t>(load<std::uint64_t>(source.tensor.data, first));
      if (number < 0) return no_label(answer, std::to_string(load<std::uint64_t>(source.tensor.data, first)));
      position = static_cast<std::size_t>(number);
    } else if (answer.dtype == DType::kInt64) {
      number = load<std::int64_t>(source.tensor.data, first);
      position = static_cast<std::size_t>(number);
    } else {
      number = static_cast<std::int64_t>(element_as_double(source.tensor, first));
      position = static_cast<std::size_t>(number);
    }
    if (answer.labels.empty()) {
      out_.number(number);
      return {};
    }
    if (!answer.classes.empty()) {
      const auto found = answer.classes.find(number);
      position = found == answer.classes.end() ? answer.labels.size() : found->second;
    }
    if (position >= answer.labels.size()) return no_label(answer, std::to_string(number));
    out_.string(answer.labels[position]);
    return {};
  }

  Error no_label(const AnswerPlan& answer, const std::string& number) const {
    return internal_error("function.label_unknown", name_of(plan_.needed[answer.output]) + " gives class " +
                                                        number + ", for which no label is declared");
  }

  const Function::Impl& plan_;
  const std::size_t rows_;
  json::Writer& out_;
  std::vector<Source> sources_;  ///< by answer field
};

}  // namespace

Status write_answers(const Function::Impl& plan, std::span<const NamedTensorView> outputs, std::size_t rows,
                     json::Writer& out) {
  return AnswerWriter(plan, rows, out).run(outputs);
}

}  // namespace slipway::function
