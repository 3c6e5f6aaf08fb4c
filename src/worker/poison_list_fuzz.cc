// A list that is accepted is written to a text that reads back the same.

#include <cstdint>

#include "base/check.h"
#include "worker/poison_list.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::worker;
  const auto records = decode_poison({reinterpret_cast<const char*>(data), size}, "poison.json");
  if (!records.ok()) return 0;
  const auto again = decode_poison(encode_poison(*records), "poison.json");
  SLIPWAY_CHECK(again.ok() && *again == *records);
  return 0;
}
