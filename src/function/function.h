// The prediction function: what turns a user's records into the model's tensors, and the model's tensors into
// the user's answer. In this form it is declared, not code: columns by name, type and order; labels; score.
//
// Rows: a model all of whose inputs have a free first dimension takes any number of records, stacked along
// it. Any other model takes one record, and then shapes below are the model's whole shapes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "json/json.h"
#include "json/writer.h"
#include "tensor/signature.h"
#include "tensor/tensor.h"

namespace slipway::function {

/// kArray is the whole of an input for one record: nested arrays shaped like it.
enum class FieldType : std::uint8_t { kNumber, kInteger, kString, kBoolean, kArray };

/// As it is written in settings and in packages: "number", "integer", "string", "boolean", "array".
std::string_view field_type_name(FieldType type);
std::optional<FieldType> field_type_from_name(std::string_view name);

/// A default: of the type of its field.
using Scalar = std::variant<bool, std::int64_t, double, std::string>;

/// One field of a record and where it goes: fields of one input tensor become its columns, in the order
/// written.
///   number    into float and integer tensors (then the value must be whole)
///   integer   into float and integer tensors
///   boolean   into BOOL, float and integer tensors, as 0 and 1
///   string    into BYTES tensors
///   array     into any tensor, as the only field of its input
struct InputField {
  std::string name;
  FieldType type = FieldType::kNumber;
  std::string input;        ///< the model input it feeds; empty where the model has one input
  std::string description;  ///< for documents; may be empty
  /// A record may leave out a field (or give null) that is not required. It is then the default, or NaN,
  /// which many models take as "missing", where there is none: that needs a float tensor.
  bool required = true;
  std::optional<Scalar> default_value;  ///< only where `required` is false; not for arrays
};

/// One field of the answer, made from one output tensor.
struct OutputField {
  enum class Kind : std::uint8_t {
    kValue,   ///< the record's part of the tensor as it is
    kLabel,   ///< a class: text as it is; an integer, or the position of the largest of several floats,
              ///< through `labels`
    kScore,   ///< the largest of the record's scores
    kScores,  ///< all scores: an object from label to score
  };
  std::string name;
  Kind kind = Kind::kValue;
  std::string output;  ///< the model output it is made from; empty where the model has one output
  std::vector<std::string>
      labels;  ///< by class; may be empty: then classes are numbers, as the model gives them
  std::vector<std::int64_t> classes;  ///< the model's number for each of `labels`; empty = 0, 1, 2, ...
  std::string description;            ///< for documents; may be empty
};

/// As it is written in settings and in packages: "value", "label", "score", "scores".
std::string_view output_kind_name(OutputField::Kind kind);
std::optional<OutputField::Kind> output_kind_from_name(std::string_view name);

/// As declared in slipway.yaml and kept in the package. Without outputs every model output is a value of its
/// own name.
struct Spec {
  std::vector<InputField> inputs;
  std::vector<OutputField> outputs;
};

/// Tensors made from records. Owns its memory.
struct Batch {
  std::vector<NamedTensor> inputs;  ///< one per model input, in the model's order
  std::size_t rows = 0;
};

/// What a field looks like to the one who calls; for documents, forms and samples.
struct FieldInfo {
  std::string name;
  FieldType type = FieldType::kNumber;
  FieldType element = FieldType::kNumber;  ///< of arrays: what they hold; else equal to type
  Shape shape;                             ///< of arrays: for one record, -1 is free; else rank 0
  bool required = true;
  std::optional<Scalar> default_value;
  std::string description;
};

/// What a field of the answer looks like.
struct AnswerInfo {
  std::string name;
  OutputField::Kind kind = OutputField::Kind::kValue;
  FieldType type =
      FieldType::kNumber;  ///< of labels: string or integer; kArray for values that are no scalars
  FieldType element = FieldType::kNumber;
  Shape shape;
  std::vector<std::string> labels;
  std::string description;
};

/// A spec bound to a model's signature: immutable, shared by all requests; a copy costs one pointer. Thread:
/// safe.
class Function {
 public:
  static constexpr std::size_t kMaxBatchBytes = std::size_t{64} << 20U;
  static constexpr std::size_t kMaxFaults = 20;

  /// Errors: function.invalid with one fault per wrong field, all at once: an unknown input or output (did
  /// you mean), a name given twice, a type that the tensor cannot take, fields that do not fill an input's
  /// columns, labels that cannot be used.
  static Result<Function> create(Spec spec, const Signature& signature);
  /// For a model without a declared function: every input name is a field, every output name a field of the
  /// answer. Shapes: [N] and [N,1] are scalars, anything else arrays.
  static Result<Function> identity(const Signature& signature);

  /// With every `input` and `output` filled in.
  [[nodiscard]] const Spec& spec() const;
  [[nodiscard]] bool is_identity() const;
  /// True when one request may hold several records.
  [[nodiscard]] bool takes_rows() const;
  [[nodiscard]] std::span<const FieldInfo> fields() const;
  [[nodiscard]] std::span<const AnswerInfo> answers() const;
  /// The model outputs that the answer is made of: ask the model for these.
  [[nodiscard]] std::span<const std::string_view> needed_outputs() const;
  /// A record of the right form with made-up values (0, "text", false), as JSON, for documents where no real
  /// one is known.
  [[nodiscard]] std::string example() const;

  /// Records -> tensors. `records` is an array of objects.
  /// Errors: record.invalid with one fault per record and field (at most kMaxFaults): missing, unknown (did
  /// you mean), given twice, wrong type, not whole, out of range, wrong shape; record.none for an empty
  /// array; record.too_large when a tensor would exceed max_bytes; function.not_batchable when several
  /// records meet a model that takes one.
  [[nodiscard]] Result<Batch> before(const json::Value& records,
                                     std::size_t max_bytes = kMaxBatchBytes) const;

  /// Tensors -> the answer: writes one object per record, into an array that the caller has begun. What was
  /// written before an error is to be thrown away. Precondition: outputs came from this model; any order,
  /// more than needed is fine. Errors: function.output_shape when an output has not one row per record,
  /// function.output_missing, function.label_unknown when a class has no label.
  Status after(std::span<const NamedTensorView> outputs, std::size_t rows, json::Writer& out) const;

  struct Impl;

 private:
  std::shared_ptr<const Impl> impl_;
  explicit Function(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
};

/// The place of a fault of record.invalid: Fault::where is "records[3]" or "records[3].alcohol". Records
/// count from 0.
struct RecordPlace {
  std::size_t record = 0;
  std::string_view field;  ///< empty = the record as a whole. Borrows: the text given to record_place
};
std::string record_where(std::size_t record, std::string_view field);
std::optional<RecordPlace> record_place(std::string_view where);

}  // namespace slipway::function
