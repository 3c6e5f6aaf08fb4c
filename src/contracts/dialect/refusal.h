// What refusals of requests over HTTP have in common, whatever the dialect says in their bodies.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "base/error.h"
#include "contracts/dialect/dialect.h"
#include "contracts/dialect/exchange.h"
#include "contracts/dialect/server_timing.h"

namespace slipway::dialect {

/// The header fields of a refusal with a body in JSON: Retry-After where trying again helps, Server-Timing
/// where it is told where the time went. They live as long as this.
class RefusalFields {
 public:
  explicit RefusalFields(const Error& error);
  RefusalFields(const Error& error, const infer::Timings& timings);
  RefusalFields(const RefusalFields&) = delete;
  RefusalFields& operator=(const RefusalFields&) = delete;
  [[nodiscard]] std::span<const Header> all() const { return std::span(fields_).first(count_); }

 private:
  std::string wait_;
  std::optional<ServerTiming> timing_;
  std::array<Header, 4> fields_;
  std::size_t count_;
};

/// What the monitors are told of a request for an inference that came no further than being read.
void note_refused(const Error& error, Duration parse, const Exchange& exchange, RequestRecord& record);

}  // namespace slipway::dialect
