// How many of something each client has.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace slipway::net {

/// The part of an address by which clients are told apart: IPv4, also inside IPv6, whole; of IPv6 the network
/// of 64 bits, since a client has all addresses in it. Empty for other families.
[[nodiscard]] std::string client_of(const sockaddr_storage& peer);

/// Thread: safe. Seats may outlive it.
class Seats {
 public:
  /// One more for this client, until what it gives is dropped; null when it has `most` already.
  [[nodiscard]] std::shared_ptr<void> take(const std::string& client, std::size_t most);
  /// Clients that have one.
  [[nodiscard]] std::size_t clients() const;

 private:
  struct Table {
    std::mutex mutex;
    std::map<std::string, std::size_t> taken;  ///< guarded by mutex
  };
  std::shared_ptr<Table> table_ = std::make_shared<Table>();
};

}  // namespace slipway::net
