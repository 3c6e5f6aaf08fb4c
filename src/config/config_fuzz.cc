// Any bytes as a settings file: refused with faults, or read; what was read is written and read again alike.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "config/sample_testing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  static const auto schema = config::testing::sample_schema();
  const auto value = config::decode(schema, {reinterpret_cast<const char*>(data), size}, "f");
  if (!value.ok()) {
    SLIPWAY_CHECK(!value.error().faults().empty());
    return 0;
  }
  const auto again = config::decode(schema, config::to_yaml(schema, *value), "f");
  SLIPWAY_CHECK(again.ok() && *again == *value);
  return 0;
}
