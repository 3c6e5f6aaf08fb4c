// A spec bound to a signature, in the form that requests need.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "function/function.h"

namespace slipway::function {

/// Where a field's values go.
struct FieldPlan {
  FieldType type = FieldType::kNumber;
  DType dtype = DType::kFp32;
  bool required = true;
  std::uint32_t input = 0;                   ///< position among the model's inputs
  std::uint32_t column = 0;                  ///< position among the input's elements of one record
  std::array<std::byte, 8> default_bytes{};  ///< stands for a field that is left out
  std::string default_text;                  ///< the same for BYTES
};

struct InputPlan {
  std::string name;
  DType dtype = DType::kFp32;
  Shape record_shape;       ///< without the rows; free dimensions only where `is_array`
  std::size_t columns = 0;  ///< elements per record; 0 while the shape has free dimensions
  bool is_array = false;
  std::uint32_t field = 0;  ///< of an array: the one field that fills it
};

struct AnswerPlan {
  OutputField::Kind kind = OutputField::Kind::kValue;
  DType dtype = DType::kFp32;
  bool first_is_row = true;         ///< the tensor's first dimension counts records
  std::uint32_t output = 0;         ///< position in Impl::needed
  std::vector<std::string> labels;  ///< by class position
  std::unordered_map<std::int64_t, std::size_t>
      classes;  ///< number -> position in labels; empty = the number itself
};

struct Function::Impl {
  Spec spec;
  bool is_identity = false;
  bool takes_rows = false;
  bool first_is_row = false;       ///< the first dimension of every input counts records
  bool is_float_row = false;       ///< the fields are numbers that fill one FP32 input in their order
  std::vector<InputPlan> inputs;   ///< in the model's order
  std::vector<FieldPlan> fields;   ///< in the spec's order
  std::vector<std::string> names;  ///< of the fields, for "did you mean"
  std::unordered_map<std::string_view, std::uint32_t> field_by_name;  ///< keys borrow `names`
  std::vector<AnswerPlan> answers;
  std::vector<std::string> output_names;
  std::vector<std::string_view> needed;  ///< borrows output_names
  std::vector<FieldInfo> field_infos;
  std::vector<AnswerInfo> answer_infos;
};

/// The body of Function::before and Function::after.
Result<Batch> encode_records(const Function::Impl& plan, const json::Value& records, std::size_t max_bytes);
Status write_answers(const Function::Impl& plan, std::span<const NamedTensorView> outputs, std::size_t rows,
                     json::Writer& out);

}  // namespace slipway::function
