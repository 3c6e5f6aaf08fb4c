// A state that is accepted is written to a text that reads back the same.

#include <cstdint>

#include "base/check.h"
#include "serving/state_store.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::serving;
  const auto models = decode_state({reinterpret_cast<const char*>(data), size}, "models.json");
  if (!models.ok()) return 0;
  const auto again = decode_state(encode_state(*models), "models.json");
  SLIPWAY_CHECK(again.ok() && *again == *models);
  return 0;
}
