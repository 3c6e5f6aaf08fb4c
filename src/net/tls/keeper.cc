#include "net/tls/keeper.h"

#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "net/tls/openssl_internal.h"

namespace slipway::net {
namespace {

constexpr Duration kLookEvery = std::chrono::seconds(1);
constexpr std::array<unsigned char, 7> kSessions = {'s', 'l', 'i', 'p', 'w', 'a', 'y'};
constexpr std::string_view kHttp2 = "\x02h2";
constexpr std::string_view kHttp1 = "\x08http/1.1";

Status ask_clients(SSL_CTX& context, io::FileSystem& files, const std::string& file, bool require) {
  constexpr std::string_view kId = "tls.client_ca";
  SLIPWAY_ASSIGN_OR_RETURN(auto trusted, read_tls_certificates(files, file, kId));
  X509_STORE* store = ::SSL_CTX_get_cert_store(&context);
  for (const Certificate& one : trusted) {
    if (::X509_STORE_add_cert(store, one.get()) != 1 || ::SSL_CTX_add_client_CA(&context, one.get()) != 1) {
      return wrong_tls_file(kId, file, "cannot be used");
    }
  }
  ::SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | (require ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  return {};
}

// The first of ours that the client has. Source: RFC 7301 section 3.2.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned offered_size, void* protocols) {
  const std::string_view ours = *static_cast<const std::string_view*>(protocols);
  unsigned char* chosen = nullptr;
  if (::SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                              static_cast<unsigned>(ours.size()), offered,
                              offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

std::string_view* protocols(bool http2) {
  static const std::string kBothText = std::string(kHttp2).append(kHttp1);
  static std::string_view both = kBothText;
  static std::string_view one = kHttp1;
  return http2 ? &both : &one;
}

}  // namespace

struct TlsKeeper::Context {
  SslContext ssl;
};

TlsKeeper::TlsKeeper(Key, TlsOptions options, io::FileSystem& files, const Clock& clock, Logger& logger)
    : options_(std::move(options)), files_(files), clock_(clock), logger_(logger) {}

TlsKeeper::~TlsKeeper() = default;

Result<std::unique_ptr<TlsKeeper>> TlsKeeper::create(TlsOptions options, io::FileSystem& files,
                                                     const Clock& clock, Logger& logger) {
  auto keeper = std::make_unique<TlsKeeper>(Key(), std::move(options), files, clock, logger);
  const std::lock_guard lock(keeper->mutex_);
  keeper->seen_ = keeper->fingerprint();
  SLIPWAY_ASSIGN_OR_RETURN(keeper->context_, keeper->load());
  keeper->looked_ = clock.now();
  return keeper;
}

Result<std::unique_ptr<TlsKeeper::Context>> TlsKeeper::load() const {
  SslContext context(::SSL_CTX_new(::TLS_server_method()));
  if (context == nullptr) return internal_error("tls.library", "OpenSSL does not start: " + openssl_reason());
  SLIPWAY_TRY(set_tls_rules(*context));
  ::SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  ::SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);  // tickets hold all there is
  ::SSL_CTX_set_session_id_context(context.get(), kSessions.data(), kSessions.size());
  ::SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, protocols(options_.http2));
  SLIPWAY_TRY(use_tls_certificate(*context, files_, options_.certificate));
  SLIPWAY_TRY(use_tls_key(*context, files_, options_.key));
  if (!options_.client_ca.empty()) {
    SLIPWAY_TRY(ask_clients(*context, files_, options_.client_ca, options_.require_client));
  }
  return std::make_unique<Context>(Context{std::move(context)});
}

std::string TlsKeeper::fingerprint() const {
  std::string all;
  for (const std::string& file : {options_.certificate, options_.key, options_.client_ca}) {
    if (file.empty()) continue;
    const auto info = files_.stat(file);
    if (!info.ok()) {
      all += "-;";
      continue;
    }
    for (const std::uint64_t fact : {info->device, info->inode, info->size_bytes,
                                     static_cast<std::uint64_t>(info->modified.time_since_epoch().count())}) {
      all.append(std::to_string(fact)).append(",");
    }
    all += ';';
  }
  return all;
}

// Files that are half replaced do not fit each other, and what is in use stays; the next change is looked at.
void TlsKeeper::look_again() {
  if (clock_.now() - looked_ < kLookEvery) return;
  looked_ = clock_.now();
  std::string now = fingerprint();
  if (now == seen_) return;
  seen_ = std::move(now);
  auto loaded = load();
  if (!loaded.ok()) {
    logger_.error(loaded.error().id(), "the certificate in use stays: " + loaded.error().message());
    return;
  }
  context_ = std::move(*loaded);
  logger_.info("tls.renewed", "new connections get the certificate that is on disk now",
               {{"certificate", std::string_view(options_.certificate)}});
}

std::unique_ptr<TlsSession> TlsKeeper::accept(int fd) {
  const std::lock_guard lock(mutex_);
  look_again();
  return make_tls_session(*context_->ssl, fd, nullptr);
}

}  // namespace slipway::net
