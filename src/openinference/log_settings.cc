#include "openinference/log_settings.h"

#include <string>

#include "base/text.h"

namespace slipway::openinference {
namespace {

Error wrong(std::string_view name, std::string_view what) {
  return invalid_argument("v2.log_setting",
                          "the log setting \"" + printable(name) + "\" " + std::string(what));
}

Status change_flag(bool& flag, std::string_view name, const LogValue& value) {
  const bool* given = std::get_if<bool>(&value);
  if (given == nullptr) return wrong(name, "is to be true or false");
  flag = *given;
  return {};
}

std::string_view level_name(LogLevel level) {
  static constexpr std::array<std::string_view, 5> kNames = {"debug", "info", "warning", "error", "off"};
  return kNames[static_cast<std::size_t>(level)];
}

Error no_logging() {
  return unimplemented("v2.logging", "the log of this server cannot be changed by a call");
}

}  // namespace

LogSettings log_settings_of(LogLevel level) {
  return {.error = level <= LogLevel::kError,
          .warning = level <= LogLevel::kWarning,
          .info = level <= LogLevel::kInfo,
          .verbose = level == LogLevel::kDebug};
}

Status change_log_setting(LogSettings& settings, std::string_view name, const LogValue& value) {
  if (name == "log_info") return change_flag(settings.info, name, value);
  if (name == "log_warning") return change_flag(settings.warning, name, value);
  if (name == "log_error") return change_flag(settings.error, name, value);
  if (name == "log_verbose_level") {
    const std::uint64_t* level = std::get_if<std::uint64_t>(&value);
    if (level == nullptr || *level > 1) return wrong(name, "is to be 0 or 1: there is one level below info");
    settings.verbose = *level == 1;
    return {};
  }
  if (name == "log_file" || name == "log_format") {
    return wrong(name, "is chosen where the server is started (" +
                           std::string(name == "log_file" ? "log.file" : "log.format") +
                           " of its environment file), not by its clients");
  }
  return wrong(name, "is not known; there are log_info, log_warning, log_error and log_verbose_level");
}

Result<LogLevel> log_level_of(const LogSettings& settings) {
  const std::array<std::pair<bool, LogLevel>, 4> kinds = {{{settings.verbose, LogLevel::kDebug},
                                                           {settings.info, LogLevel::kInfo},
                                                           {settings.warning, LogLevel::kWarning},
                                                           {settings.error, LogLevel::kError}}};
  LogLevel level = LogLevel::kOff;
  for (const auto& [wanted, kind] : kinds) {
    if (wanted && level == LogLevel::kOff) level = kind;
    if (!wanted && level != LogLevel::kOff) {
      return invalid_argument("v2.log_setting",
                              "the log has one level: lines of \"" + std::string(level_name(level)) +
                                  "\" come with all more important ones, and those of \"" +
                                  std::string(level_name(kind)) + "\" are not wanted; change both");
    }
  }
  return level;
}

Result<LogSettings> read_log_settings(const dialect::Host& host) {
  if (!host.log_level) return no_logging();
  return log_settings_of(host.log_level());
}

Status apply_log_settings(const dialect::Host& host, const LogSettings& settings) {
  if (!host.log_level || !host.set_log_level) return no_logging();
  SLIPWAY_ASSIGN_OR_RETURN(const LogLevel level, log_level_of(settings));
  const LogLevel before = host.log_level();
  if (level == before) return {};
  const auto tell = [&] {
    host.logger->info("log.level", "a client has changed the log's level",
                      {{"from", level_name(before)}, {"to", level_name(level)}});
  };
  // While the log has the lower of both levels.
  if (level > before) tell();
  host.set_log_level(level);
  if (level < before) tell();
  return {};
}

}  // namespace slipway::openinference
