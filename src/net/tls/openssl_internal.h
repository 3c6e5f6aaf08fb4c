// What both files of this folder need of OpenSSL.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "io/filesystem.h"
#include "net/tls/session.h"

namespace slipway::net {

template <auto free>
struct OpenSslFree {
  template <typename T>
  void operator()(T* object) const {
    free(object);
  }
};

using SslContext = std::unique_ptr<SSL_CTX, OpenSslFree<SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, OpenSslFree<SSL_free>>;
using Bio = std::unique_ptr<BIO, OpenSslFree<BIO_free>>;
using Certificate = std::unique_ptr<X509, OpenSslFree<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, OpenSslFree<EVP_PKEY_free>>;

/// Why the last call failed, in OpenSSL's words; takes all that is noted for this thread away.
inline std::string openssl_reason() {
  const unsigned long code = ::ERR_peek_last_error();
  const char* reason = ::ERR_reason_error_string(code);
  ::ERR_clear_error();
  return reason == nullptr ? "unknown reason" : reason;
}

/// The versions and ciphers that are sound, for either end. Errors: tls.library.
Status set_tls_rules(SSL_CTX& context);
/// Errors: those of reading, `id` (none there, damaged).
Result<std::vector<Certificate>> read_tls_certificates(io::FileSystem& files, const std::string& file,
                                                       std::string_view id);
/// What is shown to the other end. Errors: those of reading, tls.certificate; tls.key (damaged, not the
/// certificate's).
Status use_tls_certificate(SSL_CTX& context, io::FileSystem& files, const std::string& file);
Status use_tls_key(SSL_CTX& context, io::FileSystem& files, const std::string& file);
/// "FILE WHAT: REASON", in OpenSSL's words.
Error wrong_tls_file(std::string_view id, const std::string& file, std::string_view what);

/// What is known of a handshake with a server that fails.
struct TlsPeer {
  std::string host;        ///< whom the client wants
  bool shows_own = false;  ///< a certificate of the client's own is at hand
  bool was_asked = false;  ///< the server asked for one
  int verify_code = X509_V_OK;
  std::string fact;  ///< what of the server's certificate is at fault: a date, names, an issuer
};
/// Why a connection with a server failed: by `reason`, OpenSSL's code, and by what is known of the server.
Error tls_client_error(const TlsPeer& peer, unsigned long reason);

/// Of a server where `peer` is null, else of a client. Null when there is no memory.
std::unique_ptr<TlsSession> make_tls_session(SSL_CTX& context, int fd, std::unique_ptr<TlsPeer> peer);
/// "DNS:a.example", "IP:::1", ...
std::vector<std::string> tls_names_of(X509& certificate);
/// "CN=server,O=Example"
std::string tls_name_text(const X509_NAME& name);

}  // namespace slipway::net
