// POST /v2/models/{model}[/versions/{version}]/infer.
#pragma once

#include <memory>
#include <string_view>

#include "contracts/dialect/dialect.h"

namespace slipway::openinference {

/// Answers the exchange, now or later. `version` empty = the latest. Borrows: host, until then. Thread: safe.
void infer(const dialect::Host& host, std::string_view model, std::string_view version,
           std::unique_ptr<dialect::Exchange> exchange);

}  // namespace slipway::openinference
