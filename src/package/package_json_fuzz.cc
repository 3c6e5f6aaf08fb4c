// A manifest that is accepted is encoded to a text that is accepted again and stays the same.

#include <cstdint>

#include "base/check.h"
#include "package/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::package;
  const auto manifest = decode_manifest({reinterpret_cast<const char*>(data), size});
  if (!manifest.ok()) return 0;
  const std::string text = encode_manifest(*manifest);
  const auto again = decode_manifest(text);
  SLIPWAY_CHECK(again.ok());
  SLIPWAY_CHECK(encode_manifest(*again) == text);
  return 0;
}
