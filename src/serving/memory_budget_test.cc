#include "serving/memory_budget.h"

#include <gtest/gtest.h>

namespace slipway::serving {
namespace {

using Names = std::vector<std::string>;

const std::vector<Resident> kLoaded = {
    {"stays", 40, 1, false}, {"new", 20, 9, true}, {"old", 20, 2, true}, {"middle", 10, 5, true}};
constexpr std::uint64_t kTaken = 90;

TEST(MemoryBudget, TheLeastRecentlyUsedLeaveAndNoMoreThanMust) {
  EXPECT_EQ(*who_leaves(100, kTaken, 10, kLoaded), Names{});
  EXPECT_EQ(*who_leaves(100, kTaken, 11, kLoaded), Names{"old"});
  EXPECT_EQ(*who_leaves(100, kTaken, 30, kLoaded), Names{"old"});
  EXPECT_EQ(*who_leaves(100, kTaken, 31, kLoaded), (Names{"old", "middle"}));
  EXPECT_EQ(*who_leaves(100, kTaken, 60, kLoaded), (Names{"old", "middle", "new"}));
}

TEST(MemoryBudget, WhatCannotFitSaysSo) {
  const auto in_the_way = who_leaves(100, kTaken, 61, kLoaded);
  ASSERT_FALSE(in_the_way.ok());
  EXPECT_EQ(in_the_way.error().id(), "model.memory");
  const auto never = who_leaves(100, 0, 101, {});
  ASSERT_FALSE(never.ok());
  EXPECT_EQ(never.error().id(), "model.memory_never");
  EXPECT_EQ(*who_leaves(100, 0, 100, {}), Names{});
}

TEST(MemoryBudget, CountsWhatIsTakenBeyondTheModelsThatAreLoaded) {
  // A model that was unloaded still answers its last requests.
  EXPECT_EQ(who_leaves(100, kTaken + 10, 61, kLoaded).error().id(), "model.memory");
  EXPECT_EQ(*who_leaves(100, kTaken + 10, 1, kLoaded), Names{"old"});
}

}  // namespace
}  // namespace slipway::serving
