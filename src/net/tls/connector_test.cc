// Our client's end against our server's; other libraries are asked in the end-to-end tests.
#include "net/tls/connector.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

#include "io/file_helpers.h"
#include "io/testing/temp_dir.h"
#include "net/loop/fd.h"
#include "net/tls/keeper.h"
#include "net/tls/testing/tls_client.h"

namespace slipway::net {
namespace {

using ::testing::HasSubstr;
using testing::make_identity;
using testing::TestIdentity;

class ConnectorTest : public ::testing::Test {
 protected:
  ConnectorTest() { write("ca.pem", authority_.certificate); }

  void write(const std::string& name, const std::string& text) {
    SLIPWAY_CHECK(io::replace_file(*files_, dir_ / name, as_bytes(text)).ok());
  }
  std::string file(const std::string& name, const std::string& text) {
    write(name, text);
    return dir_ / name;
  }
  // Both ends, as far as the handshake and one byte of the server's come. The client's error, or none.
  Status meet(const TestIdentity& server, const std::string& host, const TlsTrust& trust,
              bool require_client = false, bool http2 = false) {
    TlsOptions options{.certificate = file("server.pem", server.certificate),
                       .key = file("server.key", server.key),
                       .client_ca = require_client ? dir_ / "ca.pem" : "",
                       .require_client = require_client};
    const auto keeper = TlsKeeper::create(options, *files_, clock_, logger_);
    SLIPWAY_TRY(keeper.status());
    SLIPWAY_ASSIGN_OR_RETURN(const auto connector, TlsConnector::create(trust, *files_));
    std::array<int, 2> ends{};
    SLIPWAY_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
    const Fd client_socket(ends[0]);
    const Fd server_socket(ends[1]);
    const auto client = connector->connect(client_socket.get(), host, http2);
    const auto other = (*keeper)->accept(server_socket.get());
    TlsSession::Step mine = TlsSession::Step::kWantsRead;
    TlsSession::Step theirs = mine;
    char byte = 'x';
    for (int i = 0; i < 20; ++i) {
      if (mine != TlsSession::Step::kDone) mine = client->handshake();
      if (theirs != TlsSession::Step::kDone && theirs != TlsSession::Step::kFailed)
        theirs = other->handshake();
      if (mine == TlsSession::Step::kFailed) return client->failure();
      if (theirs == TlsSession::Step::kDone) {
        iovec piece{&byte, 1};
        SLIPWAY_CHECK(other->send({&piece, 1}) == 1);
      }
      if (mine != TlsSession::Step::kDone) continue;
      const ssize_t got = client->receive(&byte, 1);
      if (got < 0 && errno == EPROTO) return client->failure();
      if (got != 1) continue;
      EXPECT_EQ(client->speaks_http2(), http2);
      return {};
    }
    return internal_error("test.stuck", "neither end goes on");
  }
  std::string id_of(const Status& status) { return status.ok() ? "" : status.error().id(); }

  const io::testing::TempDir dir_;
  const std::unique_ptr<io::FileSystem> files_ = io::make_os_filesystem();
  ManualClock clock_;
  NullLogger logger_;
  const TestIdentity authority_ = make_identity("authority", "", nullptr);
  const TestIdentity stranger_ = make_identity("stranger", "", nullptr);
  const TestIdentity server_ = make_identity("server", "DNS:localhost,IP:127.0.0.1,IP:::1", &authority_);
  const TestIdentity client_ = make_identity("client", "", &authority_);
};

TEST_F(ConnectorTest, TakesASoundServerByEachOfItsNames) {
  const TlsTrust trust{.ca = dir_ / "ca.pem"};
  for (const char* host : {"localhost", "127.0.0.1", "::1"}) {
    for (const bool http2 : {false, true}) {
      const Status met = meet(server_, host, trust, false, http2);
      EXPECT_TRUE(met.ok()) << host << met.to_string();
    }
  }
  // A server's own certificate may be trusted by itself, whoever has signed it.
  EXPECT_TRUE(meet(server_, "localhost", {.ca = file("one.pem", server_.certificate)}).ok());
}

TEST_F(ConnectorTest, SaysWhatIsWrongWithAServerAndHowToMendIt) {
  const TestIdentity expired = make_identity("old", "DNS:localhost", &authority_, -60);
  const TestIdentity own = make_identity("own", "DNS:localhost", nullptr);
  const TestIdentity nameless = make_identity("localhost", "", &authority_);
  const TlsTrust trust{.ca = dir_ / "ca.pem"};
  struct Row {
    const TestIdentity* server;
    std::string host;
    TlsTrust trust;
    std::string id, says;
  };
  const std::vector<Row> rows = {
      {&expired, "localhost", trust, "tls.server_expired", "has expired on "},
      {&server_, "example.org", trust, "tls.server_name",
       "is for localhost, 127.0.0.1 and ::1, not for example.org"},
      {&server_, "127.0.0.2", trust, "tls.server_name", "not for 127.0.0.2"},
      {&server_,
       "host",
       {.ca = file("other.pem", stranger_.certificate)},
       "tls.server_unknown",
       "CN=authority"},
      {&own, "localhost", trust, "tls.server_unknown", "CN=own"},
      {&server_, "localhost", {}, "tls.server_unknown", "--ca FILE"},
      // The subject alone names no host. Source: RFC 9525 section 2.
      {&nameless, "localhost", trust, "tls.server_name", "no host at all"},
  };
  for (const Row& row : rows) {
    const Status met = meet(*row.server, row.host, row.trust);
    ASSERT_FALSE(met.ok()) << row.id << row.host;
    EXPECT_EQ(met.error().id(), row.id) << met.to_string();
    EXPECT_THAT(met.error().message(), HasSubstr(row.says));
  }
}

TEST_F(ConnectorTest, ShowsItsCertificateWhereItIsAskedFor) {
  const std::string ca = dir_ / "ca.pem";
  const std::string certificate = file("client.pem", client_.certificate);
  const std::string key = file("client.key", client_.key);
  EXPECT_TRUE(meet(server_, "localhost", {ca, certificate, key}, true).ok());
  EXPECT_TRUE(meet(server_, "localhost", {ca, certificate, key}, false).ok());
  const std::string both = file("both.pem", client_.certificate + client_.key);
  EXPECT_TRUE(meet(server_, "localhost", {.ca = ca, .certificate = both}, true).ok());

  const Status none = meet(server_, "localhost", {.ca = ca}, true);
  EXPECT_EQ(id_of(none), "tls.client_certificate_wanted") << none.to_string();
  EXPECT_THAT(none.to_string(), HasSubstr("--cert FILE"));
  const TlsTrust strange{ca, file("s.pem", stranger_.certificate), file("s.key", stranger_.key)};
  const Status refused = meet(server_, "localhost", strange, true);
  EXPECT_EQ(id_of(refused), "tls.client_certificate_refused") << refused.to_string();
}

TEST_F(ConnectorTest, RefusesFilesThatCannotBeUsed) {
  const std::string ca = dir_ / "ca.pem";
  const std::string certificate = file("client.pem", client_.certificate);
  const std::string other_key = file("other.key", server_.key);
  EXPECT_EQ(id_of(meet(server_, "localhost", {.ca = dir_ / "none.pem"})), "io.not_found");
  EXPECT_EQ(id_of(meet(server_, "localhost", {.ca = other_key})), "tls.ca");
  EXPECT_EQ(id_of(meet(server_, "localhost", {ca, other_key, other_key})), "tls.certificate");
  EXPECT_EQ(id_of(meet(server_, "localhost", {ca, certificate, other_key})), "tls.key");
  EXPECT_EQ(id_of(meet(server_, "localhost", {.ca = ca, .certificate = certificate})), "tls.key");
  EXPECT_EQ(id_of(meet(server_, "localhost", {.ca = ca, .key = other_key})), "tls.key");
  EXPECT_EQ(id_of(meet(server_, "localhost", {ca, certificate, file("l.key", client_.locked_key)})),
            "tls.key");
}

TEST_F(ConnectorTest, SaysWhenTheServerSpeaksNoTls) {
  const auto connector = TlsConnector::create({.ca = dir_ / "ca.pem"}, *files_).value();
  for (const std::string answer : {"HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", ""}) {
    std::array<int, 2> ends{};
    SLIPWAY_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
    const Fd mine(ends[0]);
    Fd theirs(ends[1]);
    const auto session = connector->connect(mine.get(), "localhost", false);
    EXPECT_EQ(session->handshake(), TlsSession::Step::kWantsRead);
    ASSERT_EQ(::send(theirs.get(), answer.data(), answer.size(), 0), static_cast<ssize_t>(answer.size()));
    theirs.reset();
    EXPECT_EQ(session->handshake(), TlsSession::Step::kFailed);
    EXPECT_EQ(session->failure().id(), answer.empty() ? "tls.failed" : "tls.not_tls") << answer;
  }
}

}  // namespace
}  // namespace slipway::net
