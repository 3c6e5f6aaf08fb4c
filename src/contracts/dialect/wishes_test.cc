#include "contracts/dialect/wishes.h"

#include <gtest/gtest.h>

#include <atomic>

#include "contracts/dialect/testing/fake_exchange.h"

namespace slipway::dialect {
namespace {

using namespace std::chrono_literals;
using testing::FakeExchange;
using testing::FakeRequest;

FakeRequest with(std::string name, std::string value) {
  FakeRequest request;
  request.headers.emplace_back(std::move(name), std::move(value));
  return request;
}

TEST(Wishes, AreReadFromHeadersAndPutIntoARequest) {
  FakeRequest asked = with("slipway-timeout", "250ms");
  asked.headers.emplace_back("slipway-priority", "2");
  const auto wishes = read_wishes(FakeExchange(asked));
  ASSERT_TRUE(wishes.ok());
  infer::Request request;
  request.received = MonoTime(1s);
  wishes->put_into(request);
  EXPECT_EQ(request.deadline, MonoTime(1s + 250ms));
  EXPECT_EQ(request.priority, 2U);
}

TEST(Wishes, OfARequestWithoutHeadersAreNone) {
  const auto wishes = read_wishes(FakeExchange(FakeRequest{}));
  ASSERT_TRUE(wishes.ok());
  infer::Request request;
  wishes->put_into(request);
  EXPECT_EQ(request.deadline, MonoTime::max());
  EXPECT_EQ(request.priority, 0U);
}

TEST(Wishes, ThatCannotBeReadAreRefused) {
  for (const char* text : {"", "250", "0s", "-1s", "soon", "1s,2s", "1ns\x01"}) {
    const auto wishes = read_wishes(FakeExchange(with("slipway-timeout", text)));
    ASSERT_FALSE(wishes.ok()) << text;
    EXPECT_EQ(wishes.error().id(), "http.timeout");
  }
  for (const char* text : {"", "-1", "1.5", "high", "18446744073709551616"}) {
    const auto wishes = read_wishes(FakeExchange(with("slipway-priority", text)));
    ASSERT_FALSE(wishes.ok()) << text;
    EXPECT_EQ(wishes.error().id(), "http.priority");
  }
}

TEST(Wishes, ATimeBeyondTheClockIsNoDeadline) {
  infer::Request request;
  request.received = MonoTime::max() - 1s;
  Wishes{.timeout = 2s}.put_into(request);
  EXPECT_EQ(request.deadline, MonoTime::max());
}

TEST(RetryAfter, IsInWholeSecondsFromOneToAnHour) {
  const Error error = resource_exhausted("infer.overloaded", "full");
  EXPECT_EQ(retry_after(error), "1");
  EXPECT_EQ(retry_after(error.with_retry_after(1ms)), "1");
  EXPECT_EQ(retry_after(error.with_retry_after(2001ms)), "3");
  EXPECT_EQ(retry_after(error.with_retry_after(9h)), "3600");
  EXPECT_EQ(error.with_retry_after(2s).within("model wine").retry_after(), 2s);
}

class SomeCall final : public ExchangeCall {
 public:
  using ExchangeCall::ExchangeCall;
  void done(Result<infer::Response>) override {}
  using ExchangeCall::receive_time;
};

TEST(ExchangeCall, IsGoneWhenItsClientIs) {
  const auto left = std::make_shared<std::atomic<bool>>(false);
  FakeRequest request;
  request.leaves = left;
  request.received = MonoTime(5s);
  const SomeCall call(std::make_unique<FakeExchange>(request));
  EXPECT_FALSE(call.gone());
  *left = true;
  EXPECT_TRUE(call.gone());
  EXPECT_EQ(call.request.received, MonoTime(5s));
  EXPECT_EQ(call.receive_time(), 0s);
}

}  // namespace
}  // namespace slipway::dialect
