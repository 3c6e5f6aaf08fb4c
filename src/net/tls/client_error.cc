// What went wrong with a server, and what to do about it.
#include <string>
#include <string_view>

#include "net/tls/openssl_internal.h"

namespace slipway::net {
namespace {

Error certificate_error(const TlsPeer& peer) {
  switch (peer.verify_code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return permission_denied("tls.server_expired",
                               "the server's certificate, or one that vouches for it, has "
                               "expired on " +
                                   peer.fact + "; renew it on the server");
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return permission_denied("tls.server_not_yet_valid",
                               "the server's certificate, or one that vouches for it, is not valid before " +
                                   peer.fact + "; are the clocks of both machines right?");
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return permission_denied("tls.server_name", "the server's certificate is for " + peer.fact +
                                                      ", not for " + peer.host +
                                                      "; ask for the server by a name that is in it");
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return permission_denied("tls.server_unknown", "the server's certificate is vouched for by " +
                                                         peer.fact +
                                                         ", whom nobody here trusts; name whom to trust with "
                                                         "--ca FILE");
    default:
      return permission_denied("tls.server_certificate",
                               std::string("the server's certificate is not accepted: ") +
                                   ::X509_verify_cert_error_string(peer.verify_code) + " (" + peer.fact +
                                   ")");
  }
}

Error wanted() {
  return failed_precondition("tls.client_certificate_wanted",
                             "the server wants a certificate from its clients; give one with --cert FILE and "
                             "--key FILE");
}

bool speaks_of_certificate(int reason) {
  switch (reason) {
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
      return true;
    default:
      return false;
  }
}

}  // namespace

Error tls_client_error(const TlsPeer& peer, unsigned long reason) {
  if (peer.verify_code != X509_V_OK) return certificate_error(peer);
  const int code = ERR_GET_REASON(reason);
  // A server that closes at once may do so before its reason is read, so what it asked for counts.
  const bool asked_in_vain = peer.was_asked && !peer.shows_own;
  if (code == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED || asked_in_vain) return wanted();
  const char* text = ::ERR_reason_error_string(reason);
  const std::string words = text == nullptr ? "the connection ended" : text;
  if (peer.was_asked && (speaks_of_certificate(code) || reason == 0)) {
    return permission_denied("tls.client_certificate_refused",
                             "the server does not accept the certificate that it was shown (" + words +
                                 "); is it signed by one that the server trusts, and still valid?");
  }
  if (code == SSL_R_WRONG_VERSION_NUMBER || code == SSL_R_HTTP_REQUEST) {
    return failed_precondition("tls.not_tls",
                               "the server does not speak TLS there; an http:// address may do");
  }
  return unavailable("tls.failed", "TLS with the server failed: " + words);
}

}  // namespace slipway::net
