#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "net/compression.h"
#include "net/testing/step_server.h"

namespace slipway::net {
namespace {

using ::testing::EndsWith;
using testing::get;
using ::testing::HasSubstr;
using testing::HeldExchanges;
using ::testing::Not;
using testing::post;
using testing::RawClient;
using testing::StepServer;

using Exchange = std::unique_ptr<dialect::Exchange>;

TEST(Http1Test, AnswersWithDateLengthAndBody) {
  StepServer server;
  server.clock.set_wall(WallTime(std::chrono::seconds(784111777)));  // the example of RFC 9110 section 5.6.7
  RawClient client(server);
  client.send(post("/predict/wine?a=%20b", "hello"));
  ASSERT_TRUE(client.wait_for("hello"));
  EXPECT_EQ(client.received,
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n"
            "Content-Length: 31\r\n\r\nPOST /predict/wine?a=%20b hello");
}

TEST(Http1Test, PipelinedAnswersKeepTheOrderOfTheRequests) {
  StepServer server;
  HeldExchanges held;
  server.handler.answer = held.hold();
  RawClient client(server);
  client.send(get("/1") + get("/2") + get("/3"));
  ASSERT_TRUE(server.run_until([&] { return held.held.size() == 3; }));
  held.held[2]->respond(200, {}, "third");
  held.held[1]->respond(200, {}, "second");
  server.step();
  client.receive();
  EXPECT_EQ(client.received, "");
  held.held[0]->respond(200, {}, "first");
  ASSERT_TRUE(client.wait_for("third"));
  EXPECT_LT(client.received.find("first"), client.received.find("second"));
  EXPECT_LT(client.received.find("second"), client.received.find("third"));
}

TEST(Http1Test, ARequestStaysReadableWhileLaterOnesArrive) {
  StepServer server;
  HeldExchanges held;
  server.handler.answer = held.hold();
  RawClient client(server);
  for (int i = 0; i < 20; ++i)
    client.send(post("/" + std::to_string(i), std::string(3000, static_cast<char>('a' + i)), "X-N: 1\r\n"));
  ASSERT_TRUE(server.run_until([&] { return held.held.size() == 20; }));
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(held.held[i]->path(), "/" + std::to_string(i));
    EXPECT_EQ(as_text(held.held[i]->body()), std::string(3000, static_cast<char>('a' + i)));
    EXPECT_EQ(held.held[i]->header("x-n"), "1");
    EXPECT_EQ(held.held[i]->header("nothing"), std::nullopt);
  }
}

TEST(Http1Test, BodiesOfEverySizeArriveWholeAndPadded) {
  for (const std::size_t size : {1U, 1000U, 16000U, 16384U, 20000U, 1000000U}) {
    StepServer server;
    std::string seen;
    server.handler.answer = [&](Exchange exchange) {
      seen = as_text(exchange->body());
      std::string padding(64, 'x');
      std::memcpy(padding.data(), exchange->body().data() + exchange->body().size(),
                  64);  // address sanitizer looks on
      exchange->respond(200, {}, "ok");
    };
    std::string body(size, '\0');
    for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>('a' + i % 26);
    RawClient client(server);
    client.send(post("/", body) + get("/next"));
    ASSERT_TRUE(client.wait_for("ok"));
    ASSERT_TRUE(server.run_until([&] { return server.handler.handled == 2; })) << size;
    EXPECT_TRUE(seen.empty());  // the second request had no body
    client.received.clear();
    client.send(post("/", body));
    ASSERT_TRUE(client.wait_for("ok"));
    EXPECT_EQ(seen, body) << size;
  }
}

TEST(Http1Test, ChunkedBodiesAreJoinedAndTheNextRequestFound) {
  StepServer server;
  RawClient client(server);
  std::string request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string body;
  for (int i = 0; i < 500; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 60 + 1), static_cast<char>('a' + i % 26));
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    request += size + piece + "\r\n";
    body += piece;
  }
  client.send(request + "0\r\nX-Trailer: 1\r\n\r\n" + get("/next"));
  ASSERT_TRUE(client.wait_for("GET /next"));
  EXPECT_THAT(client.received, HasSubstr("POST /? " + body));
}

TEST(Http1Test, CompressedBodiesAreUnfolded) {
  std::string body;
  for (int i = 0; i < 30000; ++i) body += std::to_string(i * 7919 % 10007);
  const std::string packed = gzip(body);
  for (const bool chunked : {false, true}) {
    StepServer server;
    std::string seen;
    server.handler.answer = [&](Exchange exchange) {
      seen = as_text(exchange->body());
      exchange->respond(200, {}, "ok");
    };
    RawClient client(server);
    if (chunked) {
      char size[16];
      std::snprintf(size, sizeof size, "%zx\r\n", packed.size());
      client.send(
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" +
          std::string(size) + packed + "\r\n0\r\n\r\n");
    } else {
      client.send(post("/", packed, "Content-Encoding: gzip\r\n"));
    }
    ASSERT_TRUE(client.wait_for("ok"));
    EXPECT_EQ(seen, body);
  }
}

TEST(Http1Test, ACompressedBodyMayNotUnfoldWithoutBound) {
  StepServer server;
  RawClient client(server);
  client.send(post("/", gzip(std::string(8 << 20, 'x')), "Content-Encoding: gzip\r\n"));
  ASSERT_TRUE(client.wait_for("HTTP/1.1 413"));
  EXPECT_EQ(server.handler.refusals, std::vector<std::string>{"net.compression_ratio"});
}

TEST(Http1Test, ContinueIsSentOnlyWhenTheBodyIsAwaited) {
  StepServer server;
  RawClient client(server);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  ASSERT_TRUE(client.wait_for("HTTP/1.1 100 Continue\r\n\r\n"));
  client.send("abc");
  ASSERT_TRUE(client.wait_for("POST /? abc"));
  client.send(post("/", "already here", "Expect: 100-continue\r\n"));
  ASSERT_TRUE(client.wait_for("already here"));
  EXPECT_EQ(client.count("100 Continue"), 1U);
}

TEST(Http1Test, ContinueWaitsForTheAnswersBeforeIt) {
  StepServer server;
  HeldExchanges held;
  server.handler.answer = held.hold();
  RawClient client(server);
  client.send(get("/1") + "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  ASSERT_TRUE(server.run_until([&] { return held.held.size() == 1; }));
  client.receive();
  EXPECT_EQ(client.received, "");
  held.held[0]->respond(200, {}, "first");
  ASSERT_TRUE(client.wait_for("100 Continue"));
  EXPECT_LT(client.received.find("first"), client.received.find("100 Continue"));
}

TEST(Http1Test, AnUnacceptableLengthIsRefusedInsteadOfContinued) {
  StepServer server;
  RawClient client(server);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n");
  ASSERT_TRUE(client.wait_for("HTTP/1.1 413"));
  EXPECT_EQ(client.count("100 Continue"), 0U);
}

TEST(Http1Test, HeadGetsTheLengthButNoBody) {
  StepServer server;
  RawClient client(server);
  client.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(client.wait_for("\r\n\r\n"));
  EXPECT_THAT(client.received, HasSubstr("Content-Length: 9\r\n"));
  EXPECT_THAT(client.received, EndsWith("\r\n\r\n"));
}

TEST(Http1Test, NoContentHasNeitherLengthNorBody) {
  StepServer server;
  server.handler.answer = [](Exchange exchange) { exchange->respond(204, {}, ""); };
  RawClient client(server);
  client.send(get("/"));
  ASSERT_TRUE(client.wait_for("\r\n\r\n"));
  EXPECT_THAT(client.received, Not(HasSubstr("Content-Length")));
}

void stream(Exchange exchange) {
  static constexpr dialect::Header kTrailers[] = {{"X-Sum", "3"}};
  exchange->start(200, {});
  exchange->write("one ");
  exchange->write("");
  exchange->write("two");
  exchange->finish(kTrailers);
}

TEST(Http1Test, StreamsInChunksWithTrailers) {
  StepServer server;
  server.handler.answer = stream;
  RawClient client(server);
  client.send(get("/") + get("/"));
  ASSERT_TRUE(client.wait_for("X-Sum: 3\r\n\r\n"));
  EXPECT_THAT(client.received,
              HasSubstr("Transfer-Encoding: chunked\r\n\r\n4\r\none \r\n3\r\ntwo\r\n0\r\nX-Sum: 3\r\n\r\n"));
  EXPECT_THAT(client.received, Not(HasSubstr("Content-Length")));
}

TEST(Http1Test, StreamsToHttp10UntilTheConnectionCloses) {
  StepServer server;
  server.handler.answer = stream;
  RawClient client(server);
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  ASSERT_TRUE(client.wait_for_close());
  EXPECT_THAT(client.received, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(client.received, EndsWith("\r\n\r\none two"));
}

TEST(Http1Test, AStreamToHeadIsItsHeadAlone) {
  StepServer server;
  server.handler.answer = stream;
  RawClient client(server);
  client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + get("/"));
  ASSERT_TRUE(client.wait_for("one"));
  EXPECT_EQ(client.count("one"), 1U);
  EXPECT_EQ(client.count("HTTP/1.1 200"), 2U);
}

TEST(Http1Test, AStreamGivenUpIsCutAndNotEnded) {
  StepServer server;
  server.handler.answer = [](Exchange exchange) {
    exchange->start(200, {});
    exchange->write("half");
  };
  RawClient client(server);
  client.send(get("/"));
  ASSERT_TRUE(client.wait_for_close());
  EXPECT_EQ(client.count("0\r\n\r\n"), 0U);
}

TEST(Http1Test, AnExchangeDroppedUnansweredIs500) {
  StepServer server;
  server.handler.answer = [](Exchange) {};
  RawClient client(server);
  client.send(get("/") + get("/"));
  ASSERT_TRUE(server.run_until([&] {
    client.receive();
    return client.count("HTTP/1.1 500 ") == 2;
  }));
}

TEST(Http1Test, HeadersOfTheHandlerCannotSplitTheAnswer) {
  const std::vector<dialect::Header> bad = {{"X", "a\r\nSet-Cookie: b"},
                                            {"X", "a\nb"},
                                            {"X", std::string_view("a\0b", 3)},
                                            {"X Y", "a"},
                                            {"", "a"},
                                            {"X:", "b"}};
  for (const dialect::Header& header : bad) {
    StepServer server;
    server.handler.answer = [&](Exchange exchange) { exchange->respond(200, {&header, 1}, "secret"); };
    RawClient client(server);
    client.send(get("/"));
    ASSERT_TRUE(client.wait_for("cannot be sent"));
    EXPECT_THAT(client.received, HasSubstr("HTTP/1.1 500 "));
    EXPECT_THAT(client.received, Not(HasSubstr("secret")));
  }
}

TEST(Http1Test, TheTransportsHeadersAreItsOwn) {
  StepServer server;
  server.handler.answer = [](Exchange exchange) {
    static constexpr dialect::Header kHeaders[] = {{"Content-Length", "999"},
                                                   {"Transfer-Encoding", "chunked"},
                                                   {"Date", "never"},
                                                   {"connection", "close"},
                                                   {"X", "y"}};
    exchange->respond(200, kHeaders, "body");
  };
  RawClient client(server);
  client.send(get("/"));
  ASSERT_TRUE(client.wait_for("body"));
  EXPECT_THAT(client.received, HasSubstr("X: y\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody"));
  EXPECT_EQ(client.count("Content-Length"), 1U);
  EXPECT_EQ(client.count("Date"), 1U);
  client.finish_sending();
  EXPECT_TRUE(client.wait_for_close());
}

TEST(Http1Test, TextForGetIsCompressedWhenAskedFor) {
  StepServer server;
  const std::string page(5000, 'p');
  server.handler.answer = [&](Exchange exchange) {
    static constexpr dialect::Header kHeaders[] = {{"Content-Type", "text/html; charset=utf-8"}};
    exchange->respond(200, kHeaders, page);
  };
  const auto ask = [&](const std::string& method, const std::string& headers) {
    RawClient client(server);
    client.send(method + " / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + headers + "\r\n");
    client.wait_for_close();
    return client.received;
  };
  EXPECT_THAT(ask("GET", "Accept-Encoding: deflate, gzip;q=0.5\r\n"),
              HasSubstr("Content-Encoding: gzip\r\n"));
  EXPECT_THAT(ask("GET", "Accept-Encoding: gzip\r\n"), HasSubstr("Vary: Accept-Encoding\r\n"));
  for (const char* headers : {"", "Accept-Encoding: br\r\n", "Accept-Encoding: gzip;q=0\r\n",
                              "Accept-Encoding: gzip; q=0.000\r\n"}) {
    EXPECT_THAT(ask("GET", headers), HasSubstr(page)) << headers;
  }
  EXPECT_THAT(ask("POST", "Accept-Encoding: gzip\r\n"), HasSubstr(page));
}

TEST(Http1Test, SaysWhetherTheClientIsLocal) {
  StepServer server;
  server.handler.answer = [](Exchange exchange) {
    exchange->respond(200, {}, exchange->local() ? "near" : "far");
  };
  RawClient client(server);
  client.send(get("/"));
  EXPECT_TRUE(client.wait_for("near"));
}

TEST(Http1Test, AClientThatVanishesMidUploadLeavesNothing) {
  StepServer server;
  for (const bool hard : {false, true}) {
    RawClient client(server);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n" + std::string(100000, 'x'));
    server.step();
    EXPECT_GT(server.server->counters().held_bytes, 0U);
    if (hard) {
      client.reset_connection();
    } else {
      client.close();
    }
    ASSERT_TRUE(server.run_until([&] { return server.server->counters().open == 0; }));
    EXPECT_EQ(server.server->counters().held_bytes, 0U);
  }
  EXPECT_EQ(server.handler.handled, 0);
}

TEST(Http1Test, AClientThatVanishesBeforeTheAnswerIsNoticed) {
  StepServer server;
  HeldExchanges held;
  server.handler.answer = held.hold();
  RawClient client(server);
  client.send(get("/") + get("/"));
  ASSERT_TRUE(server.run_until([&] { return held.held.size() == 2; }));
  EXPECT_FALSE(held.held[0]->gone());
  client.reset_connection();
  ASSERT_TRUE(server.run_until([&] { return held.held[0]->gone() && held.held[1]->gone(); }));
  held.held[0]->respond(200, {}, "nobody hears this");
  held.held[1]->start(200, {});
  held.held[1]->write("nor this");
  held.held.clear();
  ASSERT_TRUE(server.run_until([&] { return server.server->counters().open == 0; }));
}

// A half-closed socket of either kind tells its end in its own way.
std::vector<Endpoint> tcp_and_unix(const std::string& name) {
  const std::string path = ::testing::TempDir() + "/" + name + "_" + std::to_string(::getpid()) + ".sock";
  return {{.host = "127.0.0.1", .port = 0, .path = {}}, {.host = {}, .port = 0, .path = path}};
}

TEST(Http1Test, AClientMayEndItsSideAndStillBeAnswered) {
  for (const Endpoint& endpoint : tcp_and_unix("half")) {
    StepServer server({}, {.endpoint = endpoint});
    HeldExchanges held;
    server.handler.answer = held.hold();
    RawClient client(server);
    client.send(get("/1") + get("/2"));
    client.finish_sending();
    ASSERT_TRUE(server.run_until([&] { return held.held.size() == 2; }));
    for (int i = 0; i < 10; ++i) server.step();
    EXPECT_EQ(client.received, "");
    // It is asked whether it is still there, and is.
    server.advance(std::chrono::seconds(2));
    ASSERT_TRUE(client.wait_for("HTTP/1.1 100 Continue\r\n\r\n"));
    for (int i = 0; i < 20; ++i) server.advance(std::chrono::seconds(60));
    EXPECT_FALSE(held.held[0]->gone());
    EXPECT_FALSE(held.held[1]->gone());
    held.held[1]->respond(200, {}, "second");
    held.held[0]->respond(200, {}, "first");
    EXPECT_TRUE(client.wait_for("second"));
    EXPECT_TRUE(client.wait_for_close());
    EXPECT_THAT(client.received, HasSubstr("first"));
    EXPECT_EQ(client.count("100 Continue"), 1U);
  }
}

TEST(Http1Test, AClientOfHttp10ThatEndedItsSideIsAnsweredWithoutBeingAsked) {
  StepServer server;
  HeldExchanges held;
  server.handler.answer = held.hold();
  RawClient client(server);
  client.send("GET / HTTP/1.0\r\n\r\n");
  client.finish_sending();
  ASSERT_TRUE(server.run_until([&] { return held.held.size() == 1; }));
  for (int i = 0; i < 10; ++i) server.step();
  EXPECT_FALSE(held.held[0]->gone());
  held.held[0]->respond(200, {}, "late");
  ASSERT_TRUE(client.wait_for("late"));
  EXPECT_TRUE(client.received.starts_with("HTTP/1.1 200 ")) << client.received;
}

TEST(Http1Test, AClientThatClosedItsSocketIsGone) {
  for (const Endpoint& endpoint : tcp_and_unix("closed")) {
    StepServer server({}, {.endpoint = endpoint});
    HeldExchanges held;
    server.handler.answer = held.hold();
    RawClient client(server);
    client.send(get("/1") + get("/2"));
    ASSERT_TRUE(server.run_until([&] { return held.held.size() == 2; }));
    client.close();
    for (int i = 0; i < 10; ++i) server.step();
    server.advance(std::chrono::seconds(2));
    ASSERT_TRUE(server.run_until([&] { return held.held[0]->gone() && held.held[1]->gone(); }));
    EXPECT_EQ(server.server->counters().open, 0U);
  }
}

TEST(Http1Test, AnswersAfterTheServerIsGoneGoNowhere) {
  HeldExchanges held;
  {
    StepServer server;
    server.handler.answer = held.hold();
    RawClient client(server);
    client.send(get("/a") + post("/b", "body"));
    ASSERT_TRUE(server.run_until([&] { return held.held.size() == 2; }));
  }
  EXPECT_EQ(held.held[1]->path(), "/b");
  EXPECT_EQ(as_text(held.held[1]->body()), "body");
  EXPECT_TRUE(held.held[0]->gone());
  held.held[0]->respond(200, {}, "x");
  held.held.clear();
}

TEST(Http1Test, LargeAnswersReachASlowReaderWhole) {
  StepServer server;
  const std::string large(20 << 20, 'y');
  server.handler.answer = [&](Exchange exchange) { exchange->respond(200, {}, large); };
  RawClient client(server);
  client.send(get("/") + get("/"));
  ASSERT_TRUE(server.run_until([&] {
    client.receive();
    return client.received.size() > 2 * large.size();
  }));
  EXPECT_EQ(client.count("HTTP/1.1 200"), 2U);
}

}  // namespace
}  // namespace slipway::net
