// The load generator against servers of ours, and against bytes that no server should send.
#include "net/client/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "net/client/wire_internal.h"
#include "net/http2/testing/client.h"
#include "net/testing/step_server.h"

namespace slipway::net {
namespace {

using Exchange = std::unique_ptr<dialect::Exchange>;
using http2::testing::frame;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::Pair;

// Goes on by the same step whenever it is asked, so that a run has the same moments on every machine.
class TickingClock final : public Clock {
 public:
  explicit TickingClock(Duration tick) : tick_(tick) {}
  [[nodiscard]] MonoTime now() const override { return now_ += tick_; }
  [[nodiscard]] WallTime wall_now() const override { return {}; }

 private:
  Duration tick_;
  mutable MonoTime now_{};
};

struct RunningServer {
  explicit RunningServer(testing::ScriptedHandler::Answer answer = {}, bool pieces = false) {
    handler.answer = std::move(answer);
    if (pieces) handler.wants_pieces = [](std::string_view) { return true; };
    server = Server::create({.loops = 1}, clock, logger).value();
    options.endpoint =
        server->listen({.endpoint = {.host = "127.0.0.1", .port = 0, .path = {}}, .handler = &handler})
            .value();
    server->start();
    options.warm_up = milliseconds(10);
    options.duration = milliseconds(100);
    options.requests = {{.body = "a"}, {.headers = {{"x-y", "z"}}, .body = "body"}};
  }
  ~RunningServer() { server->stop(); }
  Result<LoadReport> load() { return run_load(options, clock, stop); }

  SystemClock clock;
  NullLogger logger;
  testing::ScriptedHandler handler;
  std::unique_ptr<Server> server;
  LoadOptions options;
  std::atomic<bool> stop{false};
};

std::string framed(std::string_view message) {
  std::string text("\0\0\0\0", 4);
  text.push_back(static_cast<char>(message.size()));
  return text.append(message);
}

// Answers a unary call with its own message, or with an error where that is "bad".
void echo_call(Exchange exchange) {
  const std::string body(as_text(exchange->body()));
  static constexpr dialect::Header kType{"content-type", "application/grpc"};
  const bool bad = body == framed("bad");
  const dialect::Header trailers[] = {{"grpc-status", bad ? "3" : "0"}, {"grpc-message", "no such tensor"}};
  exchange->respond_with_trailers(200, {&kType, 1}, bad ? "" : body,
                                  std::span<const dialect::Header>(trailers).first(bad ? 2 : 1));
}

// Answers every message of a call with itself.
void echo_messages(Exchange exchange) {
  static constexpr dialect::Header kType{"content-type", "application/grpc"};
  const std::shared_ptr<dialect::Exchange> shared(std::move(exchange));
  shared->start(200, {&kType, 1});
  // The callback holds the exchange as long as the client may send.
  shared->read([shared](dialect::BodyPiece piece) {
    if (!piece.bytes.empty()) shared->write(std::move(piece.bytes));
    return !piece.last && !piece.gone;
  });
}

TEST(LoadTest, CountsAnswersAndLatencies) {
  RunningServer running;
  running.options.connections = 4;
  const auto report = running.load();
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  EXPECT_GT(report->answers, 10U);
  EXPECT_THAT(report->by_status, ElementsAre(Pair("200", report->answers)));
  EXPECT_EQ(report->latency.count(), report->answers);
  EXPECT_EQ(report->failures + report->lost + report->failed_connections, 0U);
  EXPECT_GT(report->latency.quantile(0.5), Duration::zero());
  EXPECT_GE(running.server->counters().requests, report->answers);
}

TEST(LoadTest, ShowsErrorsByStatusAndStopsWhenTold) {
  RunningServer running([](Exchange exchange) { exchange->respond(404, {}, "no such model"); });
  running.options.warm_up = Duration::zero();
  running.options.duration = std::chrono::hours(1);
  std::thread stopper([&] {
    while (running.server->counters().requests < 20) std::this_thread::yield();
    running.stop = true;
  });
  const auto report = running.load();
  stopper.join();
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(report->by_status, ElementsAre(Pair("404", report->answers)));
  EXPECT_EQ(report->failures, report->answers);
  EXPECT_EQ(report->first_error, "no such model");
}

TEST(LoadTest, RefusesLoadsThatAreNone) {
  const SystemClock clock;
  const std::atomic<bool> stop{false};
  EXPECT_EQ(run_load({}, clock, stop).error().id(), "net.load");
  LoadOptions options{.requests = {{}}, .connections = 1, .streams = 0};
  EXPECT_EQ(run_load(options, clock, stop).error().id(), "net.load");
  options = {.target = "/a b\r\n", .requests = {{.headers = {{"a", "b\r\nc"}}}}};
  EXPECT_EQ(run_load(options, clock, stop).error().id(), "net.header");
}

// The server's own counters and what it saw are the other side of the story.
TEST(LoadTest, Http2SendsManyAtOnceOnOneConnectionAndBodiesLongerThanWindows) {
  const std::string large(3 << 20, 'x');
  std::atomic<std::uint64_t> wrong{0};
  RunningServer running([&](Exchange exchange) {
    if (as_text(exchange->body()) != large && as_text(exchange->body()) != "small") ++wrong;
    exchange->respond(200, {}, std::string(as_text(exchange->body())));
  });
  running.options.protocol = LoadProtocol::kHttp2;
  running.options.streams = 7;
  running.options.requests = {{.body = large}, {.headers = {{"x-y", "z"}}, .body = "small"}};
  running.options.duration = milliseconds(300);
  const auto report = running.load();
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  EXPECT_EQ(report->failures + report->lost + report->failed_connections, 0U);
  EXPECT_THAT(report->by_status, ElementsAre(Pair("200", report->answers)));
  EXPECT_GT(report->answers, 0U);
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(running.server->counters().accepted, 1U);
}

TEST(LoadTest, CallsOfGrpcAreCountedByTheirStatus) {
  RunningServer running(echo_call);
  running.options.protocol = LoadProtocol::kGrpc;
  running.options.target = "/a.B/C";
  running.options.streams = 4;
  running.options.connections = 2;
  running.options.requests = {{.body = "good"}, {.body = "bad"}};
  const auto report = running.load();
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  EXPECT_GT(report->answers_of("OK"), 0U);
  EXPECT_GT(report->answers_of("INVALID_ARGUMENT"), 0U);
  EXPECT_EQ(report->answers_of("INVALID_ARGUMENT"), report->failures);
  EXPECT_EQ(report->answers_of("OK") + report->failures, report->answers);
  EXPECT_EQ(report->first_error, "no such tensor");
}

TEST(LoadTest, AnswersThatAreNotGrpcAreFailures) {
  RunningServer running([](Exchange exchange) { exchange->respond(404, {}, "not here"); });
  running.options.protocol = LoadProtocol::kGrpc;
  const auto report = running.load();
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(report->by_status, ElementsAre(Pair("HTTP 404", report->failures)));
  EXPECT_EQ(report->first_error, "not here");
}

TEST(LoadTest, StreamsOfGrpcStayOpen) {
  RunningServer running(echo_messages, true);
  running.options.protocol = LoadProtocol::kGrpcStream;
  running.options.streams = 3;
  running.options.requests = {{.body = "message"},
                              {.body = std::string(1, '\x0a') + std::string(1, 3) + "bad"}};
  const auto report = running.load();
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  EXPECT_GT(report->answers_of("OK"), 3U);
  EXPECT_GT(report->answers_of("error_message"), 3U);
  EXPECT_EQ(report->first_error, "bad");
  EXPECT_EQ(running.server->counters().requests, 3U);
}

TEST(LoadTest, AnOpenLoopSendsWhatIsDueAndNoMore) {
  RunningServer running;
  running.options.connections = 8;
  running.options.rate = 2000;
  running.options.even = true;
  running.options.late = std::chrono::minutes(1);
  const auto report = running.load();
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  EXPECT_GE(report->answers, 199U);  // 100 ms of it
  EXPECT_LE(report->answers, 201U);
  EXPECT_EQ(report->unanswered + report->lost, 0U);
  EXPECT_EQ(report->service.count(), report->answers);
}

// A Poisson process of 1000 events has a standard deviation of 32.
TEST(LoadTest, RandomArrivalsHaveTheirRate) {
  RunningServer running;
  running.options.connections = 8;
  running.options.rate = 10000;
  running.options.late = std::chrono::minutes(1);
  const auto report = running.load();
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  EXPECT_NEAR(static_cast<double>(report->answers), 1000, 5 * 32);
}

// One connection, and more due at every glance at the clock than it can send: waiting is part of the latency.
TEST(LoadTest, WhatWaitsToBeSentIsLate) {
  RunningServer running;
  running.options.rate = 1e6;
  running.options.even = true;
  running.options.warm_up = Duration::zero();
  running.options.duration = milliseconds(5);
  running.options.late = milliseconds(5);
  const TickingClock clock(std::chrono::microseconds(10));
  const auto report = run_load(running.options, clock, running.stop);
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  EXPECT_NEAR(static_cast<double>(report->answers + report->unanswered), 5000, 1);
  EXPECT_GT(report->unanswered, 1000U);
  EXPECT_GT(report->latency.quantile(0.5), 10 * report->service.quantile(0.5));
}

struct NoSink final : AnswerSink {
  void answered(const SendTimes&, std::string_view status, bool, std::string_view) override {
    statuses.emplace_back(status);
  }
  std::vector<std::string> statuses;
};

struct OneWire {
  OneWire() {
    options.requests = {{.body = "x"}};
    options.protocol = LoadProtocol::kHttp2;
    options.streams = 2;
    factory = http2_wires(options).value();
    wire = factory->make();
    wire->begin(out);
    wire->send(0, {}, out);
    wire->send(0, {}, out);
  }
  LoadOptions options;
  std::unique_ptr<WireFactory> factory;
  std::unique_ptr<Wire> wire;
  std::string out;
  NoSink sink;
};

TEST(Http2WireTest, RefusesWhatNoServerMaySend) {
  const std::string rows[] = {
      "HTTP/1.1 400 Bad Request\r\n\r\n",              // as a frame, it is too long
      frame(0, 8, 1, std::string(1, '\x05')),          // more padding than bytes
      frame(0, 8, 1, ""),                              // padding without its length
      frame(1, 8, 1, ""),                              // HEADERS, the same
      frame(1, 32, 1, "abc"),                          // HEADERS with half a priority
      frame(1, 4, 1, "\xff\xff\xff\xff\xff\xff\xff"),  // no header block
      frame(1, 0, 1, "") + frame(0, 0, 1, "x"),        // a block cut by DATA
      frame(9, 4, 1, ""),                              // CONTINUATION of nothing
      frame(4, 0, 0, "abc"),                           // half a setting
      frame(8, 0, 0, "abc"),                           // a short WINDOW_UPDATE
      frame(5, 4, 1, std::string(4, '\0')),            // PUSH_PROMISE
  };
  for (const std::string& row : rows) {
    OneWire one;
    EXPECT_EQ(one.wire->receive(row, one.out, one.sink).error().id(), "net.load")
        << ::testing::PrintToString(row);
  }
}

TEST(Http2WireTest, ResetsAndGoawayEndRequests) {
  OneWire one;
  ASSERT_TRUE(one.wire->receive(frame(3, 0, 1, std::string("\0\0\0\x7", 4)), one.out, one.sink).ok());
  EXPECT_THAT(one.sink.statuses, ElementsAre("reset 7"));
  EXPECT_EQ(one.wire->in_flight(), 1U);
  EXPECT_EQ(one.wire->room(), 1U);
  ASSERT_TRUE(one.wire->receive(frame(7, 0, 0, std::string("\0\0\0\x1\0\0\0\0", 8)), one.out, one.sink).ok());
  EXPECT_THAT(one.sink.statuses, ElementsAre("reset 7", "refused by GOAWAY"));
  EXPECT_TRUE(one.wire->closes());
  EXPECT_EQ(one.wire->room(), 0U);
  EXPECT_EQ(one.wire->in_flight(), 0U);
}

TEST(Http2WireTest, KeepsToTheServersSettings) {
  OneWire one;
  one.out.clear();
  // At most one stream; a ping, which is answered.
  ASSERT_TRUE(one.wire
                  ->receive(frame(4, 0, 0, std::string("\0\3\0\0\0\1", 6)) + frame(6, 0, 0, "12345678"),
                            one.out, one.sink)
                  .ok());
  EXPECT_EQ(one.out, frame(4, 1, 0, "") + frame(6, 1, 0, "12345678"));
  ASSERT_TRUE(one.wire->receive(frame(3, 0, 1, std::string("\0\0\0\x7", 4)), one.out, one.sink).ok());
  EXPECT_EQ(one.wire->room(), 0U);  // the other is still open
}

}  // namespace
}  // namespace slipway::net
