#include "grpc/stream_call.h"

#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "grpc/testing/stream_exchange.h"

namespace slipway::grpc {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Pair;
using testing::StreamClient;
using testing::StreamExchange;
using namespace std::string_literals;
using namespace std::chrono_literals;

OutMessage message(std::string_view text) {
  OutMessage out;
  out.text() += text;
  return out;
}
std::string framed(std::string_view text) { return message(text).framed(Encoding::kIdentity, {}); }

class StreamCallTest : public ::testing::Test {
 protected:
  void begin() {
    call_ = StreamCall::begin(std::make_unique<StreamExchange>(client_), limits_, clock_);
    ASSERT_NE(call_, nullptr);
  }
  // Notes what comes: the message, "end", or the id of the error.
  void ask() {
    call_->next([this](const StreamCall::Next& next) { note(next); });
  }
  void note(const StreamCall::Next& next) {
    if (!next.ok()) {
      got_.push_back(next.error().id());
    } else {
      got_.emplace_back(next->has_value() ? as_text((*next)->bytes()) : "end");
    }
  }
  [[nodiscard]] std::string status() const {
    for (const auto& [name, value] : client_->answer.trailers) {
      if (name == "grpc-status") return value;
    }
    return "none";
  }

  const Limits limits_;
  ManualClock clock_;
  std::shared_ptr<StreamClient> client_ = std::make_shared<StreamClient>();
  std::shared_ptr<StreamCall> call_;
  std::vector<std::string> got_;
};

TEST_F(StreamCallTest, GivesOneMessageForEachAsking) {
  begin();
  ask();
  EXPECT_TRUE(client_->asks);
  client_->send(framed("a") + framed("b") + framed("c").substr(0, 3));
  EXPECT_THAT(got_, ElementsAre("a"));
  EXPECT_FALSE(client_->asks);  // what is not asked for is not read: the client's window stays closed
  ask();
  EXPECT_THAT(got_, ElementsAre("a", "b"));
  ask();
  EXPECT_TRUE(client_->asks);
  client_->send(framed("c").substr(3), true);
  EXPECT_THAT(got_, ElementsAre("a", "b", "c"));
  ask();
  EXPECT_THAT(got_, ElementsAre("a", "b", "c", "end"));
  EXPECT_EQ(client_->answer.status, 0);
  call_->finish({});
  EXPECT_EQ(status(), "0");
  EXPECT_TRUE(client_->answer.let_go);
}

TEST_F(StreamCallTest, AnswersWhileItReads) {
  begin();
  ask();
  client_->send(framed("a"));
  call_->write(message("A"));
  EXPECT_EQ(client_->answer.status, 200);
  EXPECT_EQ(client_->answer.header("content-type"), "application/grpc");
  EXPECT_EQ(client_->answer.body, framed("A"));
  call_->write(message("B"));
  call_->finish(unavailable("x.y", "no more"));
  EXPECT_EQ(client_->answer.body, framed("A") + framed("B"));
  EXPECT_EQ(status(), "14");
  call_->write(message("C"));
  call_->finish({});
  ask();
  EXPECT_EQ(client_->answer.answers, 1);
  EXPECT_THAT(got_, ElementsAre("a"));
}

TEST_F(StreamCallTest, MayAskAndWriteAndFinishFromWithinACallback) {
  begin();
  std::function<void(StreamCall::Next)> again = [&](const StreamCall::Next& next) {
    note(next);
    if (next.ok() && next->has_value()) {
      call_->write(message(got_.back()));
      call_->next(again);
    } else {
      call_->finish(next.status());
    }
  };
  call_->next(again);
  std::string body;
  std::string want;
  for (int i = 0; i < 100'000; ++i) body += framed("m");  // no recursion
  client_->send(body, true);
  EXPECT_EQ(got_.size(), 100'001U);
  EXPECT_EQ(client_->answer.body, body);
  EXPECT_EQ(status(), "0");
}

TEST_F(StreamCallTest, EndsForDamage) {
  struct Row {
    std::string body;
    const char* id;
    const char* status;
  };
  for (const Row& row :
       {Row{"\0\0\0\0\2a"s, "grpc.message_cut", "3"}, Row{"\7\0\0\0\0"s, "grpc.message_flag", "3"},
        Row{"\0\xff\0\0\0"s, "grpc.message_too_large", "8"}}) {
    client_ = std::make_shared<StreamClient>();
    got_.clear();
    begin();
    ask();
    client_->send(row.body, true);
    EXPECT_THAT(got_, ElementsAre(row.id));
    EXPECT_EQ(status(), row.status);
    EXPECT_TRUE(client_->answer.let_go);
  }
}

TEST_F(StreamCallTest, EndsWhenItsTimeIsOver) {
  client_->fields.emplace_back("grpc-timeout", "1S");
  begin();
  ask();
  clock_.advance(1s);
  client_->send(framed("a"));
  clock_.advance(1ns);
  ask();
  client_->send(framed("b"));
  EXPECT_THAT(got_, ElementsAre("a", "grpc.deadline"));
  EXPECT_EQ(status(), "4");
}

TEST_F(StreamCallTest, TellsOfALostClientWhoeverWaits) {
  begin();
  int told = 0;
  call_->on_gone([&] { ++told; });
  ask();
  client_->leave();
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(call_->gone());
  EXPECT_THAT(got_, ElementsAre("grpc.gone"));
  call_->on_gone([&] { ++told; });
  EXPECT_EQ(told, 2);
  call_->write(message("x"));
  bool room = false;
  call_->on_room([&] { room = true; });
  EXPECT_TRUE(room);
}

TEST_F(StreamCallTest, TellsWhenThereIsRoom) {
  begin();
  int room = 0;
  call_->on_room([&] { ++room; });
  EXPECT_EQ(room, 1);
  call_->write(message(std::string(300 << 10, 'x')));
  call_->on_room([&] { ++room; });
  EXPECT_EQ(room, 1);
  client_->take_all();
  EXPECT_EQ(room, 2);
}

TEST_F(StreamCallTest, DroppedIsAnInternalErrorAndNobodyKeepsIt) {
  begin();
  const std::weak_ptr<StreamCall> watch = call_;
  call_->on_gone([keep = call_] {});
  call_->on_gone(nullptr);
  call_.reset();
  EXPECT_TRUE(watch.expired());
  EXPECT_EQ(status(), "13");
}

TEST_F(StreamCallTest, WhoWaitsForAMessageIsKeptUntilTheClientLeaves) {
  begin();
  const std::weak_ptr<StreamCall> watch = call_;
  call_->next([keep = call_](const StreamCall::Next&) {});
  call_.reset();
  EXPECT_FALSE(watch.expired());
  client_->leave();
  EXPECT_TRUE(watch.expired());
}

TEST_F(StreamCallTest, RefusesBeforeItBegins) {
  client_->fields = {{"content-type", "application/json"}};
  EXPECT_EQ(StreamCall::begin(std::make_unique<StreamExchange>(client_), limits_, clock_), nullptr);
  EXPECT_EQ(client_->answer.status, 415);
  client_ = std::make_shared<StreamClient>();
  client_->fields.emplace_back("grpc-encoding", "br");
  EXPECT_EQ(StreamCall::begin(std::make_unique<StreamExchange>(client_), limits_, clock_), nullptr);
  EXPECT_EQ(status(), "12");
}

TEST_F(StreamCallTest, TakesAnswersFromManyThreads) {
  begin();
  ask();
  client_->send(framed("a"));
  constexpr int kThreads = 4;
  constexpr int kEach = 500;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < kEach; ++k) call_->write(message("12345678"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  call_->finish({});
  EXPECT_EQ(client_->answer.body.size(), kThreads * kEach * framed("12345678").size());
  EXPECT_EQ(status(), "0");
}

}  // namespace
}  // namespace slipway::grpc
