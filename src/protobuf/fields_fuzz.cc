// Any bytes are read as the protobuf library reads them: the same fields, or damage.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "protobuf/protobuf_testing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::protobuf::testing;  // NOLINT(google-build-using-namespace): one small program
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  const auto ours = described_by_us(message);
  const auto theirs = described_by_library(message);
  // Groups, which proto3 does not have, are fields there and damage here; both give nothing.
  SLIPWAY_CHECK(ours == theirs);
  return 0;
}
