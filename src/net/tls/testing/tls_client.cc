#include "net/tls/testing/tls_client.h"

#include <openssl/pem.h>

#include <atomic>

#include "base/check.h"
#include "net/tls/openssl_internal.h"

namespace slipway::net::testing {
namespace {

const unsigned char* bytes_of(const char* text) { return reinterpret_cast<const unsigned char*>(text); }

template <typename Write>
std::string pem(Write write) {
  const Bio bio(::BIO_new(::BIO_s_mem()));
  SLIPWAY_CHECK(write(bio.get()) == 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

Bio reader_of(const std::string& text) {
  return Bio(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}
Certificate certificate_of(const TestIdentity& identity) {
  return Certificate(::PEM_read_bio_X509(reader_of(identity.certificate).get(), nullptr, nullptr, nullptr));
}
PrivateKey key_of(const TestIdentity& identity) {
  return PrivateKey(::PEM_read_bio_PrivateKey(reader_of(identity.key).get(), nullptr, nullptr, nullptr));
}

void extend(X509& certificate, int nid, const char* value) {
  X509_EXTENSION* extension = ::X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
  SLIPWAY_CHECK(extension != nullptr && ::X509_add_ext(&certificate, extension, -1) == 1);
  ::X509_EXTENSION_free(extension);
}

}  // namespace

TestIdentity make_identity(const std::string& name, const std::string& alternatives,
                           const TestIdentity* authority, long until_s) {
  static std::atomic<long> serial = 1;
  const Certificate made(::X509_new());
  const PrivateKey key(EVP_EC_gen("P-256"));
  X509* const out = made.get();
  ::X509_set_version(out, 2);
  ::ASN1_INTEGER_set(::X509_get_serialNumber(out), serial++);
  ::X509_gmtime_adj(X509_getm_notBefore(out), -7200);
  ::X509_gmtime_adj(X509_getm_notAfter(out), until_s);
  X509_NAME* const subject = ::X509_get_subject_name(out);
  ::X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC, bytes_of("Example, Ltd"), -1, -1, 0);
  ::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, bytes_of(name.c_str()), -1, -1, 0);
  const Certificate issuer = authority == nullptr ? nullptr : certificate_of(*authority);
  const PrivateKey signer = authority == nullptr ? nullptr : key_of(*authority);
  ::X509_set_issuer_name(out, issuer == nullptr ? subject : ::X509_get_subject_name(issuer.get()));
  ::X509_set_pubkey(out, key.get());
  if (authority == nullptr) extend(*out, NID_basic_constraints, "critical,CA:TRUE");
  if (!alternatives.empty()) extend(*out, NID_subject_alt_name, alternatives.c_str());
  SLIPWAY_CHECK(::X509_sign(out, signer == nullptr ? key.get() : signer.get(), ::EVP_sha256()) > 0);
  const auto write_key = [&](const EVP_CIPHER* cipher, const char* password, int size) {
    return pem([&](BIO* bio) {
      return ::PEM_write_bio_PrivateKey(bio, key.get(), cipher, bytes_of(password), size, nullptr, nullptr);
    });
  };
  return {.certificate = pem([&](BIO* bio) { return ::PEM_write_bio_X509(bio, out); }),
          .key = write_key(nullptr, nullptr, 0),
          .locked_key = write_key(::EVP_aes_128_cbc(), "pass", 4)};
}

struct TlsClient::Parts {
  SslContext context{::SSL_CTX_new(::TLS_client_method())};
  Ssl ssl;
};

TlsClient::TlsClient(int fd, const TestIdentity& authority, const TlsClientOptions& options)
    : parts_(std::make_unique<Parts>()) {
  SSL_CTX* const context = parts_->context.get();
  ::SSL_CTX_set_security_level(context, 0);
  ::SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  ::SSL_CTX_set_min_proto_version(context, options.min_version);
  ::SSL_CTX_set_max_proto_version(context, options.max_version);
  ::X509_STORE_add_cert(::SSL_CTX_get_cert_store(context), certificate_of(authority).get());
  ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (options.identity != nullptr) {
    ::SSL_CTX_use_certificate(context, certificate_of(*options.identity).get());
    ::SSL_CTX_use_PrivateKey(context, key_of(*options.identity).get());
  }
  parts_->ssl = Ssl(::SSL_new(context));
  SSL* const ssl = parts_->ssl.get();
  if (!options.protocols.empty()) {
    ::SSL_set_alpn_protos(ssl, bytes_of(options.protocols.data()),
                          static_cast<unsigned>(options.protocols.size()));
  }
  ::SSL_set_fd(ssl, fd);
  ::SSL_set_connect_state(ssl);
}

TlsClient::~TlsClient() = default;

bool TlsClient::handshake() { return ::SSL_do_handshake(parts_->ssl.get()) == 1; }

bool TlsClient::write(const std::string& bytes) {
  return ::SSL_write(parts_->ssl.get(), bytes.data(), static_cast<int>(bytes.size())) ==
         static_cast<int>(bytes.size());
}

std::string TlsClient::read() {
  std::string all;
  char bytes[5000];
  for (int got = 0; (got = ::SSL_read(parts_->ssl.get(), bytes, sizeof bytes)) > 0;)
    all.append(bytes, static_cast<std::size_t>(got));
  return all;
}

void TlsClient::end() { ::SSL_shutdown(parts_->ssl.get()); }

bool TlsClient::heard_the_end() const {
  return (::SSL_get_shutdown(parts_->ssl.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

long TlsClient::server_serial() const {
  const Certificate shown(::SSL_get1_peer_certificate(parts_->ssl.get()));
  return ::ASN1_INTEGER_get(::X509_get0_serialNumber(shown.get()));
}

}  // namespace slipway::net::testing
