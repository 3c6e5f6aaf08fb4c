// Calls as a client makes them, for the dialect's tests.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "contracts/dialect/dialect.h"
#include "contracts/dialect/testing/fake_exchange.h"

namespace slipway::openinference_grpc::testing {

std::string from_hex(std::string_view hex);

/// A message with its prefix, as it stands in a body.
std::string framed(std::string_view message);

/// A call of a method of the service.
dialect::testing::FakeRequest call(std::string_view method, std::string_view message);

/// What came of a call.
struct Reply {
  int code = -1;        ///< grpc-status; -1 = none yet
  std::string text;     ///< grpc-message, as it was sent
  std::string message;  ///< the one message; empty also where there is none
};
/// The grpc-status of an answer; -1 = none.
int code_of(const dialect::testing::Answer& answer);
Reply reply_of(const dialect::testing::Answer& answer);

/// Sends a call and gives what came at once.
Reply ask(dialect::Dialect& dialect, std::string_view method, std::string_view message);

}  // namespace slipway::openinference_grpc::testing
