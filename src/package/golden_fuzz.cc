// Golden files that are accepted are written to a text that reads back the same, and compare as identical
// with themselves.

#include <cstdint>

#include "base/check.h"
#include "package/golden.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  const auto cases =
      package::decode_golden({reinterpret_cast<const char*>(data), size}, {.max_tensor_bytes = 1 << 16});
  if (!cases.ok()) return 0;
  for (const package::GoldenCase& golden : *cases) {
    const auto line = package::encode_golden_case(golden);
    SLIPWAY_CHECK(line.ok());
    const auto again = package::decode_golden(*line);
    SLIPWAY_CHECK(again.ok() && again->size() == 1);
    SLIPWAY_CHECK(package::encode_golden_case(again->front()).value() == *line);
    std::vector<NamedTensorView> views;
    for (const NamedTensor& output : golden.outputs) views.push_back({output.name, output.tensor.view()});
    // Several outputs of one name are compared with the first.
    if (views.size() == 1) {
      SLIPWAY_CHECK(package::compare_outputs(golden.outputs, views, {}).verdict ==
                    package::Verdict::kIdentical);
    }
  }
  return 0;
}
