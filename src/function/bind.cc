// Binding a spec to a signature: every fault is collected, then none or a whole plan comes out.
#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/text.h"
#include "function/plan_internal.h"
#include "function/steps.h"
#include "function/store_internal.h"

namespace slipway::function {
namespace {

/// How records map onto the first dimension of a model's tensors.
enum class RowMode : std::uint8_t {
  kFree,   ///< every input starts with a free dimension: records are stacked along it
  kOne,    ///< every input starts with a free dimension or with 1: one record, without that dimension
  kWhole,  ///< one record is all there is
};

RowMode row_mode(const Signature& signature) {
  RowMode mode = signature.inputs.empty() ? RowMode::kWhole : RowMode::kFree;
  for (const TensorSpec& input : signature.inputs) {
    if (input.shape.rank() == 0 || (input.shape[0] != -1 && input.shape[0] != 1)) return RowMode::kWhole;
    if (input.shape[0] == 1) mode = RowMode::kOne;
  }
  return mode;
}

Shape without_first(const Shape& shape) {
  Shape rest;
  for (std::size_t i = 1; i < shape.rank(); ++i) rest.push_back(shape[i]);
  return rest;
}

bool is_scalar(const Shape& shape) { return shape.rank() <= 1 && shape.elements() == 1; }

std::vector<std::string> names_of(const std::vector<TensorSpec>& specs) {
  std::vector<std::string> names;
  for (const TensorSpec& spec : specs) names.push_back(spec.name);
  return names;
}

/// Every input as a field of its own name.
std::vector<InputField> fields_of(const Signature& signature, RowMode mode) {
  std::vector<InputField> fields;
  for (const TensorSpec& input : signature.inputs) {
    const Shape shape = mode == RowMode::kWhole ? input.shape : without_first(input.shape);
    InputField field;
    field.name = input.name;
    field.input = input.name;
    field.type = is_scalar(shape) ? element_type(input.dtype) : FieldType::kArray;
    fields.push_back(std::move(field));
  }
  return fields;
}

std::vector<OutputField> values_of(const Signature& signature) {
  std::vector<OutputField> fields;
  for (const TensorSpec& output : signature.outputs) {
    OutputField field;
    field.name = output.name;
    field.output = output.name;
    fields.push_back(std::move(field));
  }
  return fields;
}

bool fills_one_row(const Function::Impl& plan) {
  if (plan.inputs.size() != 1 || plan.inputs[0].columns != plan.fields.size()) return false;
  for (std::size_t i = 0; i < plan.fields.size(); ++i) {
    const FieldPlan& field = plan.fields[i];
    if (field.type != FieldType::kNumber || field.dtype != DType::kFp32 || field.column != i) return false;
  }
  return true;
}

class Binder {
 public:
  Binder(Spec spec, const Signature& signature, bool is_identity)
      : signature_(signature), mode_(row_mode(signature)) {
    if (spec.inputs.empty()) spec.inputs = fields_of(signature, mode_);
    if (spec.outputs.empty()) spec.outputs = values_of(signature);
    plan_.spec = std::move(spec);
    plan_.is_identity = is_identity;
    plan_.first_is_row = mode_ != RowMode::kWhole;
    plan_.takes_rows = mode_ == RowMode::kFree;
  }

  Result<std::shared_ptr<const Function::Impl>> bind() {
    for (const TensorSpec& input : signature_.inputs) bind_model_input(input);
    counts_.resize(plan_.inputs.size());
    for (std::size_t i = 0; i < plan_.spec.inputs.size(); ++i) bind_field(i);
    for (std::size_t i = 0; i < plan_.inputs.size(); ++i) finish_input(i);
    std::set<std::string> names;
    for (std::size_t i = 0; i < plan_.spec.outputs.size(); ++i) bind_answer(i, names);
    if (!faults_.empty()) {
      return invalid_argument("function.invalid", "the prediction function does not fit the model")
          .with_faults(std::move(faults_));
    }
    finish_fields();
    // The views go into the plan's final place, so that they stay valid.
    auto plan = std::make_shared<Function::Impl>(std::move(plan_));
    for (std::uint32_t i = 0; i < plan->names.size(); ++i) plan->field_by_name.emplace(plan->names[i], i);
    for (const std::string& name : plan->output_names) plan->needed.emplace_back(name);
    plan->is_float_row = fills_one_row(*plan);
    return std::shared_ptr<const Function::Impl>(std::move(plan));
  }

 private:
  void fault(std::string where, std::string message, std::string fix = {}) {
    faults_.push_back({std::move(where), std::move(message), std::move(fix)});
  }

  void bind_model_input(const TensorSpec& input) {
    InputPlan bound;
    bound.name = input.name;
    bound.dtype = input.dtype;
    bound.record_shape = mode_ == RowMode::kWhole ? input.shape : without_first(input.shape);
    plan_.inputs.push_back(std::move(bound));
  }

  /// The position of `name` (empty = the only one) among `specs`, or nothing and a fault.
  std::optional<std::size_t> resolve(std::string& name, const std::vector<TensorSpec>& specs,
                                     const std::string& where, std::string_view kind) {
    if (name.empty() && specs.size() == 1) name = specs[0].name;
    const std::vector<std::string> known = names_of(specs);
    const auto found = std::find(known.begin(), known.end(), name);
    if (found != known.end()) return static_cast<std::size_t>(found - known.begin());
    const std::string near = nearest(name, known);
    const std::string words = std::string(kind);
    if (name.empty()) {
      fault(where, "does not say which " + words + " of the model it belongs to",
            "add " + words + ": one of " + join_words(known));
    } else {
      fault(where, "the model has no " + words + " \"" + printable(name) + "\"",
            near.empty() ? "the model's " + words + "s are " + join_words(known)
                         : "did you mean \"" + near + "\"?");
    }
    return std::nullopt;
  }

  void bind_field(std::size_t index) {
    InputField& field = plan_.spec.inputs[index];
    const std::string where = "function.inputs[" + std::to_string(index) + "]";
    FieldPlan bound;
    bound.type = field.type;
    bound.required = field.required;
    if (field.name.empty()) fault(where, "has no name");
    if (!is_utf8(field.name)) fault(where, "has a name that is not UTF-8");
    if (std::find(plan_.names.begin(), plan_.names.end(), field.name) != plan_.names.end()) {
      fault(where, "the field \"" + printable(field.name) + "\" is declared twice",
            "give each field its own name");
    }
    const auto input = resolve(field.input, signature_.inputs, where, "input");
    if (input) {
      bound.input = static_cast<std::uint32_t>(*input);
      bound.dtype = plan_.inputs[*input].dtype;
      bound.column = counts_[*input]++;
      if (field.type == FieldType::kArray) {
        plan_.inputs[*input].is_array = true;
        plan_.inputs[*input].field = static_cast<std::uint32_t>(index);
      }
      check_type(field, bound.dtype, where);
      check_default(field, bound, where);
    }
    plan_.names.push_back(field.name);
    plan_.fields.push_back(std::move(bound));
  }

  void check_type(const InputField& field, DType dtype, const std::string& where) {
    const bool fits =
        field.type == FieldType::kArray || (field.type == FieldType::kString) == (dtype == DType::kBytes);
    const bool bool_fits =
        dtype != DType::kBool || field.type == FieldType::kBoolean || field.type == FieldType::kArray;
    if (fits && bool_fits) return;
    fault(where,
          "the field \"" + printable(field.name) + "\" is of type " +
              std::string(field_type_name(field.type)) + ", which cannot become an element of the input \"" +
              printable(field.input) + "\" of datatype " + std::string(dtype_name(dtype)),
          "write type: " + std::string(field_type_name(element_type(dtype))));
  }

  /// What stands for a field that is left out.
  void check_default(const InputField& field, FieldPlan& bound, const std::string& where) {
    if (field.required) {
      if (field.default_value)
        fault(where, "is required and has a default", "write required: false, or no default");
      return;
    }
    if (field.type == FieldType::kArray) {
      fault(where, "is an array, which cannot be left out", "remove required: false");
      return;
    }
    if (!field.default_value) {
      if (is_float(bound.dtype)) {
        if (bound.dtype == DType::kFp64)
          put(std::numeric_limits<double>::quiet_NaN(), bound.default_bytes.data());
        if (bound.dtype == DType::kFp32)
          put(std::numeric_limits<float>::quiet_NaN(), bound.default_bytes.data());
        if (bound.dtype == DType::kFp16) put(std::uint16_t{0x7E00}, bound.default_bytes.data());
        if (bound.dtype == DType::kBf16) put(std::uint16_t{0x7FC0}, bound.default_bytes.data());
      } else {
        fault(where,
              "may be left out but has no default, and a tensor of datatype " +
                  std::string(dtype_name(bound.dtype)) + " has no value for \"missing\"",
              "add a default");
      }
      return;
    }
    if (!store_default(field, bound)) {
      fault(where, "the default of \"" + printable(field.name) + "\" is no " +
                       std::string(field_type_name(field.type)) + " that fits datatype " +
                       std::string(dtype_name(bound.dtype)));
    }
  }

  static bool store_default(const InputField& field, FieldPlan& bound) {
    std::byte* to = bound.default_bytes.data();
    if (const auto* text = std::get_if<std::string>(&*field.default_value)) {
      bound.default_text = *text;
      return field.type == FieldType::kString && bound.dtype == DType::kBytes && is_utf8(*text);
    }
    if (field.type == FieldType::kString || bound.dtype == DType::kBytes) return false;
    if (const auto* truth = std::get_if<bool>(&*field.default_value)) {
      return field.type == FieldType::kBoolean &&
             store_integer(bound.dtype, std::int64_t{*truth}, to) == Fit::kOk;
    }
    if (field.type == FieldType::kBoolean || bound.dtype == DType::kBool) return false;
    if (const auto* integer = std::get_if<std::int64_t>(&*field.default_value)) {
      return store_integer(bound.dtype, *integer, to) == Fit::kOk;
    }
    const double number = std::get<double>(*field.default_value);
    if (field.type == FieldType::kInteger && std::trunc(number) != number) return false;
    return store_double(bound.dtype, number, to) == Fit::kOk;
  }

  /// Compares the number of fields with the input's elements for one record.
  void finish_input(std::size_t index) {
    InputPlan& input = plan_.inputs[index];
    const std::string where = "function.inputs";
    const std::string name = "the input \"" + printable(input.name) + "\"";
    if (counts_[index] == 0) {
      if (!faults_.empty()) return;  // its fields may be the ones that are wrong
      fault(where, name + " of the model gets no field", "add a field with input: " + input.name);
    } else if (input.is_array) {
      if (counts_[index] > 1)
        fault(where, name + " has an array and other fields", "an array must be its only field");
      input.columns = static_cast<std::size_t>(input.record_shape.elements().value_or(0));
    } else {
      finish_columns(input, counts_[index], where, name);
    }
  }

  void finish_columns(InputPlan& input, std::uint32_t count, const std::string& where,
                      const std::string& name) {
    std::int64_t fixed = 1;
    std::size_t free = 0;
    std::size_t free_at = 0;
    for (std::size_t i = 0; i < input.record_shape.rank(); ++i) {
      if (input.record_shape[i] < 0) {
        ++free;
        free_at = i;
      } else if (__builtin_mul_overflow(fixed, input.record_shape[i], &fixed)) {
        fixed = std::numeric_limits<std::int64_t>::max();
        break;
      }
    }
    if (free == 1 && fixed > 0 && count % fixed == 0) {
      input.record_shape.set(free_at, count / fixed);
    } else if (free > 0 || fixed != count) {
      fault(
          where,
          name + " takes " +
              (free > 0 ? "shape " + input.record_shape.to_string() : std::to_string(fixed) + " columns") +
              " per record, but " + std::to_string(count) + (count == 1 ? " field is" : " fields are") +
              " declared for it",
          free > 1 ? "write one field of type: array" : "declare one field per column, in the model's order");
    }
    input.columns = count;
  }

  /// Field descriptions for callers.
  void finish_fields() {
    for (std::size_t i = 0; i < plan_.fields.size(); ++i) {
      const InputField& field = plan_.spec.inputs[i];
      const InputPlan& input = plan_.inputs[plan_.fields[i].input];
      FieldInfo info;
      info.name = field.name;
      info.type = field.type;
      info.element = field.type == FieldType::kArray ? element_type(input.dtype) : field.type;
      if (field.type == FieldType::kArray) info.shape = input.record_shape;
      info.required = field.required;
      const auto* text = field.default_value ? std::get_if<std::string>(&*field.default_value) : nullptr;
      if (text == nullptr || *text != kMissingText) info.default_value = field.default_value;
      info.description = field.description;
      plan_.field_infos.push_back(std::move(info));
    }
  }

  void bind_answer(std::size_t index, std::set<std::string>& names) {
    OutputField& field = plan_.spec.outputs[index];
    const std::string where = "function.outputs[" + std::to_string(index) + "]";
    if (field.name.empty()) fault(where, "has no name");
    if (!is_utf8(field.name)) fault(where, "has a name that is not UTF-8");
    if (!names.insert(field.name).second) {
      fault(where, "the field \"" + printable(field.name) + "\" is declared twice",
            "give each field its own name");
    }
    const auto output = resolve(field.output, signature_.outputs, where, "output");
    if (!output) return;
    const TensorSpec& spec = signature_.outputs[*output];
    const bool first_is_row =
        mode_ == RowMode::kFree || (mode_ == RowMode::kOne && spec.shape.rank() > 0 && spec.shape[0] == 1);
    const Shape shape = first_is_row && spec.shape.rank() > 0 ? without_first(spec.shape) : spec.shape;
    check_answer(field, spec.dtype, shape, where);

    AnswerPlan bound;
    bound.kind = field.kind;
    bound.dtype = spec.dtype;
    bound.first_is_row = first_is_row;
    bound.labels = field.labels;
    for (std::size_t i = 0; i < field.classes.size(); ++i) bound.classes.emplace(field.classes[i], i);
    const auto needed = std::find(plan_.output_names.begin(), plan_.output_names.end(), spec.name);
    bound.output = static_cast<std::uint32_t>(needed - plan_.output_names.begin());
    if (needed == plan_.output_names.end()) plan_.output_names.push_back(spec.name);
    plan_.answers.push_back(std::move(bound));
    describe_answer(field, spec.dtype, shape);
  }

  void check_answer(const OutputField& field, DType dtype, const Shape& shape, const std::string& where) {
    using Kind = OutputField::Kind;
    const bool is_text = dtype == DType::kBytes;
    const auto elements = shape.elements();
    const std::string name = "\"" + printable(field.name) + "\"";
    if ((field.kind == Kind::kScore || field.kind == Kind::kScores) && !is_float(dtype) &&
        !is_integer(dtype)) {
      fault(where,
            name + " is a score of the output \"" + printable(field.output) + "\", whose datatype is " +
                std::string(dtype_name(dtype)),
            "scores are numbers");
    }
    if (field.kind == Kind::kLabel && is_float(dtype) && elements == 1) {
      fault(where,
            name + " is a label made from a single number of datatype " + std::string(dtype_name(dtype)),
            "write kind: value, or export the model with a class as its output");
    }
    if (field.kind == Kind::kLabel && !is_float(dtype) && elements && *elements != 1) {
      fault(where, name + " is a label, but the output \"" + printable(field.output) + "\" gives " +
                       std::to_string(*elements) + " values per record");
    }
    if (field.labels.empty()) {
      if (!field.classes.empty()) fault(where, name + " has classes but no labels", "add labels");
      return;
    }
    check_labels(field, dtype, elements, where, name);
    if (is_text && field.kind == Kind::kLabel) {
      fault(where, "the output \"" + printable(field.output) + "\" gives its labels as text already",
            "remove labels");
    }
  }

  void check_labels(const OutputField& field, DType dtype, std::optional<std::int64_t> elements,
                    const std::string& where, const std::string& name) {
    using Kind = OutputField::Kind;
    if (field.kind == Kind::kValue || field.kind == Kind::kScore) {
      fault(where, name + " is a " + std::string(output_kind_name(field.kind)) + ", which takes no labels",
            "remove labels, or write kind: " + std::string(field.kind == Kind::kValue ? "label" : "scores"));
      return;
    }
    for (const std::string& label : field.labels) {
      if (!is_utf8(label)) fault(where, name + " has a label that is not UTF-8");
    }
    const bool by_position = field.kind == Kind::kScores || is_float(dtype);
    if (by_position && elements && static_cast<std::size_t>(*elements) != field.labels.size()) {
      fault(where,
            name + " has " + std::to_string(field.labels.size()) + " labels, but the output \"" +
                printable(field.output) + "\" gives " + std::to_string(*elements) + " scores per record",
            "give one label per score, in the model's order");
    }
    const std::set<std::string> distinct(field.labels.begin(), field.labels.end());
    if (field.kind == Kind::kScores && distinct.size() != field.labels.size()) {
      fault(where, name + " has a label twice, and scores are told apart by label");
    }
    if (field.classes.empty()) return;
    if (by_position) {
      fault(where, name + " has classes, but it goes by the position of the score", "remove classes");
    } else if (field.classes.size() != field.labels.size()) {
      fault(where,
            name + " has " + std::to_string(field.classes.size()) + " classes and " +
                std::to_string(field.labels.size()) + " labels",
            "give one class per label");
    } else if (std::set<std::int64_t>(field.classes.begin(), field.classes.end()).size() !=
               field.classes.size()) {
      fault(where, name + " has a class twice");
    }
  }

  void describe_answer(const OutputField& field, DType dtype, const Shape& shape) {
    AnswerInfo info;
    info.name = field.name;
    info.kind = field.kind;
    info.labels = field.labels;
    info.description = field.description;
    info.element = element_type(dtype);
    if (field.kind == OutputField::Kind::kLabel) {
      const bool is_text = dtype == DType::kBytes || !field.labels.empty();
      info.element = is_text ? FieldType::kString : FieldType::kInteger;
    }
    info.type = info.element;
    if (field.kind == OutputField::Kind::kValue && !is_scalar(shape)) {
      info.type = FieldType::kArray;
      info.shape = shape;
    }
    plan_.answer_infos.push_back(std::move(info));
  }

  const Signature& signature_;
  RowMode mode_;
  Function::Impl plan_;
  std::vector<std::uint32_t> counts_;  ///< fields per model input
  std::vector<Fault> faults_;
};

}  // namespace

Result<Function> Function::create(Spec spec, const Signature& signature) {
  SLIPWAY_ASSIGN_OR_RETURN(auto plan, Binder(std::move(spec), signature, false).bind());
  return Function(std::move(plan));
}

Result<Function> Function::identity(const Signature& signature) {
  SLIPWAY_ASSIGN_OR_RETURN(auto plan, Binder({}, signature, true).bind());
  return Function(std::move(plan));
}

}  // namespace slipway::function
