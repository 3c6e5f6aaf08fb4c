// Any body with any length of JSON in front is decoded or refused. The first line of an input is the header
// Inference-Header-Content-Length; the body follows.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "json/json.h"
#include "plugins/dialects/openinference/decode.h"
#include "plugins/dialects/openinference/wire.h"

namespace {

using slipway::DType;
using slipway::Signature;

void check(const std::string& padded, std::size_t size, std::string_view header, const Signature& signature) {
  static const slipway::dialect::Limits limits{.max_tensor_bytes = 1 << 16, .max_records = 100};
  const auto body = slipway::as_bytes(padded).first(size);
  const auto decoded = slipway::openinference::decode(body, header, {signature, limits});
  if (!decoded.ok()) {
    const int status = slipway::openinference::http_status(decoded.code());
    SLIPWAY_CHECK(status == 400 || status == 501);
    return;
  }
  for (const auto& input : decoded->inputs) SLIPWAY_CHECK(input.tensor.validate().ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Signature one{{{"x", DType::kFp32, {-1, 2}}}, {}};
  static const Signature text{{{"t", DType::kBytes, {-1, 1}}}, {}};
  static const Signature open{{{"x", DType::kInt16, {-1, -1, 3}}}, {}};
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t end = all.find('\n');
  if (end == std::string_view::npos) return 0;
  std::string body(all.substr(end + 1));
  const std::size_t body_size = body.size();
  body.append(slipway::json::Parser::kPaddingBytes, '\0');
  for (const Signature* signature : {&one, &text, &open})
    check(body, body_size, all.substr(0, end), *signature);
  return 0;
}
