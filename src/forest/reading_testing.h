// Short ways for the tests of each format to read a file's text.
#pragma once

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "forest/reader.h"
#include "forest/reference_testing.h"

namespace slipway::forest::testing {

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// The first answer of one row; NaN and a failure where the text is no model.
inline double answer(const std::string& text, std::vector<double> row) {
  const auto forest = read(as_bytes(text));
  EXPECT_TRUE(forest.ok()) << forest.status().to_string();
  return forest.ok() ? reference(*forest, row).answers.at(0) : kNan;
}

/// Expects that the text is refused with the error `id`, in whose message `says` is found.
inline void expect_refused(const std::string& text, std::string_view id, std::string_view says = {}) {
  const auto forest = read(as_bytes(text));
  ASSERT_FALSE(forest.ok()) << text;
  EXPECT_EQ(forest.error().id(), id) << text;
  EXPECT_NE(forest.error().message().find(says), std::string::npos) << forest.error().message() << "\n"
                                                                    << text;
}

}  // namespace slipway::forest::testing
