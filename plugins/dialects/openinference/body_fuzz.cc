// Any JSON body is decoded or refused with an error of the caller's; what is decoded is whole, and can be
// written as an answer and read again.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "json/json.h"
#include "plugins/dialects/openinference/decode.h"
#include "plugins/dialects/openinference/json_data.h"
#include "plugins/dialects/openinference/wire.h"

namespace {

using namespace slipway;                 // NOLINT(google-build-using-namespace): one small program
using namespace slipway::openinference;  // NOLINT(google-build-using-namespace)

/// What is written as JSON reads back to the same bytes.
void check_round_trip(const TensorView& tensor) {
  std::string text;
  json::Writer out(text);
  if (!write_json_data(tensor, out).ok()) return;
  if (text.find("null") != std::string::npos) return;  // not finite
  json::Parser parser;
  const auto document = parser.parse(text);
  SLIPWAY_CHECK(document.ok());
  const auto again = read_json_data(*document, tensor.dtype, tensor.shape, std::size_t{1} << 20U);
  SLIPWAY_CHECK(again.ok());
  SLIPWAY_CHECK(as_text(again->bytes()) == as_text(tensor.data));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Signature signature{{{"x", DType::kFp32, {-1, 2}}, {"t", DType::kBytes, {-1}}},
                                   {{"y", DType::kFp32, {-1}}}};
  static const dialect::Limits limits{.max_tensor_bytes = 1 << 16, .max_records = 100};
  std::string body(reinterpret_cast<const char*>(data), size);
  body.append(json::Parser::kPaddingBytes, '\0');
  const auto decoded = decode(as_bytes(body).first(size), std::nullopt, {signature, limits});
  if (!decoded.ok()) {
    SLIPWAY_CHECK(http_status(decoded.code()) == 400 || decoded.code() == Code::kUnimplemented);
    SLIPWAY_CHECK(!encode_error(decoded.error()).empty());
    return 0;
  }
  for (const auto& input : decoded->inputs) {
    SLIPWAY_CHECK(input.tensor.validate().ok());
    if (input.tensor.dtype != DType::kFp16 && input.tensor.dtype != DType::kBf16)
      check_round_trip(input.tensor);
  }
  return 0;
}
