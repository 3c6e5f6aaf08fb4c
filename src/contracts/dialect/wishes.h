// What a client asks of the server's queue, in headers that every dialect over HTTP understands:
//   Slipway-Timeout: 250ms      how long the client waits for the answer, from when its request was received
//   Slipway-Priority: 1         what goes first: 1, then 2, and so on
// A dialect whose requests say the same in their own words lets those go first.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "contracts/dialect/exchange.h"
#include "infer/infer.h"

namespace slipway::dialect {

struct Wishes {
  std::optional<Duration> timeout;  ///< above zero
  std::uint64_t priority = 0;       ///< as infer::Request::priority

  /// Sets `request.deadline` and `request.priority`. Precondition: request.received is set.
  void put_into(infer::Request& request) const;
};

/// Errors: http.timeout, http.priority.
Result<Wishes> read_wishes(const Exchange& exchange);

/// The value of Retry-After for an error: whole seconds, 1 to 3600. Source: RFC 9110, section 10.2.3.
std::string retry_after(const Error& error);

/// A call that answers an exchange, and that nobody waits for when the exchange's client has gone.
class ExchangeCall : public infer::Call {
 public:
  explicit ExchangeCall(std::unique_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {
    request.received = exchange_->received();
  }
  [[nodiscard]] bool gone() const final { return exchange_->gone(); }

 protected:
  [[nodiscard]] Exchange& exchange() { return *exchange_; }
  /// From the request's head to its last byte.
  [[nodiscard]] Duration receive_time() const { return exchange_->received() - exchange_->begun(); }

 private:
  std::unique_ptr<Exchange> exchange_;
};

}  // namespace slipway::dialect
