// Any body is decoded or refused with an error of the caller's; what is decoded is whole.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/check.h"
#include "function/function_testing.h"
#include "plugins/dialects/records/predict.h"
#include "plugins/dialects/records/wire.h"

namespace {

using slipway::DType;
using slipway::function::FieldType;
using slipway::function::testing::field;

slipway::function::Function make_columns() {
  slipway::function::Spec spec{{field("a", FieldType::kNumber, "x"), field("b", FieldType::kInteger, "x"),
                                field("c", FieldType::kString, "t"), field("d", FieldType::kBoolean, "z")},
                               {}};
  spec.inputs[1].required = false;
  return slipway::function::Function::create(
             spec,
             {{{"x", DType::kFp32, {-1, 2}}, {"t", DType::kBytes, {-1, 1}}, {"z", DType::kInt8, {-1}}}, {}})
      .value();
}

slipway::function::Function make_arrays() {
  return slipway::function::Function::identity(
             {{{"a", DType::kInt16, {-1, -1, 2}}, {"c", DType::kBytes, {-1, -1}}, {"b", DType::kFp16, {-1}}},
              {}})
      .value();
}

void check(const std::string& body, const slipway::function::Function& function) {
  const std::string_view text =
      std::string_view(body).substr(0, body.size() - slipway::json::Parser::kPaddingBytes);
  const auto batch =
      slipway::records::decode(text, function, {.max_tensor_bytes = 1 << 20, .max_records = 100});
  if (!batch.ok()) {
    SLIPWAY_CHECK(batch.code() == slipway::Code::kInvalidArgument);
    SLIPWAY_CHECK(!slipway::records::encode_error(batch.error()).empty());
    return;
  }
  SLIPWAY_CHECK(batch->rows >= 1 && batch->rows <= 100);
  for (const auto& input : batch->inputs) SLIPWAY_CHECK(input.tensor.view().validate().ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const slipway::function::Function columns = make_columns();
  static const slipway::function::Function arrays = make_arrays();
  std::string body(reinterpret_cast<const char*>(data), size);
  body.append(slipway::json::Parser::kPaddingBytes, '\0');
  check(body, columns);
  check(body, arrays);
  return 0;
}
