// The log's level in the words of Triton's logging extension, for both wires.
// Source: Triton docs/protocol/extension_logging.md.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <variant>

#include "base/error.h"
#include "contracts/dialect/dialect.h"

namespace slipway::openinference {

/// A setting's value as a client sends it; nothing where it is of no type that settings have.
using LogValue = std::variant<std::monostate, bool, std::uint64_t, std::string_view>;

/// The settings that are true of a log with one level: whether its lines of each kind are written.
struct LogSettings {
  bool error = true;
  bool warning = true;
  bool info = true;
  bool verbose = false;  ///< log_verbose_level is 1, else 0: there is one level below info

  /// Names and values, as clients are told them.
  [[nodiscard]] std::array<std::pair<std::string_view, LogValue>, 4> values() const {
    return {{{"log_info", info},
             {"log_warning", warning},
             {"log_error", error},
             {"log_verbose_level", static_cast<std::uint64_t>(verbose ? 1 : 0)}}};
  }
};

LogSettings log_settings_of(LogLevel level);

/// Errors: v2.log_setting (unknown; a value of another type or size; log_file and log_format, which are no
/// client's to choose).
Status change_log_setting(LogSettings& settings, std::string_view name, const LogValue& value);

/// Errors: v2.log_setting (a kind of lines is wanted, and a more important one is not).
Result<LogLevel> log_level_of(const LogSettings& settings);

/// The settings of now. Errors: v2.logging (unimplemented: this server's log cannot be changed).
Result<LogSettings> read_log_settings(const dialect::Host& host);
/// Takes them as they are now on, and logs that. Errors: those of log_level_of(), v2.logging.
Status apply_log_settings(const dialect::Host& host, const LogSettings& settings);

}  // namespace slipway::openinference
