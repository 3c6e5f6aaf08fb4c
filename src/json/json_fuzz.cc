// Any bytes: the parser and the plain second reading must agree, what was read must be readable again, and
// read_flat must keep to its buffer.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/check.h"
#include "json/fault_internal.h"
#include "json/json.h"

namespace {

template <typename T>
void read_as(const slipway::json::Value& value, std::size_t count) {
  std::vector<T> out(count);
  (void)value.read_flat(std::span<T>(out));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::json;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static Parser parser;
  static Parser second;
  const auto value = parser.parse(text);
  const auto fault = internal::find_fault(text, 64);
  SLIPWAY_CHECK(value.ok() == (fault.kind == internal::FaultKind::kNone));
  if (!value.ok()) return 0;

  const std::string written = value->to_text();
  const auto again = second.parse(written);
  SLIPWAY_CHECK(again.ok() && again->to_text() == written);
  const std::size_t count = std::min<std::size_t>(size, 64) / 2;
  read_as<float>(*value, count);
  read_as<std::int8_t>(*value, count);
  read_as<std::uint64_t>(*value, count);
  (void)value->read_flat_strings(
      count, [](void*, std::string_view) {}, nullptr);
  if (value->is_object()) (void)value->object().duplicate_key();
  return 0;
}
