// GET and POST /v2/logging: which lines the log has.
// Source: Triton docs/protocol/extension_logging.md.
#pragma once

#include "contracts/dialect/dialect.h"

namespace slipway::openinference {

/// Answers {"log_info", "log_warning", "log_error": bool, "log_verbose_level": 0 or 1}. Errors: v2.logging.
void log_settings(const dialect::Host& host, dialect::Exchange& exchange);

/// Body: an object with some of these. All of them change, or none; answers as log_settings().
/// Errors: json.*, v2.body, v2.log_setting, v2.logging.
void update_log_settings(const dialect::Host& host, dialect::Exchange& exchange);

}  // namespace slipway::openinference
