// What both files of this folder need of OpenSSL.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

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

/// Null when there is no memory.
std::unique_ptr<TlsSession> make_tls_session(SSL_CTX& context, int fd);

}  // namespace slipway::net
