#include "base/error.h"

#include <gtest/gtest.h>

#include <memory>
#include <type_traits>

namespace slipway {
namespace {

static_assert(std::is_nothrow_move_constructible_v<Error>);
static_assert(std::is_nothrow_move_constructible_v<Status>);

Result<int> half_of(int value) {
  if (value % 2 != 0) return invalid_argument("test.odd", "the value is odd");
  return value / 2;
}

Result<int> quarter_of(int value) {
  SLIPWAY_ASSIGN_OR_RETURN(const int half, half_of(value));
  return half_of(half);
}

Status check_even(int value) {
  SLIPWAY_TRY(half_of(value));
  return {};
}

TEST(Error, CodesHaveGrpcsNamesAndNumbers) {
  EXPECT_EQ(code_name(Code::kInvalidArgument), "INVALID_ARGUMENT");
  EXPECT_EQ(static_cast<int>(Code::kInvalidArgument), 3);
  EXPECT_EQ(code_name(Code::kUnauthenticated), "UNAUTHENTICATED");
  EXPECT_EQ(static_cast<int>(Code::kUnauthenticated), 16);
  EXPECT_EQ(code_name(static_cast<Code>(99)), "UNKNOWN");
}

TEST(Error, ChangedCopiesLeaveTheOriginalAlone) {
  const Error original = not_found("test.missing", "nothing there");
  const Error wider =
      original.with_reach(Reach::kModel).within("reading x").with_fault({"x:1", "gone", "make it"});
  EXPECT_EQ(original.message(), "nothing there");
  EXPECT_EQ(original.reach(), Reach::kRequest);
  EXPECT_TRUE(original.faults().empty());
  EXPECT_EQ(wider.reach(), Reach::kModel);
  EXPECT_EQ(wider.id(), "test.missing");
  EXPECT_EQ(wider.to_string(), "reading x: nothing there\n  x:1: gone\n    fix: make it");
}

TEST(Result, CarriesValuesAndErrorsThroughTheMacros) {
  EXPECT_EQ(*quarter_of(12), 3);
  EXPECT_EQ(quarter_of(6).error().id(), "test.odd");
  EXPECT_TRUE(check_even(2).ok());
  EXPECT_EQ(check_even(3).code(), Code::kInvalidArgument);
}

TEST(Result, MovesValuesThatCannotBeCopied) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 7);
}

TEST(ResultDeathTest, ReadingTheAbsentSideStopsTheProcess) {
  const Result<int> failed = half_of(1);
  EXPECT_DEATH(static_cast<void>(failed.value()), "broken invariant");
  const Result<int> fine = half_of(2);
  EXPECT_DEATH(static_cast<void>(fine.error()), "broken invariant");
}

}  // namespace
}  // namespace slipway
