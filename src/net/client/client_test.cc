#include "net/client/client.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "net/client/answer_scanner.h"
#include "net/client/load.h"
#include "net/client/response_parser.h"

namespace slipway::net {
namespace {

using ::testing::HasSubstr;

// Listens, and for each connection reads one request's head and sends the next of the given answers.
class CannedServer {
 public:
  explicit CannedServer(std::vector<std::string> answers) {
    Listening listening = listen_on({.host = "127.0.0.1", .port = 0, .path = {}}, 16).value();
    endpoint = listening.endpoint;
    thread_ = std::thread([socket = std::move(listening.socket), answers = std::move(answers)] {
      ::fcntl(socket.get(), F_SETFL, 0);
      for (const std::string& answer : answers) {
        const Fd peer(::accept(socket.get(), nullptr, nullptr));
        std::string head;
        char c = 0;
        while (head.find("\r\n\r\n") == std::string::npos && ::recv(peer.get(), &c, 1, 0) == 1)
          head.push_back(c);
        [[maybe_unused]] const auto sent = ::send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
      }
    });
  }
  ~CannedServer() { thread_.join(); }
  Endpoint endpoint;

 private:
  std::thread thread_;
};

TEST(ClientTest, ReadsAnswersOfEveryFraming) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\nX: y\r\n\r\n",
       "hello"},
      {"HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"},
      {"HTTP/1.1 204 No Content\r\n\r\n", ""},
  };
  const SystemClock clock;
  for (const auto& [bytes, body] : rows) {
    CannedServer server({bytes});
    auto client = Client::connect(server.endpoint, clock).value();
    const auto answer = client->request("GET", "/", {}, {});
    ASSERT_TRUE(answer.ok()) << bytes << answer.status().to_string();
    EXPECT_EQ(answer->body, body) << bytes;
  }
}

TEST(ClientTest, WrongAnswersAreErrorsThatNameTheServer) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", "net.closed"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "net.closed"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", "net.closed"},
      {"SSH-2.0-OpenSSH_9.2\r\n", "net.bad_response"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "net.bad_response"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + std::string(5000, 'x'), "net.bad_response"},
  };
  const SystemClock clock;
  for (const auto& [bytes, id] : rows) {
    CannedServer server({bytes});
    auto client = Client::connect(server.endpoint, clock, {.max_response_bytes = 1000}).value();
    const auto answer = client->request("GET", "/", {}, {});
    ASSERT_FALSE(answer.ok()) << bytes;
    EXPECT_EQ(answer.error().id(), id) << bytes;
    EXPECT_THAT(answer.error().message(), HasSubstr(server.endpoint.to_string()));
  }
}

TEST(ClientTest, ConnectsAgainWhenTheServerClosedAnIdleConnection) {
  CannedServer server(
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo"});
  const SystemClock clock;
  auto client = Client::connect(server.endpoint, clock).value();
  EXPECT_EQ(client->request("GET", "/", {}, {}).value().body, "one");
  EXPECT_EQ(client->request("POST", "/", {}, "x").value().body, "two");
}

TEST(ClientTest, NothingListeningIsRefusedWithTheAddress) {
  Endpoint endpoint;
  { endpoint = listen_on({.host = "127.0.0.1", .port = 0, .path = {}}, 1).value().endpoint; }
  const SystemClock clock;
  const auto client = Client::connect(endpoint, clock);
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error().id(), "net.refused");
  EXPECT_THAT(client.error().message(), HasSubstr(endpoint.to_string()));
  const auto no_file = Client::connect({.host = {}, .port = 0, .path = "/nowhere/at.sock"}, clock);
  ASSERT_FALSE(no_file.ok());
  EXPECT_EQ(no_file.error().id(), "net.refused");
}

TEST(ClientTest, ASilentServerTimesOut) {
  const Listening listening = listen_on({.host = "127.0.0.1", .port = 0, .path = {}}, 1).value();
  const SystemClock clock;
  auto client =
      Client::connect(listening.endpoint, clock, {.timeout = std::chrono::milliseconds(20)}).value();
  const auto answer = client->request("GET", "/", {}, {});
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().id(), "net.timeout");
}

TEST(ClientTest, WhatCannotBeSentIsRefused) {
  const Listening listening = listen_on({.host = "127.0.0.1", .port = 0, .path = {}}, 1).value();
  const SystemClock clock;
  auto client = Client::connect(listening.endpoint, clock).value();
  EXPECT_EQ(client->request("GET", "/a b", {}, {}).error().id(), "net.header");
  EXPECT_EQ(client->request("GET", "/a\r\nX: y", {}, {}).error().id(), "net.header");
  const dialect::Header bad{"X", "a\r\nb"};
  EXPECT_EQ(client->request("GET", "/", {&bad, 1}, {}).error().id(), "net.header");
  EXPECT_EQ(render_request(listening.endpoint, "GET", "/", {&bad, 1}, {}).error().id(), "net.header");
}

TEST(ClientTest, LoadReportsServersThatItCannotMeasure) {
  const SystemClock clock;
  const std::atomic<bool> stop{false};
  LoadOptions options;
  EXPECT_EQ(run_load(options, clock, stop).error().id(), "net.load");
  CannedServer server({"HTTP/1.1 200 OK\r\n\r\nuntil the end"});
  options.endpoint = server.endpoint;
  options.requests = {{}};
  EXPECT_EQ(run_load(options, clock, stop).error().id(), "net.load");
}

// Every way of cutting the bytes gives the same answer, with both parsers.
TEST(ResponseParserTest, CutsAnywhere) {
  const std::string counted =
      "HTTP/1.1 404 Not Found\r\nX-Y:  z \r\nContent-Length: 11\r\nConnection: close\r\n\r\nhello world";
  const std::string chunked =
      "HTTP/1.1 404 Not Found\r\nX-Y:  z \r\ntransfer-encoding: chunked\r\nConnection: "
      "close\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
  for (const std::string& text : {counted, chunked}) {
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
      ResponseParser parser(false, 10000);
      ASSERT_TRUE(parser.feed(text.substr(0, cut)).ok());
      ASSERT_FALSE(parser.done());
      ASSERT_TRUE(parser.feed(text.substr(cut)).ok());
      ASSERT_TRUE(parser.done()) << cut;
      EXPECT_FALSE(parser.keep_alive());
      const ClientResponse response = parser.take();
      EXPECT_EQ(response.status, 404);
      EXPECT_EQ(response.body, "hello world");
      EXPECT_EQ(response.header("x-y"), "z");

      AnswerScanner scanner;
      std::size_t used = 0;
      ASSERT_EQ(scanner.scan(text.substr(0, cut), used), AnswerScanner::Verdict::kMore) << cut;
      const std::string rest = text.substr(used);
      ASSERT_EQ(scanner.scan(rest, used), AnswerScanner::Verdict::kWhole) << cut;
      EXPECT_EQ(used, rest.size());
      EXPECT_EQ(scanner.status(), 404);
      EXPECT_TRUE(scanner.closes());
    }
  }
}

TEST(UrlTest, TakesAddressesApart) {
  const std::vector<std::tuple<std::string, std::string, std::string>> good = {
      {"https://a", "a:443", "/"},
      {"https://[::1]/x", "[::1]:443", "/x"},
      {"https://host:8443/x", "host:8443", "/x"},
      {"http://127.0.0.1:18/v2/models?x=1", "127.0.0.1:18", "/v2/models?x=1"},
      {"http://localhost", "localhost:80", "/"},
      {"http://[::1]:9/x", "[::1]:9", "/x"},
      {"http://[::1]", "[::1]:80", "/"},
      {"http://host:1?q", "host:1", "/?q"},
  };
  for (const auto& [text, endpoint, target] : good) {
    const auto url = parse_url(text);
    ASSERT_TRUE(url.ok()) << text;
    EXPECT_EQ(url->endpoint.to_string(), endpoint);
    EXPECT_EQ(url->target, target);
    EXPECT_EQ(url->tls, text.starts_with("https://"));
  }
  for (const char* text : {"", "host", "https://", "http://", "http:///x", "http://host:x/",
                           "http://host:99999/", "http://a/b#c", "http://a b/"}) {
    EXPECT_EQ(parse_url(text).status().ok(), false) << text;
  }
}

TEST(EndpointTest, ReadsWhatItWrites) {
  for (const char* text : {"127.0.0.1:18", "[::1]:0", "localhost:80", "unix:/run/a.sock", "0.0.0.0:1"}) {
    const auto endpoint = parse_endpoint(text);
    ASSERT_TRUE(endpoint.ok()) << text;
    EXPECT_EQ(endpoint->to_string(), text);
  }
  EXPECT_EQ(parse_endpoint(":18").value().to_string(), "127.0.0.1:18");
  EXPECT_EQ(parse_endpoint("18").value().to_string(), "127.0.0.1:18");
  for (const char* text :
       {"", ":", "a:", "a:b", "a:70000", "a:-1", "::1:80", "unix:", "[::1]80", "a/b:1", "a b:1"}) {
    EXPECT_EQ(parse_endpoint(text).status().ok() ? "" : parse_endpoint(text).error().id(), "net.address")
        << text;
  }
}

TEST(EndpointTest, WhatCannotBeListenedOnSaysWhy) {
  const std::vector<Endpoint> rows = {
      {.host = "203.0.113.7"},  // not an address of this machine
      {.host = "no such host"}, {.path = "/nowhere/at.sock"}, {.path = "/" + std::string(200, 'x')},
      {.path = "/dev/null"},
  };
  for (const Endpoint& endpoint : rows) {
    const auto listening = listen_on(endpoint, 1);
    ASSERT_FALSE(listening.ok()) << endpoint.to_string();
    const std::string& id = listening.error().id();
    EXPECT_TRUE(id == "net.address" || id == "net.address_in_use" || id == "net.address_denied") << id;
  }
}

TEST(EndpointTest, AStaleUnixSocketIsReplacedAndALiveOneIsNot) {
  const Endpoint endpoint{.path = ::testing::TempDir() + "/stale_" + std::to_string(::getpid()) + ".sock"};
  { const auto dead = listen_on(endpoint, 1).value(); }
  const auto alive = listen_on(endpoint, 1);
  ASSERT_TRUE(alive.ok()) << alive.status().to_string();
  EXPECT_EQ(listen_on(endpoint, 1).error().id(), "net.address_in_use");
  ::unlink(endpoint.path.c_str());
}

TEST(EndpointTest, KnowsWhatOnlyThisMachineReaches) {
  for (const char* text : {"127.0.0.1:1", "127.8.9.1:1", "[::1]:1", "localhost:1", "unix:/x"}) {
    EXPECT_TRUE(parse_endpoint(text).value().is_local()) << text;
  }
  for (const char* text :
       {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "example.com:1", "128.0.0.1:1", "127.0.0.1.example:1"}) {
    EXPECT_FALSE(parse_endpoint(text).value().is_local()) << text;
  }
}

}  // namespace
}  // namespace slipway::net
