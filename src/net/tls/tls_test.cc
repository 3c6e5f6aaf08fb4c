// The server's side of TLS against OpenSSL's own client, over a pair of sockets that do not block.
#include <openssl/pem.h>
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
#include "net/tls/openssl_internal.h"

namespace slipway::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

struct Identity {
  Certificate certificate;
  PrivateKey key;
};

// Signed by `authority`, or by itself where that is null.
Identity make_identity(const char* name, const std::string& alternatives, const Identity* authority) {
  static long serial = 1;
  Identity out{Certificate(::X509_new()), PrivateKey(EVP_EC_gen("P-256"))};
  X509* made = out.certificate.get();
  ::X509_set_version(made, 2);
  ::ASN1_INTEGER_set(::X509_get_serialNumber(made), serial++);
  ::X509_gmtime_adj(X509_getm_notBefore(made), -3600);
  ::X509_gmtime_adj(X509_getm_notAfter(made), 3600);
  ::X509_NAME_add_entry_by_txt(::X509_get_subject_name(made), "O", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("Example, Ltd"), -1, -1, 0);
  ::X509_NAME_add_entry_by_txt(::X509_get_subject_name(made), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  const Identity& signer = authority == nullptr ? out : *authority;
  ::X509_set_issuer_name(made, ::X509_get_subject_name(signer.certificate.get()));
  ::X509_set_pubkey(made, out.key.get());
  const auto extend = [&](int nid, const char* value) {
    X509_EXTENSION* extension = ::X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    SLIPWAY_CHECK(extension != nullptr && ::X509_add_ext(made, extension, -1) == 1);
    ::X509_EXTENSION_free(extension);
  };
  if (authority == nullptr) extend(NID_basic_constraints, "critical,CA:TRUE");
  if (!alternatives.empty()) extend(NID_subject_alt_name, alternatives.c_str());
  SLIPWAY_CHECK(::X509_sign(made, signer.key.get(), ::EVP_sha256()) > 0);
  return out;
}

template <typename Write>
std::string pem(Write write) {
  const Bio bio(::BIO_new(::BIO_s_mem()));
  SLIPWAY_CHECK(write(bio.get()) == 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}
std::string certificate_pem(const Identity& identity) {
  return pem([&](BIO* bio) { return ::PEM_write_bio_X509(bio, identity.certificate.get()); });
}
std::string key_pem(const Identity& identity, const char* password = nullptr) {
  return pem([&](BIO* bio) {
    return ::PEM_write_bio_PrivateKey(
        bio, identity.key.get(), password == nullptr ? nullptr : ::EVP_aes_128_cbc(),
        reinterpret_cast<const unsigned char*>(password), password == nullptr ? 0 : 4, nullptr, nullptr);
  });
}

struct ClientOptions {
  int min_version = TLS1_2_VERSION;
  int max_version = TLS1_3_VERSION;
  std::string protocols = {};  ///< of ALPN, as on the wire
  const Identity* identity = nullptr;
};

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() {
    options_ = {.certificate = path("server.pem"), .key = path("server.key")};
    write("server.pem", certificate_pem(server_));
    write("server.key", key_pem(server_));
    write("ca.pem", certificate_pem(authority_));
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
  bool connect(const ClientOptions& options = {}) {
    int pair[2];
    SLIPWAY_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    client_socket_ = Fd(pair[0]);
    server_socket_ = Fd(pair[1]);
    session_ = keeper_->accept(server_socket_.get());
    client_context_ = SslContext(::SSL_CTX_new(::TLS_client_method()));
    SSL_CTX* context = client_context_.get();
    ::SSL_CTX_set_security_level(context, 0);
    ::SSL_CTX_set_min_proto_version(context, options.min_version);
    ::SSL_CTX_set_max_proto_version(context, options.max_version);
    ::X509_STORE_add_cert(::SSL_CTX_get_cert_store(context), authority_.certificate.get());
    ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    if (options.identity != nullptr) {
      ::SSL_CTX_use_certificate(context, options.identity->certificate.get());
      ::SSL_CTX_use_PrivateKey(context, options.identity->key.get());
    }
    client_ = Ssl(::SSL_new(context));
    if (!options.protocols.empty()) {
      ::SSL_set_alpn_protos(client_.get(), reinterpret_cast<const unsigned char*>(options.protocols.data()),
                            static_cast<unsigned>(options.protocols.size()));
    }
    ::SSL_set_fd(client_.get(), client_socket_.get());
    ::SSL_set_connect_state(client_.get());
    bool client_done = false;
    TlsSession::Step step = TlsSession::Step::kWantsRead;
    for (int i = 0; i < 20; ++i) {
      client_done = ::SSL_do_handshake(client_.get()) == 1;
      if (step != TlsSession::Step::kDone) step = session_->handshake();
      if (step == TlsSession::Step::kFailed) return false;
      if (client_done && step == TlsSession::Step::kDone) return true;
    }
    return false;
  }
  std::string client_reads() {
    std::string all;
    char bytes[5000];
    for (int got = 0; (got = ::SSL_read(client_.get(), bytes, sizeof bytes)) > 0;)
      all.append(bytes, static_cast<std::size_t>(got));
    return all;
  }
  [[nodiscard]] long server_serial() const {
    const Certificate shown(::SSL_get1_peer_certificate(client_.get()));
    return ::ASN1_INTEGER_get(::X509_get0_serialNumber(shown.get()));
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
  const Identity authority_ = make_identity("authority", "", nullptr);
  const Identity server_ = make_identity("server", "DNS:localhost", &authority_);
  TlsOptions options_;
  std::unique_ptr<TlsKeeper> keeper_;
  Fd client_socket_, server_socket_;
  std::unique_ptr<TlsSession> session_;
  SslContext client_context_;
  Ssl client_;
};

TEST_F(TlsTest, ShakesHandsFromVersionOneTwoOn) {
  start();
  EXPECT_TRUE(connect({.max_version = TLS1_2_VERSION}));
  EXPECT_TRUE(connect({.min_version = TLS1_3_VERSION}));
  EXPECT_FALSE(connect({.min_version = TLS1_VERSION, .max_version = TLS1_1_VERSION}));
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
  ASSERT_EQ(::SSL_write(client_.get(), "0123456789", 10), 10);
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
  EXPECT_EQ(client_reads(), ("head " + texts[1]).substr(0, 16384));

  session_->end();
  EXPECT_EQ(client_reads(), "");
  EXPECT_EQ(::SSL_get_shutdown(client_.get()), SSL_RECEIVED_SHUTDOWN);
  ::SSL_shutdown(client_.get());
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
      got += client_reads();
    } else {
      at += static_cast<std::size_t>(sent);
    }
  }
  got += client_reads();
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
  EXPECT_EQ(client_reads(), "");  // tickets; with bytes unread the socket would be reset
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
  const Identity alice = make_identity(
      "alice", "DNS:a.example,URI:spiffe://example/alice,email:alice@example.com,IP:10.0.0.1,IP:::1",
      &authority_);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
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
  const Identity other = make_identity("other", "", nullptr);
  const Identity eve = make_identity("eve", "", &other);
  const Identity alice = make_identity("alice", "", &authority_);
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
  const Identity other = make_identity("other", "", nullptr);
  write("server.key", key_pem(other));
  EXPECT_EQ(refused(), "tls.key");
  write("server.key", key_pem(server_, "pass"));
  EXPECT_EQ(refused(), "tls.key");
  write("server.key", "");
  EXPECT_EQ(refused(), "tls.key");
  write("server.key", key_pem(server_));
  const std::string good = certificate_pem(server_);
  for (const std::string& bad : {std::string(), std::string("junk"), good.substr(0, good.size() / 2),
                                 good + good.substr(0, good.size() / 2) + good, key_pem(server_)}) {
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
  const long before = server_serial();
  const auto old = std::move(session_);
  const Ssl old_client = std::move(client_);
  const Fd old_socket = std::move(server_socket_);
  const Fd old_client_socket = std::move(client_socket_);

  const Identity next = make_identity("server", "DNS:localhost", &authority_);
  write("server.pem", certificate_pem(next));
  ASSERT_TRUE(connect());  // looked at a moment ago
  EXPECT_EQ(server_serial(), before);
  clock_.advance(1s);
  ASSERT_TRUE(connect());  // the key does not fit yet
  EXPECT_EQ(server_serial(), before);
  write("server.key", key_pem(next));
  clock_.advance(1s);
  ASSERT_TRUE(connect());
  EXPECT_NE(server_serial(), before);

  ASSERT_EQ(::SSL_write(old_client.get(), "hi", 2), 2);
  char room[10];
  EXPECT_EQ(old->receive(room, sizeof room), 2);
}

}  // namespace
}  // namespace slipway::net
