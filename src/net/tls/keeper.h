// A listener's certificate, key and trusted certificates, as they are on disk.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "io/filesystem.h"
#include "net/tls/session.h"

namespace slipway::net {

struct TlsOptions {
  std::string certificate = {};  ///< file in PEM: the server's own, then those between it and the root
  std::string key = {};          ///< file in PEM, without a password
  std::string client_ca = {};    ///< file in PEM: who vouches for clients; empty: clients are not asked
  bool require_client = false;   ///< whoever shows no certificate is sent away
  bool http2 = true;             ///< offered by ALPN
};

/// Thread: safe.
class TlsKeeper {
  struct Key {};

 public:
  /// Borrows: files, clock and logger.
  /// Errors: those of reading, tls.certificate, tls.key (none there, damaged, not the certificate's),
  /// tls.client_ca.
  static Result<std::unique_ptr<TlsKeeper>> create(TlsOptions options, io::FileSystem& files,
                                                   const Clock& clock, Logger& logger);
  /// For create() alone.
  TlsKeeper(Key key, TlsOptions options, io::FileSystem& files, const Clock& clock, Logger& logger);
  TlsKeeper(const TlsKeeper&) = delete;
  TlsKeeper& operator=(const TlsKeeper&) = delete;
  ~TlsKeeper();

  /// A session for a client that has just connected, by the files of now; they are looked at once a second at
  /// most. Null when the machine has no memory for it. Borrows: the descriptor, for the session's life.
  [[nodiscard]] std::unique_ptr<TlsSession> accept(int fd);

 private:
  struct Context;
  Result<std::unique_ptr<Context>> load() const;
  [[nodiscard]] std::string fingerprint() const;
  void look_again();

  const TlsOptions options_;
  io::FileSystem& files_;
  const Clock& clock_;
  Logger& logger_;
  std::mutex mutex_;
  std::unique_ptr<Context> context_;  ///< guarded by mutex_
  std::string seen_;                  ///< guarded by mutex_; the files when they were last read
  MonoTime looked_{};                 ///< guarded by mutex_
};

}  // namespace slipway::net
