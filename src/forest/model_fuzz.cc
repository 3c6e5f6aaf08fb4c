// Any bytes as a file of trees: a forest or an Error; what is read gives the same answers by the definition
// and fast.

#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "base/check.h"
#include "forest/evaluator.h"
#include "forest/reader.h"
#include "forest/reference_testing.h"

namespace {

using slipway::forest::Forest;

template <typename T, typename S>
void compare(const Forest& forest) {
  constexpr std::size_t kRows = 18;
  std::vector<T> features(kRows * forest.features);
  for (std::size_t i = 0; i < features.size(); ++i)
    features[i] = i % 7 == 0 ? std::numeric_limits<T>::quiet_NaN() : static_cast<T>(i % 5) - T(1.5);
  std::vector<S> answers(kRows * forest.outputs);
  std::vector<std::uint32_t> classes(kRows);
  slipway::forest::make_evaluator(forest).value()->run(features.data(), kRows, answers.data(),
                                                       classes.data());
  for (std::size_t row = 0; row < kRows; ++row) {
    const auto* first = &features[row * forest.features];
    const auto want =
        slipway::forest::testing::reference(forest, std::vector<double>(first, first + forest.features));
    SLIPWAY_CHECK(classes[row] == want.chosen);
    for (std::size_t k = 0; k < want.answers.size(); ++k) {
      const auto expected = static_cast<S>(want.answers[k]);
      SLIPWAY_CHECK(std::memcmp(&expected, &answers[row * forest.outputs + k], sizeof(S)) == 0 ||
                    expected != expected);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto forest = slipway::forest::read(std::as_bytes(std::span(data, size)));
  if (!forest.ok() || forest->features > 1000 || forest->outputs > 100) return 0;
  if (forest->precision == slipway::forest::Precision::kDouble) {
    compare<double, double>(*forest);
  } else if (forest->sums == slipway::forest::Precision::kDouble) {
    compare<float, double>(*forest);
  } else {
    compare<float, float>(*forest);
  }
  return 0;
}
