// The handler's headers, checked and written as they go on the wire.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "contracts/dialect/exchange.h"

namespace slipway::net {

struct FieldFacts {
  bool valid = true;     ///< false: a name is no token, or a value has CR, LF or NUL; nothing may be sent
  bool close = false;    ///< Connection: close was among them
  bool encoded = false;  ///< Content-Encoding was among them
  bool compressible = false;  ///< Content-Type is text of some kind
};

/// Appends each header as a line. Left out are those that are the transport's: Content-Length,
/// Transfer-Encoding, Connection, Date, Keep-Alive, Upgrade.
FieldFacts write_fields(std::span<const dialect::Header> headers, std::string& out);

/// "HTTP/1.1 200 OK\r\n" for any status from 100 to 999.
void write_status_line(int status, std::string& out);

}  // namespace slipway::net
