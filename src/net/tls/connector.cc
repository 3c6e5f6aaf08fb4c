#include "net/tls/connector.h"

#include <string_view>
#include <utility>

#include "base/text.h"
#include "net/tls/openssl_internal.h"

namespace slipway::net {
namespace {

constexpr std::string_view kHttp2 = "\x02h2";
constexpr std::string_view kHttp1 = "\x08http/1.1";
constexpr std::size_t kMostShown = 5;  // names of a certificate, in an error

std::string date_of(const ASN1_TIME* time) {
  const Bio text(::BIO_new(::BIO_s_mem()));
  if (text == nullptr || ::ASN1_TIME_print(text.get(), time) != 1) return "an unreadable date";
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

// What a person needs to know of the certificate at fault.
std::string fact_of(X509& certificate, int code) {
  if (code == X509_V_ERR_CERT_HAS_EXPIRED) return date_of(::X509_get0_notAfter(&certificate));
  if (code == X509_V_ERR_CERT_NOT_YET_VALID) return date_of(::X509_get0_notBefore(&certificate));
  if (code != X509_V_ERR_HOSTNAME_MISMATCH && code != X509_V_ERR_IP_ADDRESS_MISMATCH) {
    return printable(tls_name_text(*::X509_get_issuer_name(&certificate)));
  }
  std::vector<std::string> names;
  for (const std::string& name : tls_names_of(certificate)) {
    if (!name.starts_with("DNS:") && !name.starts_with("IP:")) continue;
    if (names.size() == kMostShown) {
      names.emplace_back("others");
      break;
    }
    names.push_back(printable(name.substr(name.find(':') + 1)));
  }
  return names.empty() ? "no host at all" : join_words(names);
}

// Notes the first fault, and leaves the verdict to OpenSSL.
int note_fault(int sound, X509_STORE_CTX* store) {
  if (sound == 1) return 1;
  const auto* const ssl =
      static_cast<SSL*>(::X509_STORE_CTX_get_ex_data(store, ::SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* const peer = ssl == nullptr ? nullptr : static_cast<TlsPeer*>(SSL_get_app_data(ssl));
  X509* const certificate = ::X509_STORE_CTX_get_current_cert(store);
  if (peer != nullptr && peer->verify_code == X509_V_OK) {
    peer->verify_code = ::X509_STORE_CTX_get_error(store);
    if (certificate != nullptr) peer->fact = fact_of(*certificate, peer->verify_code);
  }
  return 0;
}

// Is called when the server asks for a certificate. What is there is shown without this.
int note_asked(SSL* ssl, void*) {
  if (auto* const peer = static_cast<TlsPeer*>(SSL_get_app_data(ssl)); peer != nullptr)
    peer->was_asked = true;
  return 1;
}

Status trust_file(SSL_CTX& context, io::FileSystem& files, const std::string& file) {
  constexpr std::string_view kId = "tls.ca";
  SLIPWAY_ASSIGN_OR_RETURN(const auto trusted, read_tls_certificates(files, file, kId));
  X509_STORE* const store = ::SSL_CTX_get_cert_store(&context);
  // So that a server's own certificate can be named as well as who has signed it.
  ::X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  for (const Certificate& one : trusted) {
    if (::X509_STORE_add_cert(store, one.get()) != 1) return wrong_tls_file(kId, file, "cannot be used");
  }
  return {};
}

Result<SslContext> make_context(const TlsTrust& trust, io::FileSystem& files, std::string_view protocol) {
  SslContext context(::SSL_CTX_new(::TLS_client_method()));
  if (context == nullptr) return internal_error("tls.library", "OpenSSL does not start: " + openssl_reason());
  SLIPWAY_TRY(set_tls_rules(*context));
  ::SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char*>(protocol.data()),
                            static_cast<unsigned>(protocol.size()));
  ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, note_fault);
  ::SSL_CTX_set_cert_cb(context.get(), note_asked, nullptr);
  if (!trust.ca.empty()) {
    SLIPWAY_TRY(trust_file(*context, files, trust.ca));
  } else if (::SSL_CTX_set_default_verify_paths(context.get()) != 1) {
    return internal_error("tls.library", "the system's certificates cannot be used: " + openssl_reason());
  }
  if (!trust.certificate.empty()) {
    SLIPWAY_TRY(use_tls_certificate(*context, files, trust.certificate));
    SLIPWAY_TRY(use_tls_key(*context, files, trust.key.empty() ? trust.certificate : trust.key));
  }
  return context;
}

}  // namespace

struct TlsConnector::Contexts {
  SslContext http1;
  SslContext http2;
  bool shows_own = false;
};

TlsConnector::TlsConnector(Key) : contexts_(std::make_unique<Contexts>()) {}

TlsConnector::~TlsConnector() = default;

Result<std::shared_ptr<TlsConnector>> TlsConnector::create(const TlsTrust& trust, io::FileSystem& files) {
  if (trust.certificate.empty() && !trust.key.empty()) {
    return invalid_argument("tls.key", "a key is given without its certificate");
  }
  auto connector = std::make_shared<TlsConnector>(Key());
  SLIPWAY_ASSIGN_OR_RETURN(connector->contexts_->http1, make_context(trust, files, kHttp1));
  SLIPWAY_ASSIGN_OR_RETURN(connector->contexts_->http2, make_context(trust, files, kHttp2));
  connector->contexts_->shows_own = !trust.certificate.empty();
  return connector;
}

std::unique_ptr<TlsSession> TlsConnector::connect(int fd, const std::string& host, bool http2) const {
  auto peer = std::make_unique<TlsPeer>();
  peer->host = host;
  peer->shows_own = contexts_->shows_own;
  return make_tls_session(*(http2 ? contexts_->http2 : contexts_->http1), fd, std::move(peer));
}

}  // namespace slipway::net
