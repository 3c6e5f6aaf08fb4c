// Who may change what is served, as long as there are no identities: a caller on this machine that is no web
// page of somebody else.
#pragma once

#include "base/error.h"
#include "contracts/dialect/exchange.h"

namespace slipway::serving {

/// Refuses a control request that changes something (any method but GET, HEAD and OPTIONS) when
///   - a browser sends it for a page of another origin: its Origin names another place than its Host;
///   - its Host is no name of this machine: a name that somebody made point here (DNS rebinding) makes a
///   foreign page look
///     like one of our own.
/// Programs send no Origin and a Host such as 127.0.0.1:8081 or localhost, and pass.
/// Errors: http.origin, http.host (permission denied).
Status check_control(const dialect::Exchange& exchange);

/// True for "localhost", 127.0.0.0/8 and "[::1]", with or without a port.
bool is_local_host(std::string_view host);

}  // namespace slipway::serving
