#include "grpc/call.h"

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "contracts/dialect/testing/fake_exchange.h"

namespace slipway::grpc {
namespace {

using dialect::testing::Answer;
using dialect::testing::FakeExchange;
using dialect::testing::FakeRequest;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::SizeIs;
using namespace std::string_literals;
using namespace std::chrono_literals;

using Fields = std::vector<std::pair<std::string, std::string>>;

FakeRequest request(std::string body, Fields more = {}) {
  FakeRequest out{.method = dialect::Method::kPost, .path = "/test.Service/Method", .body = std::move(body)};
  out.headers = {{"content-type", "application/grpc"}, {"te", "trailers"}};
  out.headers.insert(out.headers.end(), more.begin(), more.end());
  out.received = MonoTime(10s);
  return out;
}

struct Begun {
  std::optional<UnaryCall> call;
  std::shared_ptr<const Answer> answer;
};

const Limits kLimits;

Begun begin(FakeRequest from) {
  auto exchange = std::make_unique<FakeExchange>(std::move(from));
  auto answer = exchange->answer();
  return {UnaryCall::begin(std::move(exchange), kLimits), answer};
}

OutMessage message(std::string_view text) {
  OutMessage out;
  out.text() += text;
  return out;
}

TEST(UnaryCall, AnswersOneMessageWithOne) {
  auto [call, answer] = begin(request("\0\0\0\0\2hi"s));
  ASSERT_TRUE(call);
  const auto got = call->message();
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(as_text(*got), "hi");
  EXPECT_EQ(answer->status, 0);
  call->answer(message("you"));
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(answer->headers, ElementsAre(Pair("content-type", "application/grpc")));
  EXPECT_EQ(answer->body, "\0\0\0\0\3you"s);
  EXPECT_THAT(answer->trailers, ElementsAre(Pair("grpc-status", "0")));
  EXPECT_TRUE(answer->let_go);
}

TEST(UnaryCall, SendsMetadataBeforeTheMessage) {
  auto [call, answer] = begin(request("\0\0\0\0\0"s));
  const dialect::Header timing{"server-timing", "compute;dur=1"};
  call->answer(message(""), {&timing, 1});
  EXPECT_THAT(answer->headers,
              ElementsAre(Pair("content-type", "application/grpc"), Pair("server-timing", "compute;dur=1")));
}

TEST(UnaryCall, FailsWithoutAMessage) {
  auto [call, answer] = begin(request("\0\0\0\0\0"s));
  call->fail(not_found("model.unknown", "no model is called \"beer\"; 100% sure"));
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "");
  EXPECT_THAT(answer->trailers, SizeIs(3));
  EXPECT_THAT(answer->trailers, Contains(Pair("grpc-status", "5")));
  EXPECT_THAT(answer->trailers, Contains(Pair("grpc-message", "no model is called \"beer\"; 100%25 sure")));
  EXPECT_TRUE(answer->let_go);
}

TEST(UnaryCall, DroppedIsAnInternalError) {
  auto begun = begin(request("\0\0\0\0\0"s));
  {
    const UnaryCall moved = std::move(*begun.call);
    begun.call.reset();
    EXPECT_EQ(begun.answer->status, 0);
  }
  EXPECT_THAT(begun.answer->trailers, Contains(Pair("grpc-status", "13")));
}

TEST(UnaryCall, KeepsAnUnfoldedMessageWhenItMoves) {
  // gzip.compress(b"hi", mtime=0)
  const std::string packed =
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\xc8\x04\x00\xac\x2a\x93\xd8\x02\x00\x00\x00"s;  // 22
                                                                                                    // bytes
  auto [call, answer] = begin(request("\1\0\0\0\x16"s + packed, {{"grpc-encoding", "gzip"}}));
  const auto got = call->message();
  ASSERT_TRUE(got.ok()) << got.error().to_string();
  const UnaryCall moved = std::move(*call);
  call.reset();
  EXPECT_EQ(as_text(*got), "hi");
}

TEST(UnaryCall, CompressesForWhoCompressesAndTakesIt) {
  const std::string large(5000, 'x');
  const auto encoding = [&](Fields fields) {
    auto [call, answer] = begin(request("\0\0\0\0\0"s, std::move(fields)));
    call->answer(message(large));
    EXPECT_EQ(answer->body.size() < large.size(), answer->header("grpc-encoding") == "gzip");
    return answer->header("grpc-encoding");
  };
  EXPECT_EQ(encoding({{"grpc-encoding", "gzip"}, {"grpc-accept-encoding", "identity, deflate, gzip"}}),
            "gzip");
  EXPECT_EQ(encoding({{"grpc-encoding", "gzip"}, {"grpc-accept-encoding", "gzip"}}), "gzip");
  EXPECT_EQ(encoding({{"grpc-encoding", "gzip"}, {"grpc-accept-encoding", "identity,gzipped"}}), "");
  EXPECT_EQ(encoding({{"grpc-encoding", "gzip"}}), "");
  EXPECT_EQ(encoding({{"grpc-accept-encoding", "identity,deflate,gzip"}}), "");
  EXPECT_EQ(encoding({{"grpc-encoding", "identity"}, {"grpc-accept-encoding", "gzip"}}), "");
}

TEST(UnaryCall, RefusesAnEncodingThatIsNotKnownAndSaysWhichAre) {
  auto [call, answer] = begin(request("\0\0\0\0\0"s, {{"grpc-encoding", "snappy"}}));
  EXPECT_FALSE(call);
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(answer->trailers, Contains(Pair("grpc-status", "12")));
  EXPECT_EQ(answer->header("grpc-accept-encoding"), "identity,gzip");
}

TEST(UnaryCall, RefusesWhatIsNoCallWithProtobuf) {
  struct Row {
    const char* type;
    bool taken;
  };
  for (const Row& row : {Row{"application/grpc", true}, Row{"application/grpc+proto", true},
                         Row{"application/grpc; charset=utf-8", true}, Row{"application/grpc+json", false},
                         Row{"application/grpc-web", false}, Row{"application/grpcx", false},
                         Row{"application/json", false}, Row{"", false}}) {
    FakeRequest from = request("\0\0\0\0\0"s);
    from.headers = {{"content-type", row.type}};
    auto [call, answer] = begin(std::move(from));
    EXPECT_EQ(call.has_value(), row.taken) << row.type;
    EXPECT_EQ(answer->status, row.taken ? 0 : 415) << row.type;
  }
  FakeRequest bare = request("");
  bare.headers.clear();
  EXPECT_EQ(begin(std::move(bare)).answer->status, 415);
}

TEST(UnaryCall, KnowsUntilWhenTheClientWaits) {
  const auto deadline = [](const char* timeout) {
    return begin(request("\0\0\0\0\0"s, {{"grpc-timeout", timeout}})).call->deadline();
  };
  EXPECT_EQ(begin(request("\0\0\0\0\0"s)).call->deadline(), MonoTime::max());
  EXPECT_EQ(deadline("100m"), MonoTime(10s + 100ms));
  EXPECT_EQ(deadline("0n"), MonoTime(10s));
  EXPECT_EQ(deadline("7u"), MonoTime(10s + 7us));
  EXPECT_EQ(deadline("2S"), MonoTime(12s));
  EXPECT_EQ(deadline("1M"), MonoTime(70s));
  EXPECT_EQ(deadline("1H"), MonoTime(1h + 10s));
  EXPECT_GT(deadline("99999999H"), MonoTime(24h * 365 * 10));
  for (const char* wrong : {"", "m", "100", "1.5S", "-1S", "123456789m", "1s", "1 S", "0x1m"}) {
    auto [call, answer] = begin(request("\0\0\0\0\0"s, {{"grpc-timeout", wrong}}));
    EXPECT_FALSE(call) << wrong;
    EXPECT_THAT(answer->trailers, Contains(Pair("grpc-status", "3"))) << wrong;
  }
}

}  // namespace
}  // namespace slipway::grpc
