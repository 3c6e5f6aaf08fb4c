// References, names, versions and times: whatever is accepted can be written and read again.

#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "package/reference.h"
#include "package/version.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::package;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto reference = parse_reference(text, [](const std::string&) { return false; });
  if (reference.ok() && reference->kind == Reference::Kind::kName) {
    SLIPWAY_CHECK(PackageName::parse(reference->package.to_string()).value() == reference->package);
  }
  const std::string_view left = text.substr(0, size / 2);
  const std::string_view right = text.substr(size / 2);
  const auto order = compare_semantic(left, right);
  const auto reverse = compare_semantic(right, left);
  SLIPWAY_CHECK(order.has_value() == reverse.has_value());
  if (order) SLIPWAY_CHECK((*order < 0) == (*reverse > 0));
  if (const auto time = parse_time(text)) SLIPWAY_CHECK(parse_time(format_time(*time)) == time);
  return 0;
}
