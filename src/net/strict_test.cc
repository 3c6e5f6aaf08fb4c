// Raw bytes and the status that they get. Sources: RFC 9112; the categories of h1spec (fragments, framing
// conflicts, Host, header characters, Content-Length, version, line ends) and the disagreements that the HTTP
// Garden found between servers.
#include <gtest/gtest.h>

#include "net/chunk_decoder.h"
#include "net/testing/step_server.h"

namespace slipway::net {
namespace {

using testing::RawClient;
using testing::StepServer;

struct Row {
  const char* name;
  std::string bytes;
  int status;
  const char* id;  ///< of the refusal; empty for a request that is taken
  bool closes = true;
};

std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out.append(text);
  return out;
}

const std::string kHost = "Host: a\r\n";
const std::string kGet = "GET / HTTP/1.1\r\n";
const std::string kPost = "POST / HTTP/1.1\r\nHost: a\r\n";
const std::string kChunked = kPost + "Transfer-Encoding: chunked\r\n\r\n";

std::vector<Row> accepted() {
  return {
      {"plain", kGet + kHost + "\r\n", 200, "", false},
      {"empty lines before", "\r\n\r\n" + kGet + kHost + "\r\n", 200, "", false},
      {"http 1.0 without host", "GET / HTTP/1.0\r\n\r\n", 200, "", true},
      {"http 1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", 200, "", false},
      {"connection close", kGet + kHost + "Connection: close\r\n\r\n", 200, "", true},
      {"connection list", kGet + kHost + "Connection: foo, CLOSE\r\n\r\n", 200, "", true},
      {"no space after colon", kGet + "Host:a\r\nX:y\r\n\r\n", 200, "", false},
      {"space and tab around a value", kGet + "Host:  a \t\r\nX: \t y\t \r\n\r\n", 200, "", false},
      {"empty value", kGet + kHost + "X:\r\n\r\n", 200, "", false},
      {"tab inside a value", kGet + kHost + "X: a\tb\r\n\r\n", 200, "", false},
      {"obs-text in a value", kGet + kHost + "X: caf\xc3\xa9\r\n\r\n", 200, "", false},
      {"all token characters", kGet + kHost + "!#$%&'*+-.^_`|~09azAZ: y\r\n\r\n", 200, "", false},
      {"absolute form", "GET http://a/x?y HTTP/1.1\r\n" + kHost + "\r\n", 200, "", false},
      {"asterisk", "OPTIONS * HTTP/1.1\r\n" + kHost + "\r\n", 200, "", false},
      {"unknown method", "BREW / HTTP/1.1\r\n" + kHost + "\r\n", 200, "", false},
      {"ipv6 host", kGet + "Host: [::1]:8080\r\n\r\n", 200, "", false},
      {"length zero", kPost + "Content-Length: 0\r\n\r\n", 200, "", false},
      {"leading zeros in length", kPost + "Content-Length: 0003\r\n\r\nabc", 200, "", false},
      {"chunked", kChunked + "3\r\nabc\r\n0\r\n\r\n", 200, "", false},
      {"chunked in capitals", kPost + "Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, "",
       false},
      {"chunk extension", kChunked + "3;a=b;c=\"d\"\r\nabc\r\n0;x\r\n\r\n", 200, "", false},
      {"hexadecimal size", kChunked + "00A\r\n0123456789\r\n0\r\n\r\n", 200, "", false},
      {"trailers", kChunked + "3\r\nabc\r\n0\r\nX: y\r\nContent-Length: 5\r\n\r\n", 200, "", false},
      {"utf-8 escapes", "GET /caf%C3%A9 HTTP/1.1\r\n" + kHost + "\r\n", 200, "", false},
      {"raw utf-8", "GET /caf\xc3\xa9 HTTP/1.1\r\n" + kHost + "\r\n", 200, "", false},
      {"dots in a name", "GET /v1.2..3/.x HTTP/1.1\r\n" + kHost + "\r\n", 200, "", false},
  };
}

std::vector<Row> bad_syntax() {
  return {
      {"garbage", "garbage\r\n\r\n", 400, "net.syntax"},
      {"no target", "GET HTTP/1.1\r\n" + kHost + "\r\n", 400, "net.syntax"},
      {"two spaces", "GET  / HTTP/1.1\r\n" + kHost + "\r\n", 400, "net.syntax"},
      {"tab between", "GET\t/ HTTP/1.1\r\n" + kHost + "\r\n", 400, "net.syntax"},
      {"space in target", "GET /a b HTTP/1.1\r\n" + kHost + "\r\n", 505, "net.version"},
      {"space before the method", " GET / HTTP/1.1\r\n" + kHost + "\r\n", 400, "net.syntax"},
      {"trailing space on the request line", "GET / HTTP/1.1 \r\n" + kHost + "\r\n", 505, "net.version"},
      {"http 0.9", "GET /\r\n\r\n", 400, "net.syntax"},
      {"http 1.2", "GET / HTTP/1.2\r\n" + kHost + "\r\n", 505, "net.version"},
      {"http 2.0", "GET / HTTP/2.0\r\n" + kHost + "\r\n", 505, "net.version"},
      {"lower-case version", "GET / http/1.1\r\n" + kHost + "\r\n", 505, "net.version"},
      {"tls hello", std::string("\x16\x03\x01\x00\xf8\x01\x00\x00", 8), 400, "net.tls"},
      {"bare lf", "GET / HTTP/1.1\nHost: a\n\n", 400, "net.line_end"},
      {"bare lf after a header", kGet + "Host: a\n\r\n", 400, "net.line_end"},
      {"bare lf at the end", kGet + kHost + "\n", 400, "net.line_end"},
      {"bare cr in a value", kGet + kHost + "X: a\rb\r\n\r\n", 400, "net.syntax"},
      {"cr cr lf", kGet + kHost + "X: a\r\r\n\r\n", 400, "net.syntax"},
      {"folded header", kGet + kHost + "X: a\r\n b\r\n\r\n", 400, "net.folded"},
      {"folded by tab", kGet + kHost + "X: a\r\n\tb\r\n\r\n", 400, "net.folded"},
      {"folded first header", kGet + " Host: a\r\n\r\n", 400, "net.folded"},
      {"space before the colon", kGet + "Host : a\r\n\r\n", 400, "net.syntax"},
      {"no colon", kGet + kHost + "X\r\n\r\n", 400, "net.syntax"},
      {"empty name", kGet + kHost + ": x\r\n\r\n", 400, "net.syntax"},
      {"space in a name", kGet + kHost + "X Y: z\r\n\r\n", 400, "net.syntax"},
      {"obs-text in a name", kGet + kHost + "X\xc3\xa9: z\r\n\r\n", 400, "net.syntax"},
      {"nul in a value", kGet + kHost + std::string("X: a\0b\r\n\r\n", 10), 400, "net.syntax"},
      {"nul in a name", kGet + kHost + std::string("X\0: a\r\n\r\n", 9), 400, "net.syntax"},
      {"escape character in a value", kGet + kHost + "X: \x1b[2J\r\n\r\n", 400, "net.syntax"},
      {"delete character in a value", kGet + kHost + "X: \x7f\r\n\r\n", 400, "net.syntax"},
      {"nul in the target", std::string("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 28), 400, "net.syntax"},
      {"missing host", kGet + "\r\n", 400, "net.host"},
      {"two hosts", kGet + kHost + kHost + "\r\n", 400, "net.host"},
      {"two different hosts", kGet + kHost + "host: b\r\n\r\n", 400, "net.host"},
      {"host with a path", kGet + "Host: a/b\r\n\r\n", 400, "net.host"},
      {"host with user information", kGet + "Host: u@a\r\n\r\n", 400, "net.host"},
      {"host with a space", kGet + "Host: a b\r\n\r\n", 400, "net.host"},
      {"two hosts in http 1.0", "GET / HTTP/1.0\r\n" + kHost + kHost + "\r\n", 400, "net.host"},
      {"unknown expectation", kPost + "Expect: tea\r\nContent-Length: 3\r\n\r\n", 417, "net.expect"},
  };
}

std::vector<Row> bad_framing() {
  const std::string te = "Transfer-Encoding: chunked\r\n";
  const std::string body = "\r\n3\r\nabc\r\n0\r\n\r\n";
  return {
      {"te and cl", kPost + te + "Content-Length: 3\r\n" + body, 400, "net.framing"},
      {"cl and te", kPost + "Content-Length: 3\r\n" + te + body, 400, "net.framing"},
      {"two lengths", kPost + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400, "net.framing"},
      {"two equal lengths", kPost + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, "net.framing"},
      {"a list of lengths", kPost + "Content-Length: 3, 3\r\n\r\nabc", 400, "net.framing"},
      {"negative length", kPost + "Content-Length: -1\r\n\r\n", 400, "net.framing"},
      {"length with a sign", kPost + "Content-Length: +3\r\n\r\nabc", 400, "net.framing"},
      {"hexadecimal length", kPost + "Content-Length: 0x3\r\n\r\nabc", 400, "net.framing"},
      {"empty length", kPost + "Content-Length:\r\n\r\n", 400, "net.framing"},
      {"length that overflows", kPost + "Content-Length: 18446744073709551617\r\n\r\n", 400, "net.framing"},
      {"length with a space inside", kPost + "Content-Length: 3 4\r\n\r\nabc", 400, "net.framing"},
      {"two codings", kPost + te + te + body, 400, "net.framing"},
      {"unknown coding", kPost + "Transfer-Encoding: gzip\r\n" + body, 501, "net.transfer_coding"},
      {"coding list", kPost + "Transfer-Encoding: gzip, chunked\r\n" + body, 501, "net.transfer_coding"},
      {"identity", kPost + "Transfer-Encoding: identity\r\n" + body, 501, "net.transfer_coding"},
      {"chunked with a vertical tab",
       kPost +
           "Transfer-Encoding: \x0b"
           "chunked\r\n" +
           body,
       400, "net.syntax"},
      {"chunked in http 1.0", "POST / HTTP/1.0\r\n" + te + body, 400, "net.framing"},
      {"chunk size missing", kChunked + "\r\nabc\r\n0\r\n\r\n", 400, "net.chunk"},
      {"chunk size not hexadecimal", kChunked + "g\r\n", 400, "net.chunk"},
      {"chunk size with 0x", kChunked + "0x3\r\nabc\r\n0\r\n\r\n", 400, "net.chunk"},
      {"chunk size with a sign", kChunked + "+3\r\nabc\r\n0\r\n\r\n", 400, "net.chunk"},
      {"space before the chunk size", kChunked + " 3\r\nabc\r\n0\r\n\r\n", 400, "net.chunk"},
      {"space after the chunk size", kChunked + "3 \r\nabc\r\n0\r\n\r\n", 400, "net.chunk"},
      {"chunk size overflows", kChunked + "10000000000000003\r\nabc\r\n0\r\n\r\n", 400, "net.chunk"},
      {"chunk size line by lf", kChunked + "3\nabc\r\n0\r\n\r\n", 400, "net.chunk"},
      {"chunk data too long", kChunked + "3\r\nabcd\r\n0\r\n\r\n", 400, "net.chunk"},
      {"chunk data ended by lf", kChunked + "3\r\nabc\n0\r\n\r\n", 400, "net.chunk"},
      {"control character in an extension", kChunked + "3;\x01\r\nabc\r\n0\r\n\r\n", 400, "net.chunk"},
      {"endless extension", kChunked + "3;" + repeat("x", 400) + "\r\n", 400, "net.chunk"},
      {"endless zeros", kChunked + repeat("0", 400) + "\r\n", 400, "net.chunk"},
      {"trailer folded", kChunked + "0\r\nX: a\r\n b\r\n\r\n", 400, "net.folded"},
      {"trailer by lf", kChunked + "0\r\nX: a\n\r\n", 400, "net.chunk"},
      {"end by lf", kChunked + "0\r\n\n", 400, "net.chunk"},
      {"trailers without end",
       kChunked + "0\r\n" + repeat("X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", 1000), 431,
       "net.head_too_large"},
      {"unknown content coding", kPost + "Content-Encoding: br\r\nContent-Length: 3\r\n\r\nabc", 415,
       "net.content_coding"},
      {"two content codings", kPost + "Content-Encoding: gzip, gzip\r\nContent-Length: 3\r\n\r\nabc", 415,
       "net.content_coding"},
      {"damaged gzip", kPost + "Content-Encoding: gzip\r\nContent-Length: 12\r\n\r\nnot gzip yet", 400,
       "net.compressed_body"},
  };
}

std::vector<Row> bad_sizes() {
  return {
      {"body too large", kPost + "Content-Length: 67108865\r\n\r\n", 413, "net.body_too_large"},
      {"chunk too large", kChunked + "4000001\r\n", 413, "net.body_too_large"},
      {"too many chunks", kChunked + repeat("1\r\nx\r\n", 16385), 413, "net.too_many_chunks"},
      {"target too long", "GET /" + repeat("x", 9000) + " HTTP/1.1\r\n" + kHost + "\r\n", 414,
       "net.target_too_long"},
      {"target without end", "GET /" + repeat("x", 9000), 414, "net.target_too_long"},
      {"header too large", kGet + kHost + "X: " + repeat("x", 33000) + "\r\n\r\n", 431, "net.head_too_large"},
      {"header without end", kGet + kHost + "X: " + repeat("x", 33000), 431, "net.head_too_large"},
      {"too many headers", kGet + kHost + repeat("X: y\r\n", 100) + "\r\n", 431, "net.too_many_headers"},
  };
}

std::vector<Row> bad_paths() {
  std::vector<Row> rows;
  for (const char* path :
       {"/a%2Fb", "/a%2fb",      "/a%5Cb", "/a\\b",     "/%00",       "/..",   "/.",        "/a/../b",
        "/a/./b", "/a/%2e%2e/b", "/%2E",   "/a%",       "/a%4",       "/a%zz", "/%2561",    "/%25",
        "/a;b",   "/a%3Bb",      "/%ff",   "/%c0%af",   "/%ed%a0%80", "/\xff", "/a%0d%0ab", "/a%7f",
        "/a#b",   "/a?b#c",      "a",      "http:///x", "ftp://a/x",  "*x"}) {
    rows.push_back(
        {path, "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n", 400, "net.path", false});
  }
  return rows;
}

class StrictTest : public ::testing::TestWithParam<Row> {};

// The whole request at once, then byte by byte: the same answer.
TEST_P(StrictTest, GivesTheStatusHoweverTheBytesArrive) {
  const Row& row = GetParam();
  for (const std::size_t step : {row.bytes.size(), std::size_t{1}}) {
    if (step == 1 && row.bytes.size() > 2000) continue;
    StepServer server;
    RawClient client(server);
    for (std::size_t at = 0; at < row.bytes.size(); at += step) {
      client.send(std::string_view(row.bytes).substr(at, step));
    }
    ASSERT_TRUE(client.wait_for("\r\n\r\n")) << row.name << " step " << step;
    EXPECT_EQ(client.received.substr(0, 13), "HTTP/1.1 " + std::to_string(row.status) + " ") << row.name;
    const std::string id = server.handler.refusals.empty() ? "" : server.handler.refusals.front();
    EXPECT_EQ(id, row.id) << row.name;
    EXPECT_EQ(client.count("\r\nDate: "), 1U) << row.name;
    EXPECT_EQ(client.received.find("Connection: close") != std::string::npos, row.closes) << row.name;
    if (row.closes) {
      EXPECT_TRUE(client.wait_for_close()) << row.name;
      EXPECT_EQ(client.count("\r\nDate: "), 1U) << row.name;
    } else {
      client.send(testing::get("/again"));
      EXPECT_TRUE(client.wait_for("GET /again")) << row.name;
    }
  }
}

std::string row_name(const ::testing::TestParamInfo<Row>& info) { return std::to_string(info.index); }
INSTANTIATE_TEST_SUITE_P(Accepted, StrictTest, ::testing::ValuesIn(accepted()), row_name);
INSTANTIATE_TEST_SUITE_P(Syntax, StrictTest, ::testing::ValuesIn(bad_syntax()), row_name);
INSTANTIATE_TEST_SUITE_P(Framing, StrictTest, ::testing::ValuesIn(bad_framing()), row_name);
INSTANTIATE_TEST_SUITE_P(Sizes, StrictTest, ::testing::ValuesIn(bad_sizes()), row_name);
INSTANTIATE_TEST_SUITE_P(Paths, StrictTest, ::testing::ValuesIn(bad_paths()), row_name);

TEST(ChunkDecoderTest, CutsAnywhere) {
  const std::string text = "5;x=y\r\nhello\r\n006\r\n world\r\n0\r\nA: b\r\n\r\nNEXT";
  const Limits limits;
  for (std::size_t step = 1; step < text.size(); ++step) {
    ChunkDecoder decoder;
    std::string body;
    std::string rest;
    bool done = false;
    for (std::size_t at = 0; at < text.size(); at += step) {
      std::string_view bytes = std::string_view(text).substr(at, step);
      for (bool more = !done; more;) {
        std::string_view data;
        const auto verdict = decoder.next(bytes, data, limits);
        ASSERT_NE(verdict, ChunkDecoder::Verdict::kRefused);
        if (verdict == ChunkDecoder::Verdict::kData) body += data;
        done = verdict == ChunkDecoder::Verdict::kDone;
        more = verdict == ChunkDecoder::Verdict::kData;
      }
      if (done) rest += bytes;
    }
    EXPECT_TRUE(done);
    EXPECT_EQ(body, "hello world");
    EXPECT_EQ(rest, "NEXT");
  }
}

}  // namespace
}  // namespace slipway::net
