// The prediction function: what turns a user's records into the model's tensors, and the model's tensors into the user's
// answer. In this form it is declared, not code: columns by name, type and order; labels; score.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "json/json.h"
#include "json/writer.h"
#include "tensor/signature.h"
#include "tensor/tensor.h"

namespace slipway::function {

enum class FieldType : std::uint8_t { kNumber, kInteger, kString, kBoolean };

/// One field of a record and where it goes: fields of one input tensor become its columns, in the order written.
struct InputField {
  std::string name;
  FieldType type = FieldType::kNumber;
  std::string input;        ///< the model input it feeds; empty where the model has one input
  std::string description;  ///< for documents; may be empty
};

/// One field of the answer, made from one output tensor.
struct OutputField {
  enum class Kind : std::uint8_t {
    kValue,  ///< the tensor's row as it is
    kLabel,  ///< a class: a label or an index, mapped through `labels` when those are given
    kScore,  ///< the largest of the row's scores
    kScores  ///< all scores, by label
  };
  std::string name;
  Kind kind = Kind::kValue;
  std::string output;               ///< the model output it is made from
  std::vector<std::string> labels;  ///< by class index; may be empty
};

/// As declared in slipway.yaml and kept in the package.
struct Spec {
  std::vector<InputField> inputs;
  std::vector<OutputField> outputs;
};

/// Tensors made from records. Owns its memory.
struct Batch {
  std::vector<NamedTensor> inputs;  ///< one per model input, in the model's order
  std::size_t rows = 0;
};

/// A spec bound to a model's signature: immutable, shared by all requests. Thread: safe.
class Function {
 public:
  /// Errors: function.unknown_input, function.unknown_output, function.columns (the fields do not fill an input's columns),
  /// function.labels; all faults at once.
  static Result<Function> create(Spec spec, const Signature& signature);
  /// For a model without a declared function: every input name is a field, every output name a field of the answer.
  static Result<Function> identity(const Signature& signature);

  [[nodiscard]] const Spec& spec() const;
  [[nodiscard]] bool is_identity() const;

  /// Records -> tensors. `records` is an array of objects.
  /// Errors: record.invalid with one fault per record and field: missing, unknown (did you mean), wrong type, not finite,
  /// out of range; function.not_batchable when several records meet a model that takes one.
  [[nodiscard]] Result<Batch> before(const json::Value& records) const;

  /// Tensors -> the answer: writes one object per record. Precondition: outputs came from this model.
  /// Errors: function.output_shape when an output has not one row per record.
  Status after(std::span<const NamedTensorView> outputs, std::size_t rows, json::Writer& out) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
  explicit Function(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
};

}  // namespace slipway::function
