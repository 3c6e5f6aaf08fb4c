// HTTP/2 on a server that the test runs step by step; the other end is nghttp2's client, or raw frames.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "net/compression.h"
#include "net/http2/testing/client.h"
#include "net/testing/step_server.h"

namespace slipway::net {
namespace {

using http2::testing::Fields;
using http2::testing::frame;
using http2::testing::Reply;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using testing::HeldExchanges;
using testing::RawClient;
using testing::StepServer;

using Exchange = std::unique_ptr<dialect::Exchange>;

constexpr std::uint32_t kCancel = 8;
constexpr std::uint32_t kEnhanceYourCalm = 11;

// An HTTP/2 client on a socket to the server.
class Http2Client {
 public:
  explicit Http2Client(StepServer& server, const http2::testing::Client::Options& options = {})
      : h2(options), server_(server), raw_(server) {}

  /// Sends what there is and takes what came.
  void exchange() {
    if (const std::string out = h2.output(); !out.empty() && !raw_.closed) raw_.send(out);
    server_.step();
    raw_.receive();
    EXPECT_TRUE(h2.feed(raw_.received));
    raw_.received.clear();
    closed = raw_.closed;
  }
  bool run_until(const std::function<bool()>& done) {
    return server_.run_until([&] {
      exchange();
      return done();
    });
  }
  bool wait_for(std::int32_t stream) {
    return run_until([&] { return h2.reply(stream).closed; });
  }
  Reply& get(std::string_view path, const Fields& more = {}) {
    const std::int32_t stream = h2.ask("GET", path, {}, more);
    EXPECT_TRUE(wait_for(stream)) << path;
    return h2.reply(stream);
  }
  RawClient& raw() { return raw_; }

  http2::testing::Client h2;
  bool closed = false;

 private:
  StepServer& server_;
  RawClient raw_;
};

std::string letters(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 26);
  return text;
}

TEST(Http2Test, OnePortAnswersBothVersions) {
  StepServer server;
  server.clock.set_wall(WallTime(seconds(784111777)));  // the example of RFC 9110 section 5.6.7
  Http2Client two(server);
  RawClient one(server);
  one.send(testing::get("/one"));
  ASSERT_TRUE(one.wait_for("GET /one"));
  const std::int32_t stream = two.h2.ask("POST", "/predict/wine?a=%20b", "hello");
  ASSERT_TRUE(two.wait_for(stream));
  const Reply& reply = two.h2.reply(stream);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "POST /predict/wine?a=%20b hello");
  EXPECT_THAT(reply.headers,
              ElementsAre(std::pair("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
                          std::pair("content-type", "text/plain"), std::pair("content-length", "31")));
  EXPECT_EQ(server.server->counters().requests, 2U);
  EXPECT_EQ(server.server->counters().open, 2U);
}

TEST(Http2Test, APortMayBeForHttp1Alone) {
  StepServer server({}, {.http2 = false});
  RawClient client(server);
  client.send(http2::testing::preface());
  ASSERT_TRUE(client.wait_for("HTTP/1.1 505 "));
  EXPECT_THAT(server.handler.refusals, ElementsAre("net.http2"));
}

TEST(Http2Test, ThePrefaceIsOnlyTakenAtTheBeginning) {
  StepServer server;
  RawClient client(server);
  client.send(testing::get("/") + http2::testing::preface());
  ASSERT_TRUE(client.wait_for("HTTP/1.1 505 "));
}

TEST(Http2Test, ThePrefaceMayArriveByteByByte) {
  StepServer server;
  Http2Client client(server);
  const std::int32_t stream = client.h2.ask("POST", "/slow", "body");
  for (const char byte : client.h2.output()) client.raw().send({&byte, 1});
  ASSERT_TRUE(client.wait_for(stream));
  EXPECT_EQ(client.h2.reply(stream).body, "POST /slow? body");
}

TEST(Http2Test, AnnouncesItsLimits) {
  Limits limits;
  limits.max_streams = 77;
  StepServer server(limits);
  Http2Client client(server);
  client.get("/");
  EXPECT_EQ(client.h2.settings[3], 77U);                    // MAX_CONCURRENT_STREAMS
  EXPECT_EQ(client.h2.settings[4], 1U << 20U);              // INITIAL_WINDOW_SIZE
  EXPECT_EQ(client.h2.settings[6], limits.max_head_bytes);  // MAX_HEADER_LIST_SIZE
}

TEST(Http2Test, AnswersLeaveInTheOrderInWhichTheyAreGiven) {
  StepServer server;
  HeldExchanges held;
  server.handler.answer = held.hold();
  Http2Client client(server);
  const std::int32_t first = client.h2.ask("GET", "/1");
  const std::int32_t second = client.h2.ask("GET", "/2");
  ASSERT_TRUE(client.run_until([&] { return held.held.size() == 2; }));
  held.held[1]->respond(200, {}, "second");
  ASSERT_TRUE(client.wait_for(second));
  EXPECT_FALSE(client.h2.reply(first).ended);
  held.held[0]->respond(200, {}, "first");
  ASSERT_TRUE(client.wait_for(first));
  EXPECT_EQ(client.h2.reply(first).body, "first");
}

TEST(Http2Test, AnExchangeShowsTheRequest) {
  StepServer server;
  HeldExchanges held;
  server.handler.answer = held.hold();
  Http2Client client(server);
  Fields fields{
      {":method", "PUT"}, {":scheme", "http"}, {":path", "/caf%C3%A9?x=1"}, {":authority", "model:8080"}};
  for (int i = 0; i < 40; ++i) fields.emplace_back("x-" + std::to_string(i), std::to_string(i));
  client.h2.ask_raw(fields);
  client.h2.ask("POST", "/other", "body");
  ASSERT_TRUE(client.run_until([&] { return held.held.size() == 2; }));
  const dialect::Exchange& exchange = *held.held[0];
  EXPECT_EQ(exchange.method(), dialect::Method::kPut);
  EXPECT_EQ(exchange.path(), "/caf\xc3\xa9");
  EXPECT_EQ(exchange.query(), "x=1");
  EXPECT_EQ(exchange.header("host"), "model:8080");
  for (int i = 0; i < 40; ++i) EXPECT_EQ(exchange.header("x-" + std::to_string(i)), std::to_string(i));
  EXPECT_EQ(exchange.header(":path"), std::nullopt);
  EXPECT_TRUE(exchange.body().empty());
  EXPECT_TRUE(exchange.local());
  EXPECT_EQ(as_text(held.held[1]->body()), "body");
}

TEST(Http2Test, BodiesOfEverySizeArriveWholeAndPadded) {
  StepServer server;
  std::string seen;
  server.handler.answer = [&](Exchange exchange) {
    seen = as_text(exchange->body());
    std::string padding(64, 'x');
    std::memcpy(padding.data(), exchange->body().data() + exchange->body().size(),
                64);  // address sanitizer looks on
    exchange->respond(200, {}, "ok");
  };
  Http2Client client(server);
  for (const std::size_t size : {0U, 1U, 8191U, 8192U, 8193U, 16384U, 70000U, 3000000U}) {
    for (const bool with_length : {false, true}) {
      const std::string body = letters(size);
      Fields more;
      if (with_length) more.emplace_back("content-length", std::to_string(size));
      const std::int32_t stream = client.h2.open("POST", "/", more);
      client.h2.send(stream, body, true);
      ASSERT_TRUE(client.wait_for(stream)) << size;
      EXPECT_EQ(seen, body) << size;
    }
  }
  EXPECT_EQ(server.server->counters().held_bytes, 0U);
}

TEST(Http2Test, LargeAnswersRespectTheClientsWindows) {
  StepServer server;
  const std::string body = letters(300000);
  server.handler.answer = [&](Exchange exchange) { exchange->respond(200, {}, body); };
  Http2Client client(server, {.automatic_windows = false, .stream_window = 50000});
  const std::int32_t stream = client.h2.ask("GET", "/");
  for (int i = 0; i < 20; ++i) client.exchange();
  EXPECT_EQ(client.h2.reply(stream).body.size(), 50000U);
  std::size_t taken = 0;
  ASSERT_TRUE(client.run_until([&] {
    const std::size_t got = client.h2.reply(stream).body.size();
    if (got > taken && !client.h2.reply(stream).closed)
      client.h2.open_window(stream, got - std::exchange(taken, got));
    return client.h2.reply(stream).closed;
  }));
  EXPECT_EQ(client.h2.reply(stream).body, body);
  EXPECT_EQ(client.h2.reply(stream).header("content-length"), "300000");
}

TEST(Http2Test, HeadAnd204HaveNoBody) {
  StepServer server;
  server.handler.answer = [&](Exchange exchange) {
    const bool none = exchange->path() == "/204";
    exchange->respond(none ? 204 : 200, {}, "12345");
  };
  Http2Client client(server);
  const std::int32_t head = client.h2.ask("HEAD", "/");
  ASSERT_TRUE(client.wait_for(head));
  EXPECT_EQ(client.h2.reply(head).header("content-length"), "5");
  EXPECT_EQ(client.h2.reply(head).body, "");
  const Reply& none = client.get("/204");
  EXPECT_EQ(none.status, 204);
  EXPECT_EQ(none.header("content-length"), "");
  EXPECT_TRUE(none.ended);
}

TEST(Http2Test, AnAnswerInPiecesEndsWithTrailers) {
  StepServer server;
  HeldExchanges held;
  server.handler.answer = held.hold();
  Http2Client client(server);
  const std::int32_t stream = client.h2.ask("POST", "/", "x");
  ASSERT_TRUE(client.run_until([&] { return held.held.size() == 1; }));
  static constexpr dialect::Header kHeaders[] = {{"Content-Type", "application/grpc"}};
  static constexpr dialect::Header kTrailers[] = {{"grpc-status", "0"}, {"X-More", "yes"}};
  held.held[0]->start(200, kHeaders);
  ASSERT_TRUE(client.run_until([&] { return client.h2.reply(stream).status == 200; }));
  held.held[0]->write("one ");
  ASSERT_TRUE(client.run_until([&] { return client.h2.reply(stream).body == "one "; }));
  held.held[0]->write("two ");
  held.held[0]->write(letters(20000));
  held.held[0]->finish(kTrailers);
  ASSERT_TRUE(client.wait_for(stream));
  const Reply& reply = client.h2.reply(stream);
  EXPECT_EQ(reply.body, "one two " + letters(20000));
  EXPECT_EQ(reply.header("content-length"), "");
  EXPECT_THAT(reply.trailers, ElementsAre(std::pair("grpc-status", "0"), std::pair("x-more", "yes")));
  EXPECT_EQ(reply.error, 0U);
}

TEST(Http2Test, AWholeAnswerMayHaveTrailersAndWithoutABodyTheyAreItsHead) {
  StepServer server;
  server.handler.answer = [](Exchange exchange) {
    static constexpr dialect::Header kHeaders[] = {{"Content-Type", "application/grpc"}};
    static constexpr dialect::Header kTrailers[] = {{"grpc-status", "5"}};
    const bool empty = exchange->path() == "/empty";
    exchange->respond_with_trailers(200, kHeaders, empty ? "" : "message", kTrailers);
  };
  Http2Client client(server);
  const Reply& full = client.get("/");
  EXPECT_EQ(full.body, "message");
  EXPECT_EQ(full.header("content-length"), "");
  EXPECT_EQ(full.trailer("grpc-status"), "5");
  const Reply& empty = client.get("/empty");
  EXPECT_EQ(empty.header("grpc-status"), "5");
  EXPECT_TRUE(empty.ended && empty.trailers.empty());
  RawClient one(server);
  one.send(testing::get("/"));
  ASSERT_TRUE(one.wait_for("7\r\nmessage\r\n0\r\ngrpc-status: 5\r\n\r\n"));
}

TEST(Http2Test, AnswersMayComeFromAnyThread) {
  StepServer server;
  std::vector<std::thread> threads;
  server.handler.answer = [&](Exchange exchange) {
    threads.emplace_back([exchange = std::move(exchange)] {
      exchange->start(200, {});
      exchange->write(std::string(exchange->path()));
      exchange->write(letters(5000));
      static constexpr dialect::Header kTrailers[] = {{"x-end", "1"}};
      exchange->finish(kTrailers);
    });
  };
  Http2Client client(server);
  std::vector<std::int32_t> streams;
  for (int i = 0; i < 50; ++i) streams.push_back(client.h2.ask("GET", "/" + std::to_string(i)));
  for (std::size_t i = 0; i < 50; ++i) {
    ASSERT_TRUE(client.wait_for(streams[i]));
    EXPECT_EQ(client.h2.reply(streams[i]).body, "/" + std::to_string(i) + letters(5000));
    EXPECT_EQ(client.h2.reply(streams[i]).trailer("x-end"), "1");
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Http2Test, AnUnansweredExchangeAnswers500AndAnUnfinishedOneResets) {
  StepServer server;
  server.handler.answer = [](Exchange exchange) {
    if (exchange->path() == "/half") {
      exchange->start(200, {});
      exchange->write("half");
    }
  };
  Http2Client client(server);
  EXPECT_EQ(client.get("/none").status, 500);
  EXPECT_EQ(client.get("/half").error, 2U);  // INTERNAL_ERROR
  EXPECT_EQ(client.get("/none").status, 500);
}

TEST(Http2Test, GzipIsTakenAndGiven) {
  StepServer server;
  server.handler.answer = [](Exchange exchange) {
    static constexpr dialect::Header kHeaders[] = {{"Content-Type", "text/plain"}};
    const std::string body(as_text(exchange->body()));
    exchange->respond(200, kHeaders, body.empty() ? letters(5000) : std::to_string(body.size()));
  };
  Http2Client client(server);
  const std::int32_t stream =
      client.h2.ask("POST", "/", gzip(letters(50000)), {{"content-encoding", "gzip"}});
  ASSERT_TRUE(client.wait_for(stream));
  EXPECT_EQ(client.h2.reply(stream).body, "50000");
  const Reply& packed = client.get("/", {{"accept-encoding", "gzip"}});
  EXPECT_EQ(packed.header("content-encoding"), "gzip");
  EXPECT_EQ(packed.body, gzip(letters(5000)));
}

TEST(Http2Test, ContinueIsSentWhenItIsExpected) {
  StepServer server;
  Http2Client client(server);
  const std::int32_t stream = client.h2.open("POST", "/", {{"expect", "100-continue"}});
  ASSERT_TRUE(client.run_until([&] { return !client.h2.reply(stream).informed.empty(); }));
  client.h2.send(stream, "abc", true);
  ASSERT_TRUE(client.wait_for(stream));
  EXPECT_EQ(client.h2.reply(stream).body, "POST /? abc");
}

// Bodies in pieces.

struct Reader {
  explicit Reader(Exchange exchange) : exchange(std::move(exchange)) {}
  void read() {
    exchange->read([this](dialect::BodyPiece piece) {
      bytes += piece.bytes;
      last = last || piece.last;
      gone = gone || piece.gone;
      ++pieces;
      return wants_more;
    });
  }
  Exchange exchange;
  std::string bytes;
  bool last = false;
  bool gone = false;
  bool wants_more = false;
  int pieces = 0;
};

struct StreamingServer : StepServer {
  StreamingServer() {
    handler.wants_pieces = [](std::string_view path) { return path == "/stream"; };
    handler.answer = [this](Exchange exchange) {
      readers.push_back(std::make_unique<Reader>(std::move(exchange)));
    };
  }
  std::vector<std::unique_ptr<Reader>> readers;
};

TEST(Http2StreamingTest, ABodyIsReadInPiecesWhileItIsAnswered) {
  StreamingServer server;
  Http2Client client(server);
  const std::int32_t stream = client.h2.open("POST", "/stream");
  client.h2.send(stream, "one", false);
  ASSERT_TRUE(client.run_until([&] { return server.readers.size() == 1; }));
  Reader& reader = *server.readers[0];
  EXPECT_TRUE(reader.exchange->streaming());
  EXPECT_TRUE(reader.exchange->body().empty());
  reader.read();
  EXPECT_EQ(reader.pieces, 0);  // never inside read()
  ASSERT_TRUE(client.run_until([&] { return reader.bytes == "one"; }));
  reader.exchange->start(200, {});
  reader.exchange->write("got one");
  ASSERT_TRUE(client.run_until([&] { return client.h2.reply(stream).body == "got one"; }));
  reader.read();
  client.exchange();
  EXPECT_EQ(reader.pieces, 1);
  client.h2.send(stream, "two", false);
  ASSERT_TRUE(client.run_until([&] { return reader.bytes == "onetwo"; }));
  EXPECT_FALSE(reader.last);
  client.h2.send(stream, "", true);
  reader.read();
  ASSERT_TRUE(client.run_until([&] { return reader.last; }));
  reader.exchange->finish({});
  ASSERT_TRUE(client.wait_for(stream));
  EXPECT_EQ(server.server->counters().held_bytes, 0U);
}

TEST(Http2StreamingTest, OtherRoutesAndBodiesThatCameWholeAreHandedOverWhole) {
  StreamingServer server;
  Http2Client client(server);
  const std::int32_t other = client.h2.open("POST", "/whole");
  client.exchange();
  const std::int32_t at_once = client.h2.ask("POST", "/stream", "all of it");
  ASSERT_TRUE(client.run_until([&] { return server.readers.size() == 1; }));
  EXPECT_FALSE(server.readers[0]->exchange->streaming());
  EXPECT_EQ(as_text(server.readers[0]->exchange->body()), "all of it");
  server.readers[0]->read();
  EXPECT_EQ(server.readers[0]->bytes, "all of it");
  EXPECT_TRUE(server.readers[0]->last);
  client.h2.send(other, "late", true);
  ASSERT_TRUE(client.run_until([&] { return server.readers.size() == 2; }));
  EXPECT_EQ(as_text(server.readers[1]->exchange->body()), "late");
  EXPECT_GT(other, 0);
  EXPECT_GT(at_once, 0);
}

TEST(Http2StreamingTest, AReaderThatDoesNotReadHoldsTheClientBack) {
  StreamingServer server;
  Http2Client client(server);
  const std::int32_t stream = client.h2.open("POST", "/stream");
  client.exchange();
  const std::string body = letters(5 << 20);
  client.h2.send(stream, body, true);
  ASSERT_TRUE(client.run_until([&] { return server.readers.size() == 1; }));
  for (int i = 0; i < 100; ++i) client.exchange();
  EXPECT_LE(server.server->counters().held_bytes, std::size_t{1} << 20U);
  EXPECT_GT(server.server->counters().held_bytes, std::size_t{1} << 19U);
  const std::int32_t other = client.h2.ask("POST", "/other", letters(2 << 20));
  ASSERT_TRUE(
      client.run_until([&] { return server.readers.size() == 2; }));  // it holds back its own stream alone
  EXPECT_GT(other, 0);
  Reader& reader = *server.readers[0];
  ASSERT_TRUE(client.run_until([&] {
    reader.read();
    return reader.last;
  }));
  EXPECT_EQ(reader.bytes, body);
}

TEST(Http2StreamingTest, AReaderMayWantEverythingThatComes) {
  StreamingServer server;
  Http2Client client(server);
  const std::int32_t stream = client.h2.open("POST", "/stream");
  client.exchange();
  ASSERT_TRUE(client.run_until([&] { return server.readers.size() == 1; }));
  Reader& reader = *server.readers[0];
  reader.wants_more = true;
  reader.read();
  const std::string body = letters(5 << 20);
  client.h2.send(stream, body, true);
  ASSERT_TRUE(client.run_until([&] { return reader.last; }));
  EXPECT_EQ(reader.bytes, body);
  EXPECT_GE(reader.pieces, 5);  // no piece is longer than the 1 MiB that may be held
}

TEST(Http2StreamingTest, AWriterIsToldWhenThereIsRoom) {
  StreamingServer server;
  Http2Client client(server, {.automatic_windows = false, .stream_window = 65535});
  const std::int32_t stream = client.h2.ask("POST", "/stream", "x");
  ASSERT_TRUE(client.run_until([&] { return server.readers.size() == 1; }));
  dialect::Exchange& exchange = *server.readers[0]->exchange;
  exchange.start(200, {});
  int told = 0;
  exchange.on_room([&] { ++told; });
  EXPECT_EQ(told, 1);  // nothing waits yet
  exchange.write(letters(500000));
  exchange.on_room([&] { ++told; });
  for (int i = 0; i < 10; ++i) client.exchange();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(exchange.unsent(), 500000U - 65535U);
  std::size_t taken = 0;
  ASSERT_TRUE(client.run_until([&] {
    const std::size_t got = client.h2.reply(stream).body.size();
    if (got > taken) client.h2.open_window(stream, got - std::exchange(taken, got));
    return told == 2;
  }));
  EXPECT_LE(exchange.unsent(), dialect::Exchange::kRoomBytes);
  EXPECT_GT(exchange.unsent(), 0U);
  exchange.finish({});
}

TEST(Http2StreamingTest, AResetReachesReaderWriterAndCancellation) {
  StreamingServer server;
  Http2Client client(server, {.automatic_windows = false, .stream_window = 1000});
  const std::int32_t stream = client.h2.open("POST", "/stream");
  client.exchange();
  ASSERT_TRUE(client.run_until([&] { return server.readers.size() == 1; }));
  Reader& reader = *server.readers[0];
  int gone = 0;
  int room = 0;
  reader.read();
  reader.exchange->on_gone([&] { ++gone; });
  reader.exchange->start(200, {});
  reader.exchange->write(letters(500000));
  reader.exchange->on_room([&] { ++room; });
  client.exchange();
  client.h2.reset(stream, kCancel);
  ASSERT_TRUE(client.run_until([&] { return gone == 1; }));
  EXPECT_TRUE(reader.gone);
  EXPECT_EQ(room, 1);
  EXPECT_TRUE(reader.exchange->gone());
  reader.exchange->on_gone([&] { ++gone; });
  EXPECT_EQ(gone, 2);  // at once, since it is known
  server.readers.clear();
}

// Ends.

TEST(Http2EndTest, ADisconnectReachesTheCancellationOfEveryRequest) {
  StepServer server;
  HeldExchanges held;
  server.handler.answer = held.hold();
  int gone = 0;
  {
    Http2Client client(server);
    client.h2.ask("GET", "/1");
    client.h2.ask("POST", "/2", "x");
    ASSERT_TRUE(client.run_until([&] { return held.held.size() == 2; }));
    for (const Exchange& exchange : held.held) exchange->on_gone([&] { ++gone; });
    EXPECT_EQ(gone, 0);
  }
  ASSERT_TRUE(server.run_until([&] { return gone == 2; }));
  held.held[0]->respond(200, {}, "to nobody");
  held.held.clear();
  EXPECT_TRUE(server.run_until([&] { return server.server->counters().open == 0; }));
}

TEST(Http2EndTest, ACallbackOfADroppedExchangeIsNotCalled) {
  StepServer server;
  HeldExchanges held;
  server.handler.answer = held.hold();
  Http2Client client(server);
  const std::int32_t stream = client.h2.ask("GET", "/");
  ASSERT_TRUE(client.run_until([&] { return held.held.size() == 1; }));
  held.held[0]->on_gone([] { ADD_FAILURE() << "called"; });
  held.held.clear();
  ASSERT_TRUE(client.wait_for(stream));
}

TEST(Http2EndTest, AFinishedAnswerIsNoLoss) {
  StepServer server;
  HeldExchanges held;
  server.handler.answer = held.hold();
  Http2Client client(server);
  const std::int32_t stream = client.h2.ask("GET", "/");
  ASSERT_TRUE(client.run_until([&] { return held.held.size() == 1; }));
  held.held[0]->on_gone([] { ADD_FAILURE() << "called"; });
  held.held[0]->respond(200, {}, "ok");
  ASSERT_TRUE(client.wait_for(stream));
  EXPECT_FALSE(held.held[0]->gone());
}

TEST(Http2EndTest, DrainingAnnouncesFinishesAndCloses) {
  StepServer server;
  HeldExchanges held;
  Http2Client client(server);
  client.get("/before");
  server.handler.answer = held.hold();
  const std::int32_t busy = client.h2.ask("GET", "/busy");
  ASSERT_TRUE(client.run_until([&] { return held.held.size() == 1; }));
  std::vector<DrainReport> reports;
  server.server->drain(seconds(5), seconds(30), [&](DrainReport report) { reports.push_back(report); });
  ASSERT_TRUE(client.run_until([&] { return client.h2.goaway.has_value(); }));
  EXPECT_EQ(client.h2.goaway_stream, 0x7fffffff);
  EXPECT_EQ(client.h2.goaway, 0U);
  server.advance(milliseconds(5200));
  ASSERT_TRUE(client.run_until([&] { return client.h2.goaway_stream == busy; }));
  EXPECT_TRUE(reports.empty());
  held.held[0]->respond(200, {}, "done");
  ASSERT_TRUE(client.run_until([&] { return client.closed; }));
  EXPECT_EQ(client.h2.reply(busy).body, "done");
  client.raw().close();
  ASSERT_TRUE(server.run_until([&] { return reports.size() == 1; }));
  EXPECT_TRUE(reports[0].complete);
}

TEST(Http2EndTest, AnIdleConnectionIsSentAwayAndClosed) {
  StepServer server;
  Http2Client client(server);
  client.get("/");
  for (int i = 0; i < 74; ++i) {
    server.advance(seconds(1));
    if (i % 10 == 0) client.h2.ping();
    client.exchange();
  }
  EXPECT_FALSE(client.h2.goaway.has_value());
  EXPECT_GT(client.h2.pongs, 5);
  server.advance(milliseconds(1400));
  ASSERT_TRUE(client.run_until([&] { return client.closed; }));
  EXPECT_EQ(client.h2.goaway, 0U);
}

TEST(Http2EndTest, ARequestMayTakeLongerThanAnyTimeout) {
  StepServer server;
  HeldExchanges held;
  server.handler.answer = held.hold();
  Http2Client client(server);
  const std::int32_t stream = client.h2.ask("GET", "/");
  ASSERT_TRUE(client.run_until([&] { return held.held.size() == 1; }));
  for (int i = 0; i < 100; ++i) server.advance(seconds(20));
  held.held[0]->respond(200, {}, "at last");
  ASSERT_TRUE(client.wait_for(stream));
  EXPECT_EQ(client.h2.reply(stream).body, "at last");
}

}  // namespace
}  // namespace slipway::net
