// What a client may not do on HTTP/2: requests that are refused, floods, and clients that do not move.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/compression.h"
#include "net/http2/testing/client.h"
#include "net/testing/step_server.h"

namespace slipway::net {
namespace {

using http2::testing::Fields;
using http2::testing::frame;
using http2::testing::preface;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using testing::HeldExchanges;
using testing::RawClient;
using testing::StepServer;

using Exchange = std::unique_ptr<dialect::Exchange>;

constexpr std::uint8_t kData = 0, kHeaders = 1, kPriority = 2, kReset = 3, kSettings = 4, kPing = 6,
                       kGoAway = 7, kWindowUpdate = 8, kContinuation = 9;
constexpr std::uint8_t kEndStream = 1, kEndHeaders = 4;
constexpr std::uint32_t kProtocolError = 1, kRefusedStream = 7, kEnhanceYourCalm = 11;

// The head ":method GET, :scheme http, :path /, :authority a" in HPACK, by the static table and one literal.
const std::string kGetHead = std::string("\x82\x86\x84\x41\x01") + "a";
const std::string kPostHead = std::string("\x83\x86\x84\x41\x01") + "a";

std::string four(std::uint32_t number) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift & 0xffU));
  return out;
}

// Sends bytes and gives the frames that come back.
class RawHttp2 {
 public:
  explicit RawHttp2(StepServer& server) : raw(server), server_(server) {}

  struct Frame {
    std::uint8_t type = 0;
    std::uint8_t flags = 0;
    std::uint32_t stream = 0;
    std::string payload;
    [[nodiscard]] std::uint32_t number(std::size_t at) const {
      std::uint32_t out = 0;
      for (std::size_t i = 0; i < 4; ++i) out = out << 8U | static_cast<unsigned char>(payload[at + i]);
      return out;
    }
  };
  std::vector<Frame> frames() {
    raw.receive();
    std::vector<Frame> out;
    std::string_view rest = raw.received;
    while (rest.size() >= 9) {
      const auto byte = [&](std::size_t i) {
        return static_cast<std::uint32_t>(static_cast<unsigned char>(rest[i]));
      };
      const std::size_t size = byte(0) << 16U | byte(1) << 8U | byte(2);
      if (rest.size() < 9 + size) break;
      out.push_back({static_cast<std::uint8_t>(byte(3)), static_cast<std::uint8_t>(byte(4)),
                     byte(5) << 24U | byte(6) << 16U | byte(7) << 8U | byte(8),
                     std::string(rest.substr(9, size))});
      rest.remove_prefix(9 + size);
    }
    return out;
  }
  /// The error code of GOAWAY, once it came.
  std::optional<std::uint32_t> goaway() {
    std::optional<std::uint32_t> code;
    server_.run_until([&] {
      for (const Frame& one : frames()) {
        if (one.type == kGoAway) code = one.number(4);
      }
      return code.has_value() || raw.closed;
    });
    return code;
  }
  RawClient raw;

 private:
  StepServer& server_;
};

// Refused requests get an answer with a status; the connection stays.

struct Refused {
  const char* name;
  Fields fields;
  std::string body;
  int status;
  const char* id;
};

Fields head_with(std::initializer_list<std::pair<const char*, std::string>> more, std::string path = "/") {
  Fields fields{{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", std::move(path)}};
  for (const auto& [name, value] : more) fields.emplace_back(name, value);
  return fields;
}

std::vector<Refused> refused() {
  Fields many = head_with({});
  for (int i = 0; i < 101; ++i) many.emplace_back("x", "y");
  return {
      {"path with dots", head_with({}, "/a/../b"), "", 400, "net.path"},
      {"path with an encoded slash", head_with({}, "/a%2fb"), "", 400, "net.path"},
      {"path with a nul", head_with({}, "/%00"), "", 400, "net.path"},
      {"path not utf-8", head_with({}, "/%ff"), "", 400, "net.path"},
      {"path with a fragment", head_with({}, "/a#b"), "", 400, "net.path"},
      {"target too long", head_with({}, "/" + std::string(9000, 'x')), "", 414, "net.target_too_long"},
      {"head too large", head_with({{"x", std::string(20000, 'x')}, {"y", std::string(20000, 'y')}}), "", 431,
       "net.head_too_large"},
      {"too many fields", many, "", 431, "net.too_many_headers"},
      {"two hosts", head_with({{"host", "b"}}), "", 400, "net.host"},
      {"unknown expectation", head_with({{"expect", "tea"}}), "x", 417, "net.expect"},
      {"unknown coding", head_with({{"content-encoding", "br"}}), "x", 415, "net.content_coding"},
      {"two codings", head_with({{"content-encoding", "gzip"}, {"content-encoding", "gzip"}}), "x", 415,
       "net.content_coding"},
      {"damaged gzip", head_with({{"content-encoding", "gzip"}}), "not gzip yet", 400, "net.compressed_body"},
      {"cut gzip", head_with({{"content-encoding", "gzip"}}), gzip("abcabc").substr(0, 15), 400,
       "net.compressed_body"},
      {"unfolds too much", head_with({{"content-encoding", "gzip"}}), gzip(std::string(8 << 20, 'x')), 413,
       "net.compression_ratio"},
      {"too large", head_with({}), std::string(70000, 'x'), 413, "net.body_too_large"},
  };
}

class Http2RefusalTest : public ::testing::TestWithParam<Refused> {};

TEST_P(Http2RefusalTest, GetsItsStatusAndTheConnectionStays) {
  const Refused& row = GetParam();
  Limits limits;
  if (row.body.size() >= 70000) limits.max_body_bytes = 60000;
  StepServer server(limits);
  RawClient raw(server);
  http2::testing::Client client;
  const auto answered = [&](std::int32_t stream) {
    return server.run_until([&] {
      if (const std::string out = client.output(); !out.empty()) raw.send(out);
      raw.receive();
      EXPECT_TRUE(client.feed(std::exchange(raw.received, {})));
      return client.reply(stream).closed;
    });
  };
  const std::int32_t stream = client.ask_raw(row.fields, row.body.empty());
  client.send(stream, row.body, true);
  ASSERT_TRUE(answered(stream));
  EXPECT_EQ(client.reply(stream).status, row.status);
  EXPECT_TRUE(client.reply(stream).ended);
  EXPECT_THAT(server.handler.refusals, ElementsAre(row.id));
  const std::int32_t next = client.ask("POST", "/next", "x");
  ASSERT_TRUE(answered(next));
  EXPECT_EQ(client.reply(next).body, "POST /next? x");
  EXPECT_EQ(server.server->counters().held_bytes, 0U);
}

INSTANTIATE_TEST_SUITE_P(Rows, Http2RefusalTest, ::testing::ValuesIn(refused()));

TEST(Http2RefusalTest, ABodyAnnouncedTooLargeIsNotAwaitedAndGrpcGetsTheHandlersStatus) {
  StepServer server;
  RawClient raw(server);
  http2::testing::Client client;
  const std::pair<const char*, std::string> length{"content-length", "67108865"};
  const std::int32_t plain = client.ask_raw(head_with({length}), false);
  const std::int32_t grpc = client.ask_raw(head_with({{"content-type", "application/grpc"}, length}), false);
  raw.send(client.output());
  ASSERT_TRUE(server.run_until([&] {
    raw.receive();
    EXPECT_TRUE(client.feed(std::exchange(raw.received, {})));
    return client.reply(plain).closed && client.reply(grpc).closed;
  }));
  EXPECT_EQ(client.reply(plain).status, 413);
  EXPECT_EQ(client.reply(grpc).status,
            400);  // what the default handler says: the transport does not overrule it
  EXPECT_EQ(client.reply(plain).error, 0U);
}

TEST(Http2RefusalTest, TheKindOfARequestIsKnownHoweverLargeItsHead) {
  StepServer server;
  RawClient raw(server);
  http2::testing::Client client;
  Fields large = head_with({{"x", std::string(20000, 'x')}, {"y", std::string(20000, 'y')}});
  large.emplace_back("content-type", "application/grpc");
  Fields many = head_with({});
  for (int i = 0; i < 150; ++i) many.emplace_back("x", "y");
  many.emplace_back("content-type", "application/grpc");
  many.emplace_back("content-type", "text/plain");
  for (const Fields& fields : {large, many}) {
    const std::int32_t stream = client.ask_raw(fields, true);
    raw.send(client.output());
    ASSERT_TRUE(server.run_until([&] {
      raw.receive();
      EXPECT_TRUE(client.feed(std::exchange(raw.received, {})));
      return client.reply(stream).closed;
    }));
    EXPECT_EQ(client.reply(stream).status, 400);  // what the default handler says; the transport says 431
  }
  EXPECT_THAT(server.handler.refusals, ElementsAre("net.head_too_large", "net.too_many_headers"));
}

// Requests that are not HTTP: the stream or the connection ends, and no handler hears of them.

struct Broken {
  const char* name;
  std::string frames;
  bool connection;  ///< else the stream alone
  std::uint32_t code;
};

std::string get_with(const std::string& more) {
  return frame(kHeaders, kEndStream | kEndHeaders, 1, kGetHead + more);
}

std::vector<Broken> broken() {
  // A literal field without indexing: 0, length of the name, name, length of the value, value.
  const std::string upper("\0\x01X\x01y", 5);
  const std::string connection(
      "\0\x0a"
      "connection\x05"
      "close",
      18);
  const std::string te("\0\x02te\x04gzip", 9);
  const std::string space("\0\x01x\x02y\r", 6);
  const std::string pseudo("\0\x05:what\x01y", 9);
  return {
      {"upper case in a name", get_with(upper), false, kProtocolError},
      {"a field of the connection", get_with(connection), false, kProtocolError},
      {"te other than trailers", get_with(te), false, kProtocolError},
      {"a carriage return in a value", get_with(space), false, kProtocolError},
      {"an unknown pseudo field", get_with(pseudo), false, kProtocolError},
      {"no path",
       frame(kHeaders, kEndStream | kEndHeaders, 1,
             std::string("\x82\x86\x41\x01"
                         "a")),
       false, kProtocolError},
      {"an empty head", frame(kHeaders, kEndStream | kEndHeaders, 1, {}), false, kProtocolError},
      {"a length that is not the body's",
       frame(kHeaders, kEndHeaders, 1,
             kPostHead + std::string("\x0f\x0d\x01"
                                     "5",
                                     4)) +
           frame(kData, kEndStream, 1, "abc"),
       false, kProtocolError},
      {"an even stream", frame(kHeaders, kEndStream | kEndHeaders, 2, kGetHead), true, kProtocolError},
      {"stream 0", frame(kHeaders, kEndStream | kEndHeaders, 0, kGetHead), true, kProtocolError},
      {"data before any request", frame(kData, kEndStream, 1, "x"), true, kProtocolError},
      {"priority of the connection", frame(kPriority, 0, 0, std::string(5, '\0')), true, kProtocolError},
      {"settings with a length of 5", frame(kSettings, 0, 0, "12345"), true, 6},
      {"a window beyond its limit", frame(kWindowUpdate, 0, 0, four(0x7fffffff)), true, 3},
      {"no update of a window", frame(kWindowUpdate, 0, 0, four(0)), true, kProtocolError},
      {"a frame too large", frame(kPing, 0, 0, std::string(20000, 'x')), true, 6},
      {"broken header compression", frame(kHeaders, kEndStream | kEndHeaders, 1, std::string(4, '\xff')),
       true, 9},
      {"continuation of nothing", frame(kContinuation, kEndHeaders, 1, kGetHead), true, kProtocolError},
      {"another frame inside a head",
       frame(kHeaders, kEndStream, 1, kGetHead) + frame(kPing, 0, 0, std::string(8, 'x')), true,
       kProtocolError},
      {"a stream used twice",
       frame(kHeaders, kEndStream | kEndHeaders, 1, kGetHead) +
           frame(kHeaders, kEndStream | kEndHeaders, 1, kGetHead),
       true, 5},
      {"a stream behind",
       frame(kHeaders, kEndStream | kEndHeaders, 5, kGetHead) +
           frame(kHeaders, kEndStream | kEndHeaders, 3, kGetHead),
       true, kProtocolError},
  };
}

class Http2BrokenTest : public ::testing::TestWithParam<Broken> {};

TEST_P(Http2BrokenTest, EndsAsTheProtocolSays) {
  const Broken& row = GetParam();
  StepServer server;
  RawHttp2 client(server);
  client.raw.send(preface() + row.frames);
  if (row.connection) {
    EXPECT_EQ(client.goaway(), row.code);
    EXPECT_TRUE(client.raw.wait_for_close());
    server.advance(milliseconds(2200));
    EXPECT_EQ(server.server->counters().open, 0U);
    return;
  }
  EXPECT_EQ(server.handler.handled, 0);
  EXPECT_TRUE(server.run_until([&] {
    for (const RawHttp2::Frame& one : client.frames()) {
      if (one.type == kReset && one.stream == 1) return one.number(0) == row.code;
    }
    return false;
  }));
  client.raw.send(frame(kHeaders, kEndStream | kEndHeaders, 3, kGetHead));
  EXPECT_TRUE(client.raw.wait_for("GET /? "));
}

INSTANTIATE_TEST_SUITE_P(Rows, Http2BrokenTest, ::testing::ValuesIn(broken()));

// Floods.

TEST(Http2FloodTest, ControlFramesBeyondTheAllowanceEndTheConnection) {
  const std::string empty_data = frame(kData, 0, 1, {});
  const std::vector<std::pair<const char*, std::string>> rows{
      {"ping", frame(kPing, 0, 0, std::string(8, 'x'))},
      {"settings", frame(kSettings, 0, 0, {})},
      {"window update", frame(kWindowUpdate, 0, 0, four(1))},
      {"priority", frame(kPriority, 0, 1, std::string(5, '\0'))},
      {"empty data", empty_data},
  };
  for (const auto& [name, one] : rows) {
    StepServer server;
    RawHttp2 client(server);
    client.raw.send(preface() + frame(kHeaders, kEndHeaders, 1, kPostHead));
    std::string flood;
    for (int i = 0; i < 5000; ++i) flood += one;
    client.raw.send(flood);
    EXPECT_EQ(client.goaway(), kEnhanceYourCalm) << name;
    client.raw.close();
    EXPECT_TRUE(server.run_until([&] { return server.server->counters().open == 0; })) << name;
  }
}

TEST(Http2FloodTest, ControlFramesThatUsefulWorkAndTimePayForAreFine) {
  StepServer server;
  RawHttp2 client(server);
  client.raw.send(preface());
  std::uint32_t stream = 1;
  for (int round = 0; round < 30; ++round) {
    std::string bytes;
    for (int i = 0; i < 100; ++i, stream += 2) {
      bytes += frame(kHeaders, kEndStream | kEndHeaders, stream, kGetHead) +
               frame(kWindowUpdate, 0, 0, four(1)) + frame(kPing, 0, 0, std::string(8, 'x'));
    }
    client.raw.send(bytes);
    ASSERT_TRUE(server.run_until([&] { return server.handler.handled == (round + 1) * 100; }));
    client.raw.receive();
    client.raw.received.clear();
  }
  for (int i = 0; i < 30; ++i) {
    server.advance(seconds(1));
    for (int j = 0; j < 150; ++j) client.raw.send(frame(kPing, 0, 0, std::string(8, 'x')));
  }
  client.raw.receive();
  EXPECT_FALSE(client.raw.closed);
}

TEST(Http2FloodTest, RequestsTakenBackAtOnceEndTheConnection) {
  StepServer server;
  HeldExchanges held;
  server.handler.answer = held.hold();
  RawHttp2 client(server);
  client.raw.send(preface());
  for (std::uint32_t stream = 1; stream < 6001 && !client.raw.closed; stream += 2) {
    client.raw.send(frame(kHeaders, kEndStream | kEndHeaders, stream, kGetHead) +
                    frame(kReset, 0, stream, four(8)));
    for (const Exchange& exchange : held.held) EXPECT_TRUE(exchange->gone());
    held.held.clear();
    client.raw.receive();
  }
  EXPECT_EQ(client.goaway(), kEnhanceYourCalm);
  EXPECT_LE(server.handler.handled, 1100);
  EXPECT_GE(server.handler.handled, 1000);
}

TEST(Http2FloodTest, RequestsThatMakeUsResetThemEndTheConnection) {
  StepServer server;
  RawHttp2 client(server);
  client.raw.send(preface());
  for (std::uint32_t stream = 1; stream < 6001 && !client.raw.closed; stream += 2) {
    client.raw.send(frame(kHeaders, kEndHeaders, stream, kPostHead) +
                    frame(kWindowUpdate, 0, stream, four(0)));
    client.raw.receive();
  }
  EXPECT_TRUE(client.goaway().has_value());
}

TEST(Http2FloodTest, AHeadWithoutEndIsNotReadToItsEnd) {
  for (const bool empty : {false, true}) {
    StepServer server;
    RawHttp2 client(server);
    client.raw.send(preface() + frame(kHeaders, kEndStream, 1, kGetHead));
    const std::string field("\0\x01x\x01y", 5);
    std::string fields;
    if (!empty) {
      for (int i = 0; i < 1000; ++i) fields += field;
    }
    for (int i = 0; i < 4000 && !client.raw.closed; ++i) {
      client.raw.send(frame(kContinuation, 0, 1, fields));
      client.raw.receive();
    }
    EXPECT_TRUE(client.raw.wait_for_close());
    EXPECT_EQ(server.handler.handled, 0);
  }
}

TEST(Http2FloodTest, AHeadThatUnfoldsIsNotReadToItsEnd) {
  StepServer server;
  RawHttp2 client(server);
  // One literal field with indexing (4000 bytes), then references to it: a byte each.
  std::string block =
      kGetHead + std::string("\x40\x01x\x7f", 4) + std::string("\xa1\x1e", 2) + std::string(4000, 'x');
  block += std::string(8000, '\xbe');
  client.raw.send(preface() + frame(kHeaders, kEndStream | kEndHeaders, 1, block));
  EXPECT_EQ(client.goaway(), kEnhanceYourCalm);
  EXPECT_EQ(server.handler.handled, 0);
}

TEST(Http2FloodTest, StreamsBeyondTheLimitAreRefusedAndTheOthersServed) {
  Limits limits;
  limits.max_streams = 10;
  StepServer server(limits);
  HeldExchanges held;
  server.handler.answer = held.hold();
  RawHttp2 client(server);
  std::string bytes = preface();
  for (std::uint32_t stream = 1; stream < 31; stream += 2) {
    bytes += frame(kHeaders, kEndStream | kEndHeaders, stream, kGetHead);
  }
  client.raw.send(bytes);
  ASSERT_TRUE(server.run_until([&] {
    const auto frames = client.frames();
    return std::count_if(frames.begin(), frames.end(), [](const RawHttp2::Frame& one) {
             return one.type == kReset && one.number(0) == kRefusedStream;
           }) == 5;
  }));
  EXPECT_EQ(held.held.size(), 10U);
}

// Clients that do not move.

TEST(Http2SlowTest, AHeadHasToBeWholeIn10Seconds) {
  for (const std::string& begin :
       {preface().substr(0, 24), preface() + frame(kHeaders, kEndStream, 1, kGetHead)}) {
    StepServer server;
    RawHttp2 client(server);
    client.raw.send(begin);
    server.advance(seconds(9));
    client.raw.receive();
    EXPECT_FALSE(client.raw.closed);
    server.advance(milliseconds(1400));
    EXPECT_TRUE(client.raw.wait_for_close());
    EXPECT_EQ(server.server->counters().open, 0U);
  }
}

TEST(Http2SlowTest, ABodyBelowTheRateGets408) {
  StepServer server;
  RawHttp2 client(server);
  client.raw.send(preface() + frame(kHeaders, kEndHeaders, 1, kPostHead));
  for (int i = 0; i < 8 && server.handler.refusals.empty(); ++i) {
    client.raw.send(frame(kData, 0, 1, std::string(100, 'x')));
    server.advance(milliseconds(1100));
  }
  EXPECT_THAT(server.handler.refusals, ElementsAre("net.body_timeout"));
  client.raw.send(frame(kHeaders, kEndStream | kEndHeaders, 3, kGetHead));
  EXPECT_TRUE(client.raw.wait_for("GET /? "));
}

TEST(Http2SlowTest, AnAnswerThatItsClientDoesNotTakeIsResetAndTheOthersAreServed) {
  StepServer server;
  server.handler.answer = [](Exchange exchange) { exchange->respond(200, {}, std::string(100000, 'x')); };
  RawHttp2 client(server);
  client.raw.send(preface() + frame(kHeaders, kEndStream | kEndHeaders, 1, kGetHead));
  for (int i = 0; i < 32; ++i) server.advance(seconds(1));
  EXPECT_TRUE(server.run_until([&] {
    const auto frames = client.frames();
    return std::any_of(frames.begin(), frames.end(),
                       [](const RawHttp2::Frame& one) { return one.type == kReset && one.stream == 1; });
  }));
  server.handler.answer = nullptr;
  client.raw.send(frame(kWindowUpdate, 0, 0, four(100000)) +
                  frame(kHeaders, kEndStream | kEndHeaders, 3, kGetHead));
  EXPECT_TRUE(client.raw.wait_for("GET /? "));
}

TEST(Http2SlowTest, ASocketThatTakesNothingIsCutOff) {
  StepServer server;
  server.handler.answer = [](Exchange exchange) { exchange->respond(200, {}, std::string(30 << 20, 'x')); };
  RawHttp2 client(server);
  client.raw.send(preface() + frame(kSettings, 0, 0, std::string("\0\x04", 2) + four(0x7fffffff)) +
                  frame(kWindowUpdate, 0, 0, four(0x7fff0000 - 65535)) +
                  frame(kHeaders, kEndStream | kEndHeaders, 1, kGetHead));
  for (int i = 0; i < 29; ++i) server.advance(seconds(1));
  EXPECT_EQ(server.server->counters().open, 1U);
  for (int i = 0; i < 3; ++i) server.advance(seconds(1));
  EXPECT_EQ(server.server->counters().open, 0U);
}

TEST(Http2SlowTest, PiecesThatNobodyTakesEndTheirStream) {
  Limits limits;
  limits.max_unsent_bytes = 1 << 20;
  StepServer server(limits);
  HeldExchanges held;
  server.handler.answer = held.hold();
  RawHttp2 client(server);
  client.raw.send(preface() + frame(kHeaders, kEndStream | kEndHeaders, 1, kGetHead));
  ASSERT_TRUE(server.run_until([&] { return held.held.size() == 1; }));
  held.held[0]->start(200, {});
  for (int i = 0; i < 100 && !held.held[0]->gone(); ++i) {
    held.held[0]->write(std::string(100000, 'x'));
    server.step();
  }
  EXPECT_TRUE(held.held[0]->gone());
  EXPECT_EQ(server.server->counters().open, 1U);
}

TEST(Http2SlowTest, LargeBodiesTogetherAreBounded) {
  Limits limits;
  limits.max_held_bytes = 1'000'000;
  StepServer server(limits);
  HeldExchanges held;
  server.handler.answer = held.hold();
  RawHttp2 client(server);
  std::string upload = frame(kHeaders, kEndHeaders, 1, kPostHead);
  for (int i = 0; i < 30; ++i) upload += frame(kData, 0, 1, std::string(16000, 'x'));
  client.raw.send(preface());
  client.raw.send(frame(kSettings, 1, 0, {}));  // with the acknowledgement the wide windows hold
  client.raw.send(upload + frame(kData, kEndStream, 1, "x"));
  ASSERT_TRUE(server.run_until([&] { return held.held.size() == 1; }));
  EXPECT_EQ(as_text(held.held[0]->body()).size(), 480001U);
  std::string second = frame(kHeaders, kEndHeaders, 3, kPostHead);
  for (int i = 0; i < 30; ++i) second += frame(kData, 0, 3, std::string(16000, 'x'));
  client.raw.send(second);
  ASSERT_TRUE(server.run_until([&] { return !server.handler.refusals.empty(); }));
  EXPECT_THAT(server.handler.refusals, ElementsAre("net.overloaded"));
}

}  // namespace
}  // namespace slipway::net
