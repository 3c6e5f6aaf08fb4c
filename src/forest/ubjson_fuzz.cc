// Any bytes as UBJSON: an Error, or text that is JSON.

#include <cstdint>

#include "base/check.h"
#include "forest/ubjson.h"
#include "json/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = slipway::forest::ubjson_to_json(std::as_bytes(std::span(data, size)));
  if (text.ok()) {
    slipway::json::Parser parser(128);
    SLIPWAY_CHECK(parser.parse(*text).ok());
  }
  return 0;
}
