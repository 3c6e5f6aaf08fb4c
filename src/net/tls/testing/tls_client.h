// OpenSSL's own client on a socket that does not block, and certificates for both ends.
#pragma once

#include <memory>
#include <string>

namespace slipway::net::testing {

/// In PEM.
struct TestIdentity {
  std::string certificate;
  std::string key;
  std::string locked_key;  ///< the same, with the password "pass"
};

/// O=Example, Ltd and CN=`name`, good for an hour, or until so many seconds from now; signed by `authority`,
/// or by itself where that is null. `alternatives` as OpenSSL writes them: "DNS:a.example,IP:::1".
TestIdentity make_identity(const std::string& name, const std::string& alternatives,
                           const TestIdentity* authority, long until_s = 3600);

struct TlsClientOptions {
  int min_version = 0x0303;  ///< as on the wire: 0x0301 is 1.0, 0x0304 is 1.3
  int max_version = 0x0304;
  std::string protocols = {};  ///< of ALPN, as on the wire
  const TestIdentity* identity = nullptr;
};

/// Borrows: the descriptor.
class TlsClient {
 public:
  TlsClient(int fd, const TestIdentity& authority, const TlsClientOptions& options);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  /// Goes on as far as it comes. True when it is done.
  [[nodiscard]] bool handshake();
  [[nodiscard]] bool write(const std::string& bytes);
  /// All that is there.
  [[nodiscard]] std::string read();
  void end();
  [[nodiscard]] bool heard_the_end() const;
  [[nodiscard]] long server_serial() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace slipway::net::testing
