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
#include "contracts/dialect/dialect.h"
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

/// What with_model() leaves with the server while a model is loaded.
template <typename Asker, typename Then>
class ModelWaiter final : public Waiter {
 public:
  ModelWaiter(ModelServer& server, std::string_view name, std::string_view version,
              std::unique_ptr<Asker> asker, Then then)
      : server_(server), name_(name), version_(version), asker_(std::move(asker)), then_(std::move(then)) {}
  [[nodiscard]] bool gone() const override { return asker_->gone(); }
  void look() override { model_ = server_.find(name_, version_); }
  void go_on() override { then_(std::move(model_), std::move(asker_)); }

 private:
  ModelServer& server_;
  const std::string_view name_, version_;
  std::unique_ptr<Asker> asker_;
  Then then_;
  Result<ModelLease> model_ = ModelLease();
};

/// Finds a model, and where it is loaded when it is asked for, waits for that; then calls
/// `then(Result<ModelLease>, std::unique_ptr<Asker>)`, now or later. `Asker` is an exchange or a call: it
/// says whether it is gone(), and `name` and `version` live as long as it does.
template <typename Asker, typename Then>
void with_model(ModelServer& server, std::string_view name, std::string_view version,
                std::unique_ptr<Asker> asker, Then then) {
  auto model = server.find(name, version);
  if (model.ok() || model.code() != Code::kUnavailable) return then(std::move(model), std::move(asker));
  auto own =
      std::make_unique<ModelWaiter<Asker, Then>>(server, name, version, std::move(asker), std::move(then));
  auto& waits = *own;
  std::unique_ptr<Waiter> waiter = std::move(own);
  // It may have been loaded since it was looked for.
  if (server.demand(name, waiter)) return;
  waits.look();
  waits.go_on();
}

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
