// What an answer and a list of routes must look like, whatever the dialect. Each check gives one line per
// fault, and nothing where all is well.
#pragma once

#include <string>
#include <vector>

#include "contracts/dialect/dialect.h"
#include "contracts/dialect/testing/fake_exchange.h"

namespace slipway::dialect::testing {

/// An error answer stays below this, whatever was sent: what is wrong, not the request once more.
inline constexpr std::size_t kMaxErrorBytes = std::size_t{64} << 10U;

/// Given once and whole, and the exchange let go; a final status; headers that can stand on a wire, each
/// once, and none that are the transport's own (Content-Length, Connection, ...); a Content-Type wherever
/// there is a body; JSON that is JSON and text that is UTF-8 where the type says so.
std::string answer_faults(const Answer& answer);

/// The same, and: a status of 400 or above, a body in JSON below kMaxErrorBytes.
std::string error_faults(const Answer& answer);

/// Words that only the inside of the program knows: source files, namespaces, addresses, what() texts.
std::string leak_faults(const std::string& body);

/// Patterns of segments that are plain text in lower case or a whole {name}, or a method of gRPC; no name
/// twice in one; no method and pattern twice, however the names are called; no HEAD and OPTIONS, which the
/// router answers.
std::string route_faults(const std::vector<Route>& routes);

}  // namespace slipway::dialect::testing
