// The admin listener's own routes: metrics, health, and Slipway's control API under /control/v1.
//
//   GET  /metrics                           Prometheus text, version 0.0.4
//   GET  /health/live, /health/ready        200, or 503 while not ready
//   GET  /control/v1/models                 everything known, ready or not
//   POST /control/v1/models/{name}/load     loads or reloads; answers when it is ready or has failed
//   POST /control/v1/models/{name}/unload
//   PUT  /control/v1/models/{name}/labels/{label}   {"version": "2"}: lets the label stand for a ready
//   version DELETE /control/v1/models/{name}/labels/{label}
//
// It speaks through the same contract as the dialects, so it needs no sockets of its own. Every route is a
// control route.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "contracts/dialect/dialect.h"

namespace slipway::admin {

struct Options {
  dialect::ModelServer* server = nullptr;       ///< Borrows
  std::function<std::string()> render_metrics;  ///< Thread: called from any loop
  std::string server_version;
};

std::unique_ptr<dialect::Dialect> make_admin(Options options);

}  // namespace slipway::admin
