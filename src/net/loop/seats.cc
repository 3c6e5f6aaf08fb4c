#include "net/loop/seats.h"

#include <netinet/in.h>

#include <algorithm>

namespace slipway::net {

std::string client_of(const sockaddr_storage& peer) {
  constexpr std::size_t kNetworkBytes = 8;
  constexpr std::size_t kMappedPrefix = 12;
  if (peer.ss_family == AF_INET) {
    const auto& address = reinterpret_cast<const sockaddr_in&>(peer).sin_addr;
    return {reinterpret_cast<const char*>(&address), sizeof address};
  }
  if (peer.ss_family != AF_INET6) return {};
  const in6_addr& address = reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr;
  const auto* const bytes = reinterpret_cast<const char*>(&address);
  if (IN6_IS_ADDR_V4MAPPED(&address)) return {bytes + kMappedPrefix, sizeof address - kMappedPrefix};
  return {bytes, kNetworkBytes};
}

std::shared_ptr<void> Seats::take(const std::string& client, std::size_t most) {
  const std::lock_guard lock(table_->mutex);
  std::size_t& taken = table_->taken[client];
  if (taken >= most) {
    if (taken == 0) table_->taken.erase(client);
    return nullptr;
  }
  ++taken;
  // The pointer itself means nothing; its deleter gives the seat back.
  return {table_.get(), [table = table_, client](void*) {
            const std::lock_guard giving(table->mutex);
            const auto found = table->taken.find(client);
            if (--found->second == 0) table->taken.erase(found);
          }};
}

std::size_t Seats::clients() const {
  const std::lock_guard lock(table_->mutex);
  return table_->taken.size();
}

}  // namespace slipway::net
