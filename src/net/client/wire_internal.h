// How one connection of the load generator speaks.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "net/client/load.h"

namespace slipway::net {

/// When a request was due and when it was sent; the same in a closed loop.
struct SendTimes {
  MonoTime due{};
  MonoTime sent{};
};

/// Is told of each answer.
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;
  /// `status` as LoadReport::by_status has it; `error` is the beginning of what a failure says.
  virtual void answered(const SendTimes& times, std::string_view status, bool failed,
                        std::string_view error) = 0;
};

/// One connection, without its socket: bytes to send are appended to `out`. Thread: confined.
class Wire {
 public:
  virtual ~Wire() = default;
  /// What a new connection sends first.
  virtual void begin(std::string& out) = 0;
  /// How many requests could be sent now.
  [[nodiscard]] virtual std::size_t room() const = 0;
  /// How many are not answered.
  [[nodiscard]] virtual std::size_t in_flight() const = 0;
  /// True when the server will take no more requests here: once none is in flight, a new connection is due.
  [[nodiscard]] virtual bool closes() const = 0;
  /// Sends the request of that number. Precondition: room() > 0.
  virtual void send(std::size_t request, const SendTimes& times, std::string& out) = 0;
  /// Takes what was received. Errors: net.load (that is not the protocol).
  virtual Status receive(std::string_view bytes, std::string& out, AnswerSink& sink) = 0;
};

/// What all connections of a run share. Borrows: options.
class WireFactory {
 public:
  virtual ~WireFactory() = default;
  virtual std::unique_ptr<Wire> make() = 0;
};

/// Errors: net.header.
Result<std::unique_ptr<WireFactory>> http1_wires(const LoadOptions& options);
Result<std::unique_ptr<WireFactory>> http2_wires(const LoadOptions& options);

constexpr std::size_t kShownErrorBytes = 200;

}  // namespace slipway::net
