// Structured logs. A line is an event name, a sentence and fields; it is written as text for people or JSON
// for machines. Writing never blocks a request: lines go through a bounded queue, and what does not fit is
// counted and dropped.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace slipway {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError, kOff };
enum class LogFormat : std::uint8_t { kText, kJson };

struct LogField {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, double, bool> value;
};

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  std::string file;                ///< empty = standard error
  std::size_t queue_lines = 8192;  ///< lines that may wait for a slow sink
};

/// Thread: safe. Destroying it writes what waits.
class Logger {
 public:
  virtual ~Logger() = default;
  [[nodiscard]] virtual bool enabled(LogLevel level) const = 0;
  /// `event` is a stable id ("server.ready"), `message` a sentence. Never blocks.
  virtual void write(LogLevel level, std::string_view event, std::string_view message,
                     std::initializer_list<LogField> fields) = 0;
  /// Lines lost because the sink was too slow.
  [[nodiscard]] virtual std::uint64_t dropped() const = 0;

  void debug(std::string_view event, std::string_view message, std::initializer_list<LogField> fields = {}) {
    if (enabled(LogLevel::kDebug)) write(LogLevel::kDebug, event, message, fields);
  }
  void info(std::string_view event, std::string_view message, std::initializer_list<LogField> fields = {}) {
    if (enabled(LogLevel::kInfo)) write(LogLevel::kInfo, event, message, fields);
  }
  void warning(std::string_view event, std::string_view message,
               std::initializer_list<LogField> fields = {}) {
    if (enabled(LogLevel::kWarning)) write(LogLevel::kWarning, event, message, fields);
  }
  void error(std::string_view event, std::string_view message, std::initializer_list<LogField> fields = {}) {
    if (enabled(LogLevel::kError)) write(LogLevel::kError, event, message, fields);
  }
};

/// A logger that keeps nothing.
class NullLogger final : public Logger {
 public:
  [[nodiscard]] bool enabled(LogLevel) const override { return false; }
  void write(LogLevel, std::string_view, std::string_view, std::initializer_list<LogField>) override {}
  [[nodiscard]] std::uint64_t dropped() const override { return 0; }
};

}  // namespace slipway
