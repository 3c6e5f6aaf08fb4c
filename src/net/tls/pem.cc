// Certificates and keys from files in PEM, and the rules that both ends of a connection keep.
#include <openssl/pem.h>

#include <string>
#include <string_view>
#include <vector>

#include "io/file_helpers.h"
#include "net/tls/openssl_internal.h"

namespace slipway::net {
namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 20U;
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";  // of TLS 1.2; those of 1.3 are all sound

Bio reader_of(const std::string& text) {
  return Bio(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// A key with a password would have OpenSSL ask for it on the terminal.
int no_password(char*, int, int, void*) { return -1; }

}  // namespace

Status set_tls_rules(SSL_CTX& context) {
  ::SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION);
  ::SSL_CTX_set_options(&context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  ::SSL_CTX_set_mode(&context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                   SSL_MODE_RELEASE_BUFFERS);
  if (::SSL_CTX_set_cipher_list(&context, kCiphers) == 1) return {};
  return internal_error("tls.library", "OpenSSL has none of the ciphers: " + openssl_reason());
}

Error wrong_tls_file(std::string_view id, const std::string& file, std::string_view what) {
  return invalid_argument(id, file + " " + std::string(what) + ": " + openssl_reason());
}

Result<std::vector<Certificate>> read_tls_certificates(io::FileSystem& files, const std::string& file,
                                                       std::string_view id) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::string text, io::read_all(files, file, kMaxFileBytes));
  ::ERR_clear_error();
  const Bio bio = reader_of(text);
  std::vector<Certificate> all;
  while (bio != nullptr) {
    Certificate one(::PEM_read_bio_X509_AUX(bio.get(), nullptr, no_password, nullptr));
    if (one == nullptr) break;
    all.push_back(std::move(one));
  }
  const bool ended = ERR_GET_REASON(::ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (all.empty() || !ended) return wrong_tls_file(id, file, "is no certificate in PEM, or a damaged one");
  ::ERR_clear_error();
  return all;
}

Status use_tls_certificate(SSL_CTX& context, io::FileSystem& files, const std::string& file) {
  constexpr std::string_view kId = "tls.certificate";
  SLIPWAY_ASSIGN_OR_RETURN(auto chain, read_tls_certificates(files, file, kId));
  if (::SSL_CTX_use_certificate(&context, chain.front().get()) != 1) {
    return wrong_tls_file(kId, file, "cannot be used");
  }
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(&context, chain[i].get()) != 1)
      return wrong_tls_file(kId, file, "cannot be used");
  }
  return {};
}

Status use_tls_key(SSL_CTX& context, io::FileSystem& files, const std::string& file) {
  constexpr std::string_view kId = "tls.key";
  SLIPWAY_ASSIGN_OR_RETURN(std::string text, io::read_all(files, file, kMaxFileBytes));
  ::ERR_clear_error();
  const Bio bio = reader_of(text);
  const PrivateKey key(bio == nullptr ? nullptr
                                      : ::PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  ::OPENSSL_cleanse(text.data(), text.size());
  if (key == nullptr) return wrong_tls_file(kId, file, "is no private key in PEM without a password");
  if (::SSL_CTX_use_PrivateKey(&context, key.get()) != 1 || ::SSL_CTX_check_private_key(&context) != 1) {
    return wrong_tls_file(kId, file, "is not the key of the certificate");
  }
  return {};
}

}  // namespace slipway::net
