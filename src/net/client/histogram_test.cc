#include "net/client/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"

namespace slipway::net {
namespace {

TEST(HistogramTest, SharesAreCountedUpToAValue) {
  Histogram histogram;
  EXPECT_EQ(histogram.share_up_to(Duration(5)), 0);
  for (int i = 1; i <= 100; ++i) histogram.record(Duration(i));
  EXPECT_EQ(histogram.share_up_to(Duration(-1)), 0);
  EXPECT_DOUBLE_EQ(histogram.share_up_to(Duration(25)), 0.25);
  EXPECT_DOUBLE_EQ(histogram.share_up_to(Duration(100)), 1);
  EXPECT_DOUBLE_EQ(histogram.share_up_to(Duration::max()), 1);
}

TEST(HistogramTest, QuantilesAreWithinOnePercent) {
  Random random(2);
  Histogram histogram;
  std::vector<std::int64_t> values;
  for (int i = 0; i < 50000; ++i) {
    const auto value = static_cast<std::int64_t>(random.below(std::uint64_t{1} << (random.below(40) + 1)));
    values.push_back(value);
    histogram.record(Duration(value));
  }
  std::sort(values.begin(), values.end());
  for (const double frac : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = std::max<std::size_t>(static_cast<std::size_t>(std::ceil(frac * 50000.0)), 1) - 1;
    const auto exact = static_cast<double>(values[rank]);
    EXPECT_NEAR(static_cast<double>(histogram.quantile(frac).count()), exact, exact * 0.01 + 0.5) << frac;
  }
  EXPECT_EQ(histogram.max().count(), values.back());
}

TEST(HistogramTest, EdgesAndMerge) {
  Histogram empty;
  EXPECT_EQ(empty.quantile(0.5), Duration::zero());
  Histogram one;
  one.record(Duration(-5));
  one.record(std::chrono::hours(1000));
  Histogram two;
  two.record(Duration(100));
  two.merge(one);
  EXPECT_EQ(two.count(), 3U);
  EXPECT_EQ(two.quantile(0.5), Duration(100));
  EXPECT_GT(two.quantile(1.0), std::chrono::minutes(70));
  two.clear();
  EXPECT_EQ(two.count(), 0U);
}

}  // namespace
}  // namespace slipway::net
