// How the server, its services and its models stand, by the name that a client asks about.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "contracts/dialect/dialect.h"

namespace slipway::grpc_health {

/// Source: grpc/grpc-proto grpc/health/v1/health.proto.
enum class Serving : std::uint8_t { kUnknown = 0, kServing = 1, kNotServing = 2, kServiceUnknown = 3 };

/// Thread: safe. Borrows: what the host borrows.
class Statuses {
 public:
  /// The gRPC services are those of Host::descriptors, which is asked when the first name is; they and ""
  /// stand as the whole server does.
  explicit Statuses(dialect::Host host) : host_(std::move(host)) {}

  [[nodiscard]] Serving of(std::string_view name) const;
  /// Of the server, all services and all models. A model of which one version answers serves.
  [[nodiscard]] std::vector<std::pair<std::string, Serving>> all() const;
  /// The server was ready once and is no more: it is about to end.
  [[nodiscard]] bool draining() const;
  /// To be called at each change, so that a server that was ready is known as one.
  void note_change() const { (void)draining(); }

 private:
  using Names = std::set<std::string, std::less<>>;
  [[nodiscard]] const Names& services() const;
  [[nodiscard]] Serving server_status() const;

  const dialect::Host host_;
  mutable std::once_flag looked_;
  mutable Names services_;  ///< set once
  mutable std::atomic<bool> was_ready_{false};
};

}  // namespace slipway::grpc_health
