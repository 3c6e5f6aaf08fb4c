// The request target: split into path and query, the path decoded exactly once and checked.
#pragma once

#include <string>
#include <string_view>

namespace slipway::net {

struct Target {
  std::string_view path;   ///< decoded; in the given text where nothing was encoded, else in `decoded`
  std::string_view query;  ///< as received, without '?'
  std::string decoded;
};

/// Takes "/path?query", "http://host/path?query", and "*" (whose path is "*"). Gives false for a path that
/// two programs could read differently: bad or residual escapes, invalid UTF-8, control characters, an
/// encoded slash, a backslash, ';', '#', or a segment "." or "..". `out` borrows from `text`; a moved Target
/// must be read again by parse_target().
[[nodiscard]] bool parse_target(std::string_view text, Target& out);

}  // namespace slipway::net
