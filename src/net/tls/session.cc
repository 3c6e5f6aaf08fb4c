#include "net/tls/session.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "net/tls/openssl_internal.h"

namespace slipway::net {
namespace {

constexpr std::size_t kRecordBytes = std::size_t{16} << 10U;  // the most that one record of TLS holds
constexpr int kMaxNames = 64;

// The socket, as OpenSSL sees it. Its own would raise SIGPIPE.
int socket_of(BIO* bio) { return static_cast<int>(reinterpret_cast<std::intptr_t>(::BIO_get_data(bio))); }

int bio_write(BIO* bio, const char* bytes, int size) {
  ::BIO_clear_retry_flags(bio);
  const ssize_t sent = ::send(socket_of(bio), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int bio_read(BIO* bio, char* to, int room) {
  ::BIO_clear_retry_flags(bio);
  const ssize_t got = ::recv(socket_of(bio), to, static_cast<std::size_t>(room), 0);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(got);
}

long bio_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

int bio_create(BIO* bio) {
  ::BIO_set_init(bio, 1);
  return 1;
}

// Made once and kept, as OpenSSL keeps its own.
const BIO_METHOD* socket_method() {
  static const BIO_METHOD* const kMethod = [] {
    BIO_METHOD* method = ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "slipway socket");
    if (method == nullptr) return method;
    ::BIO_meth_set_write(method, bio_write);
    ::BIO_meth_set_read(method, bio_read);
    ::BIO_meth_set_ctrl(method, bio_control);
    ::BIO_meth_set_create(method, bio_create);
    return method;
  }();
  return kMethod;
}

std::string text_of(const X509_NAME& name) {
  const Bio text(::BIO_new(::BIO_s_mem()));
  if (text == nullptr) return {};
  ::X509_NAME_print_ex(text.get(), &name, 0,
                       XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : std::string();
}

// A name with control characters could pass for another one where it is shown or compared.
void add_name(std::string_view kind, std::string_view name, std::vector<std::string>& names) {
  const bool odd = std::any_of(name.begin(), name.end(),
                               [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (!odd && !name.empty()) names.push_back(std::string(kind).append(name));
}

std::string_view view_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(::ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(::ASN1_STRING_length(text))};
}

std::vector<std::string> names_of(X509& certificate) {
  std::vector<std::string> names;
  auto* all =
      static_cast<GENERAL_NAMES*>(::X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr));
  const std::unique_ptr<GENERAL_NAMES, OpenSslFree<GENERAL_NAMES_free>> owner(all);
  for (int i = 0; all != nullptr && i < std::min(sk_GENERAL_NAME_num(all), kMaxNames); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all, i);
    if (name->type == GEN_DNS) add_name("DNS:", view_of(name->d.dNSName), names);
    if (name->type == GEN_URI) add_name("URI:", view_of(name->d.uniformResourceIdentifier), names);
    if (name->type == GEN_EMAIL) add_name("email:", view_of(name->d.rfc822Name), names);
    if (name->type == GEN_IPADD) {
      const std::string_view bytes = view_of(name->d.iPAddress);
      std::array<char, INET6_ADDRSTRLEN> text{};
      const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
      if ((bytes.size() == 4 || bytes.size() == 16) &&
          ::inet_ntop(family, bytes.data(), text.data(), text.size()) != nullptr) {
        add_name("IP:", text.data(), names);
      }
    }
  }
  return names;
}

// Whom a client wants, so that the server can choose its certificate and the client check it. An address is
// checked, and not sent. Source: RFC 6066 section 3.
bool name_server(SSL& ssl, const std::string& host) {
  X509_VERIFY_PARAM* const rules = ::SSL_get0_param(&ssl);
  // The subject names no host. Source: RFC 9525 section 2.
  ::X509_VERIFY_PARAM_set_hostflags(
      rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  if (::X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) == 1) return true;
  ::ERR_clear_error();
  return ::X509_VERIFY_PARAM_set1_host(rules, host.data(), host.size()) == 1 &&
         SSL_set_tlsext_host_name(&ssl, host.c_str()) == 1;
}

class OpenSslSession final : public TlsSession {
 public:
  OpenSslSession(Ssl ssl, std::unique_ptr<TlsPeer> server)
      : ssl_(std::move(ssl)), server_(std::move(server)) {
    if (server_ != nullptr) SSL_set_app_data(ssl_.get(), server_.get());
  }

  Step handshake() override {
    ::ERR_clear_error();
    const int result = ::SSL_do_handshake(ssl_.get());
    if (result == 1) return Step::kDone;
    switch (::SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return Step::kWantsRead;
      case SSL_ERROR_WANT_WRITE:
        return Step::kWantsWrite;
      default:
        break;
    }
    fail();
    return ERR_GET_REASON(reason_) == SSL_R_HTTP_REQUEST ? Step::kPlainHttp : Step::kFailed;
  }

  [[nodiscard]] bool speaks_http2() const override {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    ::SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return std::string_view(reinterpret_cast<const char*>(name), size) == "h2";
  }

  [[nodiscard]] std::shared_ptr<const dialect::PeerIdentity> peer() const override {
    const Certificate certificate(::SSL_get1_peer_certificate(ssl_.get()));
    if (certificate == nullptr) return nullptr;
    return std::make_shared<const dialect::PeerIdentity>(dialect::PeerIdentity{
        .subject = text_of(*::X509_get_subject_name(certificate.get())), .names = names_of(*certificate)});
  }

  ssize_t receive(void* to, std::size_t room) override {
    std::size_t got = 0;
    while (got < room && !failed_) {
      ::ERR_clear_error();
      const int most = static_cast<int>(std::min<std::size_t>(room - got, INT_MAX));
      const int result = ::SSL_read(ssl_.get(), static_cast<char*>(to) + got, most);
      if (result <= 0) return got > 0 ? static_cast<ssize_t>(got) : no_bytes(result, SSL_ERROR_WANT_READ);
      got += static_cast<std::size_t>(result);
      // The rest of the record is here; for the next one the socket would have to be asked.
      if (::SSL_pending(ssl_.get()) == 0) break;
    }
    if (got > 0) return static_cast<ssize_t>(got);
    errno = EPROTO;
    return -1;
  }

  ssize_t send(std::span<const iovec> pieces) override {
    if (failed_ || pieces.empty()) {
      errno = EPROTO;
      return -1;
    }
    // A record for each small piece would cost more than copying them into one.
    thread_local std::array<char, kRecordBytes> record;
    const char* bytes = static_cast<const char*>(pieces[0].iov_base);
    std::size_t size = pieces[0].iov_len;
    if (size < kRecordBytes && pieces.size() > 1) {
      size = 0;
      for (const iovec& piece : pieces) {
        const std::size_t part = std::min(piece.iov_len, record.size() - size);
        std::memcpy(record.data() + size, piece.iov_base, part);
        size += part;
        if (size == record.size()) break;
      }
      bytes = record.data();
    }
    ::ERR_clear_error();
    const int result = ::SSL_write(ssl_.get(), bytes, static_cast<int>(std::min<std::size_t>(size, INT_MAX)));
    return result > 0 ? result : no_bytes(result, SSL_ERROR_WANT_WRITE);
  }

  [[nodiscard]] bool pending() const override { return !failed_ && ::SSL_pending(ssl_.get()) > 0; }

  [[nodiscard]] Error failure() const override {
    return server_ != nullptr
               ? tls_client_error(*server_, reason_)
               : unavailable("tls.failed", std::string("TLS with a client failed: ") + reason_text(reason_));
  }

  void end() override {
    if (failed_ || std::exchange(ended_, true)) return;
    ::ERR_clear_error();
    (void)::SSL_shutdown(ssl_.get());
    ::ERR_clear_error();
  }

 private:
  void fail() {
    failed_ = true;
    reason_ = ::ERR_peek_error();
    ::ERR_clear_error();
  }
  static const char* reason_text(unsigned long reason) {
    const char* text = ::ERR_reason_error_string(reason);
    return text == nullptr ? "the connection ended" : text;
  }

  // What recv() or send() would have said. What must wait for the other direction (a client's new keys while
  // it takes nothing) is not waited for: the socket would call again and again.
  ssize_t no_bytes(int result, int awaited) {
    const int error = ::SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_ZERO_RETURN && awaited == SSL_ERROR_WANT_READ) return 0;
    if (error != awaited) fail();
    ::ERR_clear_error();
    errno = failed_ ? EPROTO : EAGAIN;
    return -1;
  }

  Ssl ssl_;
  std::unique_ptr<TlsPeer> server_;  ///< null: the other end is a client
  unsigned long reason_ = 0;         ///< OpenSSL's, of the failure
  bool failed_ = false;
  bool ended_ = false;
};

}  // namespace

std::string tls_name_text(const X509_NAME& name) { return text_of(name); }

std::vector<std::string> tls_names_of(X509& certificate) { return names_of(certificate); }

std::unique_ptr<TlsSession> make_tls_session(SSL_CTX& context, int fd, std::unique_ptr<TlsPeer> peer) {
  Ssl ssl(::SSL_new(&context));
  if (ssl == nullptr || socket_method() == nullptr) return nullptr;
  BIO* bio = ::BIO_new(socket_method());
  if (bio == nullptr) return nullptr;
  ::BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
  ::SSL_set_bio(ssl.get(), bio, bio);
  if (peer == nullptr) {
    ::SSL_set_accept_state(ssl.get());
  } else {
    ::SSL_set_connect_state(ssl.get());
    if (!name_server(*ssl, peer->host)) return nullptr;
  }
  return std::make_unique<OpenSslSession>(std::move(ssl), std::move(peer));
}

}  // namespace slipway::net
