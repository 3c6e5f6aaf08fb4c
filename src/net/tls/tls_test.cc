// The server's side of TLS against OpenSSL's own client, over a pair of sockets that do not block.
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "io/file_helpers.h"
#include "io/filesystem.h"
#include "io/testing/temp_dir.h"
#include "net/loop/fd.h"
#include "net/tls/keeper.h"
#include "net/tls/testing/tls_client.h"

namespace slipway::net {
namespace {

using ::testing::ElementsAre;
using testing::make_identity;
using testing::TestIdentity;
using testing::TlsClient;
using testing::TlsClientOptions;
using namespace std::chrono_literals;

constexpr int kTls10 = 0x0301, kTls11 = 0x0302, kTls12 = 0x0303, kTls13 = 0x0304;

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() {
    options_ = {.certificate = path("server.pem"), .key = path("server.key")};
    write("server.pem", server_.certificate);
    write("server.key", server_.key);
    write("ca.pem", authority_.certificate);
  }
  [[nodiscard]] std::string path(const std::string& name) const { return dir_.path() + "/" + name; }
  void write(const std::string& name, const std::string& text) {
    SLIPWAY_CHECK(io::replace_file(*files_, path(name), as_bytes(text)).ok());
  }
  void start() {
    auto made = TlsKeeper::create(options_, *files_, clock_, logger_);
    ASSERT_TRUE(made.ok()) << made.error().to_string();
    keeper_ = std::move(*made);
  }
  std::string refused() {
    auto made = TlsKeeper::create(options_, *files_, clock_, logger_);
    return made.ok() ? "none" : made.error().id();
  }

  // Both sides shake hands as far as they come. True when both are done.
  bool connect(const TlsClientOptions& options = {}) {
    int pair[2];
    SLIPWAY_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    client_socket_ = Fd(pair[0]);
    server_socket_ = Fd(pair[1]);
    session_ = keeper_->accept(server_socket_.get());
    client_ = std::make_unique<TlsClient>(client_socket_.get(), authority_, options);
    bool client_done = false;
    TlsSession::Step step = TlsSession::Step::kWantsRead;
    for (int i = 0; i < 20; ++i) {
      client_done = client_->handshake();
      if (step != TlsSession::Step::kDone) step = session_->handshake();
      if (step == TlsSession::Step::kFailed) return false;
      if (client_done && step == TlsSession::Step::kDone) return true;
    }
    return false;
  }
  static std::vector<iovec> pieces(std::vector<std::string>& texts) {
    std::vector<iovec> out;
    for (std::string& text : texts) out.push_back({text.data(), text.size()});
    return out;
  }

  const io::testing::TempDir dir_;
  const std::unique_ptr<io::FileSystem> files_ = io::make_os_filesystem();
  ManualClock clock_;
  NullLogger logger_;
  const TestIdentity authority_ = make_identity("authority", "", nullptr);
  const TestIdentity server_ = make_identity("server", "DNS:localhost", &authority_);
  TlsOptions options_;
  std::unique_ptr<TlsKeeper> keeper_;
  Fd client_socket_, server_socket_;
  std::unique_ptr<TlsSession> session_;
  std::unique_ptr<TlsClient> client_;
};

TEST_F(TlsTest, ShakesHandsFromVersionOneTwoOn) {
  start();
  EXPECT_TRUE(connect({.max_version = kTls12}));
  EXPECT_TRUE(connect({.min_version = kTls13}));
  EXPECT_FALSE(connect({.min_version = kTls10, .max_version = kTls11}));
}

TEST_F(TlsTest, ChoosesHttp2WhereTheClientHasIt) {
  start();
  ASSERT_TRUE(connect({.protocols = "\x08http/1.1\x02h2"}));
  EXPECT_TRUE(session_->speaks_http2());
  ASSERT_TRUE(connect({.protocols = "\x08http/1.1"}));
  EXPECT_FALSE(session_->speaks_http2());
  ASSERT_TRUE(connect());
  EXPECT_FALSE(session_->speaks_http2());
  EXPECT_FALSE(connect({.protocols = "\x04smtp"}));
  options_.http2 = false;
  start();
  ASSERT_TRUE(connect({.protocols = "\x02h2\x08http/1.1"}));
  EXPECT_FALSE(session_->speaks_http2());
}

TEST_F(TlsTest, ReadsAndWritesAsASocketDoes) {
  start();
  ASSERT_TRUE(connect());
  char room[100];
  EXPECT_EQ(session_->receive(room, sizeof room), -1);
  EXPECT_EQ(errno, EAGAIN);
  ASSERT_TRUE(client_->write("0123456789"));
  EXPECT_FALSE(session_->pending());
  EXPECT_EQ(session_->receive(room, 4), 4);
  EXPECT_TRUE(session_->pending());  // of which the socket says nothing
  EXPECT_EQ(session_->receive(room, sizeof room), 6);
  EXPECT_EQ(std::string(room, 6), "456789");
  EXPECT_FALSE(session_->pending());

  std::vector<std::string> texts = {"head ", std::string(20000, 'a'), "tail"};
  const auto all = pieces(texts);
  const ssize_t sent = session_->send(all);
  EXPECT_EQ(sent, 16384);  // one record of what was gathered
  EXPECT_EQ(client_->read(), ("head " + texts[1]).substr(0, 16384));

  session_->end();
  EXPECT_EQ(client_->read(), "");
  EXPECT_TRUE(client_->heard_the_end());
  client_->end();
  EXPECT_EQ(session_->receive(room, sizeof room), 0);
}

// The socket takes what it can; what comes next begins where it stopped, though from another place in memory.
TEST_F(TlsTest, GoesOnWhereTheSocketStoppedTaking) {
  start();
  ASSERT_TRUE(connect());
  std::string text;
  for (int i = 0; text.size() < (1 << 20); ++i) text += std::to_string(i) + ",";
  std::size_t at = 0;
  std::string got;
  bool waited = false;
  while (at < text.size()) {
    std::vector<std::string> rest = {text.substr(at, 7), text.substr(std::min(at + 7, text.size()))};
    const auto all = pieces(rest);
    const ssize_t sent = session_->send(all);
    if (sent < 0) {
      ASSERT_EQ(errno, EAGAIN);
      waited = true;
      got += client_->read();
    } else {
      at += static_cast<std::size_t>(sent);
    }
  }
  got += client_->read();
  EXPECT_TRUE(waited);
  EXPECT_EQ(got, text);
}

TEST_F(TlsTest, DamagedBytesEndIt) {
  start();
  ASSERT_TRUE(connect());
  ASSERT_EQ(::send(client_socket_.get(), "\x17\x03\x03\x00\x20", 5, 0), 5);
  ASSERT_EQ(::send(client_socket_.get(), std::string(32, 'x').data(), 32, 0), 32);
  char room[100];
  EXPECT_EQ(session_->receive(room, sizeof room), -1);
  EXPECT_EQ(errno, EPROTO);
  std::vector<std::string> texts = {"a"};
  EXPECT_EQ(session_->send(pieces(texts)), -1);
  EXPECT_EQ(errno, EPROTO);
  session_->end();
}

TEST_F(TlsTest, AClientThatIsGoneIsAnEnd) {
  start();
  ASSERT_TRUE(connect());
  EXPECT_EQ(client_->read(), "");  // tickets; with bytes unread the socket would be reset
  client_socket_.reset();
  char room[100];
  EXPECT_EQ(session_->receive(room, sizeof room), 0);
  std::vector<std::string> texts = {"a"};
  EXPECT_EQ(session_->send(pieces(texts)), -1);  // and no signal
}

TEST_F(TlsTest, KnowsPlainHttpFromNoise) {
  start();
  const auto first = [&](const std::string& bytes) {
    int pair[2];
    SLIPWAY_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    const Fd client(pair[0]);
    const Fd server(pair[1]);
    const auto session = keeper_->accept(server.get());
    EXPECT_EQ(session->handshake(), TlsSession::Step::kWantsRead);
    ::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return session->handshake();
  };
  EXPECT_EQ(first("GET / HTTP/1.1\r\n\r\n"), TlsSession::Step::kPlainHttp);
  EXPECT_EQ(first("POST / HTTP/1.1\r\n\r\n"), TlsSession::Step::kPlainHttp);
  EXPECT_EQ(first(std::string(64, '\0')), TlsSession::Step::kFailed);
  EXPECT_EQ(first("\x16\x03\x01\x02"), TlsSession::Step::kWantsRead);
}

TEST_F(TlsTest, TellsWhoTheClientIs) {
  options_.client_ca = path("ca.pem");
  start();
  const TestIdentity alice = make_identity(
      "alice", "DNS:a.example,URI:spiffe://example/alice,email:alice@example.com,IP:10.0.0.1,IP:::1",
      &authority_);
  for (const int version : {kTls12, kTls13}) {
    ASSERT_TRUE(connect({.min_version = version, .max_version = version, .identity = &alice}));
    const auto peer = session_->peer();
    ASSERT_NE(peer, nullptr);
    EXPECT_EQ(peer->subject, "CN=alice,O=Example\\, Ltd");
    EXPECT_THAT(peer->names, ElementsAre("DNS:a.example", "URI:spiffe://example/alice",
                                         "email:alice@example.com", "IP:10.0.0.1", "IP:::1"));
  }
  ASSERT_TRUE(connect());
  EXPECT_EQ(session_->peer(), nullptr);
}

TEST_F(TlsTest, SendsAwayWhomNobodyVouchesFor) {
  const TestIdentity other = make_identity("other", "", nullptr);
  const TestIdentity eve = make_identity("eve", "", &other);
  const TestIdentity alice = make_identity("alice", "", &authority_);
  options_.client_ca = path("ca.pem");
  start();
  EXPECT_FALSE(connect({.identity = &eve}));
  options_.require_client = true;
  start();
  EXPECT_FALSE(connect({.identity = &eve}));
  EXPECT_FALSE(connect());
  EXPECT_TRUE(connect({.identity = &alice}));
}

TEST_F(TlsTest, FilesThatCannotServeAreRefused) {
  EXPECT_EQ(refused(), "none");
  const TestIdentity other = make_identity("other", "", nullptr);
  write("server.key", other.key);
  EXPECT_EQ(refused(), "tls.key");
  write("server.key", server_.locked_key);
  EXPECT_EQ(refused(), "tls.key");
  write("server.key", "");
  EXPECT_EQ(refused(), "tls.key");
  write("server.key", server_.key);
  const std::string good = server_.certificate;
  for (const std::string& bad : {std::string(), std::string("junk"), good.substr(0, good.size() / 2),
                                 good + good.substr(0, good.size() / 2) + good, server_.key}) {
    write("server.pem", bad);
    EXPECT_EQ(refused(), "tls.certificate") << bad;
  }
  write("server.pem", good);
  options_.client_ca = path("server.key");
  EXPECT_EQ(refused(), "tls.client_ca");
  options_.client_ca = path("absent.pem");
  EXPECT_EQ(refused(), "io.not_found");
}

TEST_F(TlsTest, RenewedFilesAreForNewConnections) {
  start();
  ASSERT_TRUE(connect());
  const long before = client_->server_serial();
  const auto old = std::move(session_);
  const auto old_client = std::move(client_);
  const Fd old_socket = std::move(server_socket_);
  const Fd old_client_socket = std::move(client_socket_);

  const TestIdentity next = make_identity("server", "DNS:localhost", &authority_);
  write("server.pem", next.certificate);
  ASSERT_TRUE(connect());  // looked at a moment ago
  EXPECT_EQ(client_->server_serial(), before);
  clock_.advance(1s);
  ASSERT_TRUE(connect());  // the key does not fit yet
  EXPECT_EQ(client_->server_serial(), before);
  write("server.key", next.key);
  clock_.advance(1s);
  ASSERT_TRUE(connect());
  EXPECT_NE(client_->server_serial(), before);

  ASSERT_TRUE(old_client->write("hi"));
  char room[10];
  EXPECT_EQ(old->receive(room, sizeof room), 2);
}

}  // namespace
}  // namespace slipway::net
