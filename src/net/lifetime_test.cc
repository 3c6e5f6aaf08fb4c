// Time, limits and ends: what a slow, greedy or vanished client costs, and how a server goes down. Time is
// moved by the test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <thread>

#include "net/testing/step_server.h"

namespace slipway::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::get;
using ::testing::HasSubstr;
using testing::HeldExchanges;
using ::testing::Not;
using testing::post;
using testing::RawClient;
using testing::StepServer;

using Exchange = std::unique_ptr<dialect::Exchange>;

std::uint64_t open_count(StepServer& server) { return server.server->counters().open; }

TEST(TimeoutTest, SlowHeadersGet408After10Seconds) {
  StepServer server;
  RawClient client(server);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n");
  for (int i = 0; i < 9; ++i) {
    server.advance(seconds(1));
    client.send("X: y\r\n");
  }
  client.receive();
  EXPECT_EQ(client.received, "");
  server.advance(milliseconds(1200));
  ASSERT_TRUE(client.wait_for("HTTP/1.1 408 "));
  EXPECT_EQ(server.handler.refusals, std::vector<std::string>{"net.head_timeout"});
  client.close();
  EXPECT_TRUE(server.run_until([&] { return open_count(server) == 0; }));
}

TEST(TimeoutTest, ALoneCarriageReturnIsASlowHeaderToo) {
  StepServer server;
  RawClient client(server);
  client.send("\r");
  server.advance(seconds(9));
  EXPECT_EQ(open_count(server), 1U);
  server.advance(milliseconds(1200));
  EXPECT_TRUE(client.wait_for("HTTP/1.1 408 "));
}

TEST(TimeoutTest, AConnectionThatSaysNothingIsClosed) {
  StepServer server;
  RawClient client(server);
  ASSERT_TRUE(server.run_until([&] { return open_count(server) == 1; }));
  server.advance(milliseconds(10200));
  EXPECT_TRUE(client.wait_for_close());
  EXPECT_EQ(client.received, "");
}

TEST(TimeoutTest, AnIdleConnectionIsClosedAfter75Seconds) {
  StepServer server;
  RawClient client(server);
  for (int i = 0; i < 3; ++i) {
    client.send(get("/" + std::to_string(i)));
    ASSERT_TRUE(client.wait_for("GET /" + std::to_string(i)));
    for (int second = 0; second < 74; ++second) server.advance(seconds(1));
    EXPECT_EQ(open_count(server), 1U);
  }
  server.advance(milliseconds(1200));
  EXPECT_TRUE(client.wait_for_close());
}

TEST(TimeoutTest, AModelMayTakeLongerThanAnyTimeout) {
  StepServer server;
  HeldExchanges held;
  server.handler.answer = held.hold();
  RawClient client(server);
  client.send(get("/"));
  ASSERT_TRUE(server.run_until([&] { return held.held.size() == 1; }));
  for (int i = 0; i < 20; ++i) server.advance(seconds(60));
  held.held[0]->respond(200, {}, "at last");
  EXPECT_TRUE(client.wait_for("at last"));
}

TEST(TimeoutTest, ABodyBelowTheRateGets408) {
  StepServer server;
  RawClient client(server);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  // 100 bytes a second: after the grace of 5 s, judged every second.
  for (int i = 0; i < 7 && client.received.empty(); ++i) {
    client.send(std::string(100, 'x'));
    server.advance(milliseconds(1100));
    client.receive();
  }
  ASSERT_TRUE(client.wait_for("HTTP/1.1 408 "));
  EXPECT_EQ(server.handler.refusals, std::vector<std::string>{"net.body_timeout"});
}

TEST(TimeoutTest, ABodyAboveTheRateMayTakeItsTime) {
  StepServer server;
  RawClient client(server);
  const std::string body(60 * 1200, 'x');
  client.send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n");
  for (std::size_t at = 0; at < body.size(); at += 1200) {
    client.send(body.substr(at, 1200));
    server.advance(seconds(1));
  }
  EXPECT_TRUE(client.wait_for("POST /slow?"));
}

TEST(TimeoutTest, AReaderThatTakesNothingIsCutOff) {
  StepServer server;
  server.handler.answer = [](Exchange exchange) { exchange->respond(200, {}, std::string(30 << 20, 'x')); };
  RawClient client(server);
  client.send(get("/"));
  server.step();
  server.advance(seconds(29));
  EXPECT_EQ(open_count(server), 1U);
  server.advance(milliseconds(1300));
  EXPECT_EQ(open_count(server), 0U);
}

TEST(TimeoutTest, ARefusedClientThatKeepsSendingIsClosedAfterTheLinger) {
  StepServer server;
  RawClient client(server);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n");
  ASSERT_TRUE(client.wait_for("HTTP/1.1 413 "));
  client.send(std::string(100000, 'x'));
  EXPECT_EQ(open_count(server), 1U);
  server.advance(milliseconds(2200));
  EXPECT_EQ(open_count(server), 0U);
}

TEST(LimitTest, UnansweredRequestsOfOneConnectionAreBounded) {
  Limits limits;
  limits.max_pipelined = 4;
  StepServer server(limits);
  HeldExchanges held;
  server.handler.answer = held.hold();
  RawClient client(server);
  std::string requests;
  for (int i = 0; i < 10; ++i) requests += get("/" + std::to_string(i));
  client.send(requests);
  for (int i = 0; i < 20; ++i) server.step();
  EXPECT_EQ(held.held.size(), 4U);
  for (std::size_t i = 0; i < 10; ++i) {
    ASSERT_TRUE(server.run_until([&] { return held.held.size() > i; })) << i;
    held.held[i]->respond(200, {}, "answer " + std::to_string(i));
  }
  EXPECT_TRUE(client.wait_for("answer 9"));
}

TEST(LimitTest, PipelinedRequestsWaitWhileAnswersAreNotRead) {
  Limits limits;
  limits.pause_unsent_bytes = 100000;
  StepServer server(limits);
  server.handler.answer = [](Exchange exchange) { exchange->respond(200, {}, std::string(8 << 20, 'x')); };
  RawClient client(server);
  std::string requests;
  for (int i = 0; i < 20; ++i) requests += get("/");
  client.send(requests);
  for (int i = 0; i < 50; ++i) server.step();
  EXPECT_LT(server.handler.handled, 5);
  ASSERT_TRUE(server.run_until([&] {
    client.receive();
    return client.received.size() > std::size_t{20} * (8 << 20);
  }));
  EXPECT_EQ(server.handler.handled, 20);
}

TEST(LimitTest, StreamedPiecesThatNobodyReadsEndTheConnection) {
  Limits limits;
  limits.max_unsent_bytes = 1 << 20;
  StepServer server(limits);
  HeldExchanges held;
  server.handler.answer = held.hold();
  RawClient client(server);
  client.send(get("/"));
  ASSERT_TRUE(server.run_until([&] { return held.held.size() == 1; }));
  held.held[0]->start(200, {});
  for (int i = 0; i < 1000 && !held.held[0]->gone(); ++i) {
    held.held[0]->write(std::string(100000, 'x'));
    server.step();
  }
  EXPECT_TRUE(held.held[0]->gone());
}

TEST(LimitTest, LargeBodiesTogetherAreBounded) {
  Limits limits;
  limits.max_held_bytes = 1'000'000;
  StepServer server(limits);
  HeldExchanges held;
  server.handler.answer = held.hold();
  RawClient first(server);
  first.send(post("/", std::string(600'000, 'x')));
  ASSERT_TRUE(server.run_until([&] { return held.held.size() == 1; }));
  RawClient second(server);
  second.send(post("/", std::string(600'000, 'x')));
  ASSERT_TRUE(second.wait_for("HTTP/1.1 503 "));
  EXPECT_EQ(server.handler.refusals, std::vector<std::string>{"net.overloaded"});
  held.held[0]->respond(200, {}, "done");
  held.held.clear();
  RawClient third(server);
  third.send(post("/", std::string(600'000, 'x')));
  EXPECT_TRUE(server.run_until([&] { return held.held.size() == 1; }));
}

TEST(LimitTest, ConnectionsBeyondTheLimitAreTurnedAway) {
  Limits limits;
  limits.max_connections = 2;
  StepServer server(limits);
  RawClient first(server);
  RawClient second(server);
  ASSERT_TRUE(server.run_until([&] { return open_count(server) == 2; }));
  RawClient third(server);
  ASSERT_TRUE(third.wait_for("HTTP/1.1 503 "));
  EXPECT_TRUE(third.wait_for_close());
  EXPECT_EQ(server.server->counters().turned_away, 1U);
  first.send(get("/"));
  EXPECT_TRUE(first.wait_for("200 OK"));
  first.close();
  ASSERT_TRUE(server.run_until([&] { return open_count(server) == 1; }));
  RawClient fourth(server);
  fourth.send(get("/"));
  EXPECT_TRUE(fourth.wait_for("200 OK"));
}

TEST(LimitTest, WithoutDescriptorsClientsAreTurnedAwayAndTheOthersServed) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the vptr sanitizer itself needs descriptors to look at an object";
#endif
  StepServer server;
  RawClient early(server);
  ASSERT_TRUE(server.run_until([&] { return open_count(server) == 1; }));
  RawClient late(server);  // connected by the kernel, not yet accepted
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  const Fd highest(::dup(0));
  none.rlim_cur = static_cast<rlim_t>(highest.get());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool closed = late.wait_for_close();
  early.send(get("/still"));
  const bool served = early.wait_for("GET /still");
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(closed);
  EXPECT_TRUE(served);
  EXPECT_EQ(server.server->counters().turned_away, 1U);
  RawClient after(server);
  server.advance(milliseconds(400));
  after.send(get("/after"));
  EXPECT_TRUE(after.wait_for("GET /after"));
}

struct Drained {
  std::vector<DrainReport> reports;
  std::function<void(DrainReport)> hook() {
    return [this](DrainReport report) { reports.push_back(report); };
  }
};

TEST(DrainTest, AnIdleServerIsDoneAtOnce) {
  StepServer server;
  Drained drained;
  server.server->drain(Duration::zero(), seconds(30), drained.hook());
  ASSERT_TRUE(server.run_until([&] { return drained.reports.size() == 1; }));
  EXPECT_TRUE(drained.reports[0].complete);
  const auto refused = connect_to(server.endpoint, seconds(1));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().id(), "net.refused");
}

TEST(DrainTest, RequestsUnderWayAreFinishedAndIdleConnectionsClosed) {
  StepServer server;
  HeldExchanges held;
  RawClient idle(server);
  idle.send(get("/idle"));
  ASSERT_TRUE(idle.wait_for("GET /idle"));
  server.handler.answer = held.hold();
  RawClient busy(server);
  busy.send(get("/1") + get("/2"));
  ASSERT_TRUE(server.run_until([&] { return held.held.size() == 2; }));
  Drained drained;
  server.server->drain(Duration::zero(), seconds(30), drained.hook());
  EXPECT_TRUE(idle.wait_for_close());
  idle.close();
  EXPECT_TRUE(drained.reports.empty());
  held.held[0]->respond(200, {}, "one");
  ASSERT_TRUE(busy.wait_for("one"));
  EXPECT_THAT(busy.received, Not(HasSubstr("Connection: close")));  // another answer follows
  held.held[1]->respond(200, {}, "two");
  ASSERT_TRUE(busy.wait_for_close());
  EXPECT_THAT(busy.received, HasSubstr("Connection: close\r\nContent-Length: 3\r\n\r\ntwo"));
  busy.close();
  ASSERT_TRUE(server.run_until([&] { return drained.reports.size() == 1; }));
  EXPECT_TRUE(drained.reports[0].complete);
}

TEST(DrainTest, DuringTheGraceRequestsAreAnsweredAndConnectionsSentAway) {
  StepServer server;
  RawClient kept(server);
  kept.send(get("/before"));
  ASSERT_TRUE(kept.wait_for("GET /before"));
  Drained drained;
  server.server->drain(seconds(5), seconds(30), drained.hook());
  server.step();
  server.advance(seconds(1));
  kept.send(get("/during"));
  ASSERT_TRUE(kept.wait_for("GET /during"));
  EXPECT_THAT(kept.received, HasSubstr("Connection: close"));
  kept.close();
  RawClient fresh(server);
  fresh.send(get("/fresh"));
  ASSERT_TRUE(fresh.wait_for("GET /fresh"));
  EXPECT_THAT(fresh.received, HasSubstr("Connection: close"));
  fresh.close();
  EXPECT_TRUE(drained.reports.empty());
  server.advance(milliseconds(4300));
  ASSERT_TRUE(server.run_until([&] { return drained.reports.size() == 1; }));
  EXPECT_TRUE(drained.reports[0].complete);
}

TEST(DrainTest, AConnectionThatSaysNothingHasAMoment) {
  StepServer server;
  RawClient silent(server);
  RawClient late(server);
  ASSERT_TRUE(server.run_until([&] { return open_count(server) == 2; }));
  Drained drained;
  server.server->drain(Duration::zero(), seconds(30), drained.hook());
  for (int i = 0; i < 3; ++i) server.step();
  late.send(get("/late"));
  ASSERT_TRUE(late.wait_for("GET /late"));
  EXPECT_THAT(late.received, HasSubstr("Connection: close"));
  late.close();
  EXPECT_FALSE(silent.closed);
  server.advance(milliseconds(2200));
  EXPECT_TRUE(silent.wait_for_close());
  ASSERT_TRUE(server.run_until([&] { return drained.reports.size() == 1; }));
}

TEST(DrainTest, TheDeadlineCutsOffWhoeverIsLeft) {
  StepServer server;
  HeldExchanges held;
  server.handler.answer = held.hold();
  RawClient client(server);
  client.send(get("/"));
  ASSERT_TRUE(server.run_until([&] { return held.held.size() == 1; }));
  Drained drained;
  server.server->drain(Duration::zero(), seconds(30), drained.hook());
  server.step();
  server.advance(seconds(29));
  EXPECT_TRUE(drained.reports.empty());
  server.advance(milliseconds(1300));
  ASSERT_TRUE(server.run_until([&] { return drained.reports.size() == 1; }));
  EXPECT_FALSE(drained.reports[0].complete);
  EXPECT_EQ(drained.reports[0].cut_off, 1U);
  EXPECT_TRUE(held.held[0]->gone());
  EXPECT_TRUE(client.wait_for_close());
}

TEST(DrainTest, TwoCallersAreBothTold) {
  StepServer server;
  Drained drained;
  server.server->drain(Duration::zero(), seconds(30), drained.hook());
  server.server->drain(Duration::zero(), seconds(30), drained.hook());
  ASSERT_TRUE(server.run_until([&] { return drained.reports.size() == 2; }));
}

TEST(ListenTest, ATakenPortIsAnErrorWithTheWayOut) {
  StepServer server;
  const auto again = server.server->listen({.endpoint = server.endpoint, .handler = &server.handler});
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().id(), "net.address_in_use");
  EXPECT_THAT(again.error().message(), HasSubstr("choose another port"));
}

TEST(ListenTest, ServesUnixSocketsAndIpv6AndRemovesTheSocketFile) {
  const std::string path = ::testing::TempDir() + "/net_" + std::to_string(::getpid()) + ".sock";
  {
    StepServer server({}, {.endpoint = {.host = {}, .port = 0, .path = path}});
    server.handler.answer = [](Exchange exchange) {
      exchange->respond(200, {}, exchange->local() ? "near" : "far");
    };
    RawClient client(server);
    client.send(get("/"));
    EXPECT_TRUE(client.wait_for("near"));
  }
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
  StepServer server({}, {.endpoint = {.host = "::1", .port = 0, .path = {}}});
  RawClient client(server);
  client.send(get("/six"));
  EXPECT_TRUE(client.wait_for("GET /six"));
}

TEST(ListenTest, EachListenerHasItsOwnHandler) {
  StepServer server;
  testing::ScriptedHandler other;
  other.answer = [](Exchange exchange) { exchange->respond(200, {}, "other"); };
  const auto second =
      server.server->listen({.endpoint = {.host = "127.0.0.1", .port = 0, .path = {}}, .handler = &other});
  ASSERT_TRUE(second.ok());
  server.endpoint = *second;
  RawClient client(server);
  client.send(get("/"));
  EXPECT_TRUE(client.wait_for("other"));
  EXPECT_EQ(server.handler.handled, 0);
}

}  // namespace
}  // namespace slipway::net
