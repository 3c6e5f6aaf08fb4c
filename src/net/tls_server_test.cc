// A server whose listener speaks TLS, step by step, with OpenSSL's own client.
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/file_helpers.h"
#include "io/filesystem.h"
#include "io/testing/temp_dir.h"
#include "net/http2/testing/client.h"
#include "net/testing/step_server.h"
#include "net/tls/testing/tls_client.h"

namespace slipway::net {
namespace {

using ::testing::HasSubstr;
using testing::make_identity;
using testing::RawClient;
using ::testing::StartsWith;
using testing::StepServer;
using testing::TestIdentity;
using testing::TlsClient;
using testing::TlsClientOptions;

class TlsServerTest : public ::testing::Test {
 protected:
  TlsServerTest() {
    write("server.pem", server_identity_.certificate);
    write("server.key", server_identity_.key);
    write("ca.pem", authority_.certificate);
    auto keeper = TlsKeeper::create(
        {.certificate = dir_ / "server.pem", .key = dir_ / "server.key", .client_ca = dir_ / "ca.pem"},
        *files_, clock_, logger_);
    SLIPWAY_CHECK(keeper.ok());
    server_ = std::make_unique<StepServer>(Limits{}, ListenOptions{.tls = std::move(*keeper)});
    server_->handler.answer = [this](std::unique_ptr<dialect::Exchange> exchange) {
      const dialect::PeerIdentity* peer = exchange->peer();
      std::string text = peer == nullptr ? "nobody" : peer->subject;
      if (peer != nullptr && !peer->names.empty()) text += " " + peer->names.front();
      text.append(" ").append(std::to_string(exchange->body().size()));
      exchange->respond(200, {}, text + padding_);
    };
  }
  void write(const std::string& name, const std::string& text) {
    SLIPWAY_CHECK(io::replace_file(*files_, dir_ / name, as_bytes(text)).ok());
  }
  // A client that has shaken hands.
  void connect(const TlsClientOptions& options = {}) {
    raw_ = std::make_unique<RawClient>(*server_);
    client_ = std::make_unique<TlsClient>(raw_->socket().get(), authority_, options);
    ASSERT_TRUE(server_->run_until([&] { return client_->handshake(); }));
  }
  std::string answer_to(const std::string& request, const std::string& end) {
    EXPECT_TRUE(client_->write(request));
    std::string got;
    EXPECT_TRUE(server_->run_until([&] {
      got += client_->read();
      return got.ends_with(end);
    })) << got.substr(0, 300);
    return got;
  }

  const io::testing::TempDir dir_;
  const std::unique_ptr<io::FileSystem> files_ = io::make_os_filesystem();
  ManualClock clock_;
  NullLogger logger_;
  const TestIdentity authority_ = make_identity("authority", "", nullptr);
  const TestIdentity server_identity_ = make_identity("server", "DNS:localhost", &authority_);
  std::string padding_;
  std::unique_ptr<StepServer> server_;
  std::unique_ptr<RawClient> raw_;
  std::unique_ptr<TlsClient> client_;
};

TEST_F(TlsServerTest, TellsTheHandlerWhoAsks) {
  connect();
  EXPECT_THAT(answer_to("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "nobody 0"), StartsWith("HTTP/1.1 200"));
  const TestIdentity alice = make_identity("alice", "URI:spiffe://example/alice", &authority_);
  connect({.identity = &alice});
  const std::string wanted = "CN=alice,O=Example\\, Ltd URI:spiffe://example/alice 0";
  (void)answer_to("GET / HTTP/1.1\r\nHost: a\r\n\r\n", wanted);
  (void)answer_to("GET / HTTP/1.1\r\nHost: a\r\n\r\n", wanted);
}

// Many requests in one record: the socket says nothing of those that are left when a block is full.
TEST_F(TlsServerTest, PipelinedRequestsOfOneRecordAreAllAnswered) {
  connect();
  const std::string request =
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\n" + std::string(300, 'b');
  std::string many;
  for (int i = 0; i < 40; ++i) many += request;
  ASSERT_LT(many.size(), 16384U);
  const std::string last = "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const std::string got = answer_to(many + last, "nobody 0");
  std::size_t answers = 0;
  for (std::size_t at = 0; (at = got.find("nobody 300", at)) != std::string::npos; ++at) ++answers;
  EXPECT_EQ(answers, 40U);
  ASSERT_TRUE(server_->run_until([&] {
    (void)client_->read();
    return client_->heard_the_end();
  }));
}

TEST_F(TlsServerTest, LargeBodiesGoInAndComeOut) {
  padding_ = std::string(3 << 20, 'p') + "end";
  connect();
  const std::string body(5 << 20, 'x');
  std::string out =
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  std::string got;
  ASSERT_TRUE(server_->run_until([&] {
    while (!out.empty() && client_->write(out.substr(0, 10000)))
      out.erase(0, std::min<std::size_t>(10000, out.size()));
    got += client_->read();
    return got.ends_with("end");
  }));
  EXPECT_THAT(got, HasSubstr("nobody " + std::to_string(body.size())));
}

TEST_F(TlsServerTest, SpeaksHttp2WhereThatIsAgreedOn) {
  const TestIdentity alice = make_identity("alice", "DNS:alice", &authority_);
  connect({.protocols = "\x02h2", .identity = &alice});
  http2::testing::Client http2;
  const std::int32_t first = http2.ask("POST", "/", "abc");
  const std::int32_t second = http2.ask("POST", "/", std::string(30000, 'x'));
  ASSERT_TRUE(server_->run_until([&] {
    const std::string out = http2.output();
    EXPECT_TRUE(out.empty() || client_->write(out));
    EXPECT_TRUE(http2.feed(client_->read()));
    return http2.reply(first).closed && http2.reply(second).closed;
  }));
  EXPECT_EQ(http2.reply(first).body, "CN=alice,O=Example\\, Ltd DNS:alice 3");
  EXPECT_EQ(http2.reply(second).body, "CN=alice,O=Example\\, Ltd DNS:alice 30000");
}

TEST_F(TlsServerTest, AHandshakeThatDoesNotComeIsNotWaitedFor) {
  RawClient silent(*server_);
  server_->step();
  EXPECT_EQ(server_->server->counters().open, 1U);
  server_->advance(Limits{}.head_timeout + std::chrono::seconds(1));
  ASSERT_TRUE(server_->run_until([&] { return server_->server->counters().open == 0; }));
}

TEST_F(TlsServerTest, PlainHttpIsToldToUseTls) {
  RawClient plain(*server_);
  plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(plain.wait_for("use https:// in place of http://\n"));
  EXPECT_THAT(plain.received, StartsWith("HTTP/1.1 400 "));
}

TEST_F(TlsServerTest, TheDrainEndsConnectionsAndHandshakes) {
  connect();
  (void)answer_to("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "nobody 0");
  RawClient silent(*server_);
  server_->step();
  bool complete = false;
  server_->server->drain(Duration::zero(), std::chrono::seconds(30),
                         [&](const DrainReport& report) { complete = report.complete; });
  ASSERT_TRUE(server_->run_until([&] {
    (void)client_->read();
    return client_->heard_the_end();
  }));
  server_->advance(Limits{}.linger + std::chrono::seconds(1));
  ASSERT_TRUE(server_->run_until([&] { return complete; }));
}

}  // namespace
}  // namespace slipway::net
