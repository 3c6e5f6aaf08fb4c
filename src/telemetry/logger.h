// Log lines to a file or standard error, as text for people or JSON for machines.
//
//   2026-08-17T09:30:00.123Z INFO  server.ready listening address=127.0.0.1:8080
//   {"time":"2026-08-17T09:30:00.123Z","level":"info","event":"server.ready","message":"listening","address":"..."}
//
// Times are UTC. In text, values with spaces, quotes or equals signs stand in JSON's quotes. Control
// characters and broken UTF-8 are escaped, so that nothing from a request can make up a line; texts are cut
// after kMaxTextBytes. A process that crashes loses the lines that wait.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

namespace slipway {

inline constexpr std::size_t kMaxTextBytes = 4096;

/// A logger whose level may change while it runs. Thread: safe.
class LeveledLogger : public Logger {
 public:
  [[nodiscard]] virtual LogLevel level() const = 0;
  virtual void set_level(LogLevel level) = 0;
};

/// Where lines go. Thread: called by the logger's thread alone.
class LogSink {
 public:
  virtual ~LogSink() = default;
  /// One or more whole lines, each with its end. May block: the queue then fills, and lines are lost and
  /// counted. False where they could not be written; they count as lost.
  virtual bool write(std::string_view lines) = 0;
};

/// Lines are formatted by the caller and written by a thread of the logger; a full queue drops the line and
/// counts it. Once the sink takes lines again, a warning "log.dropped" tells how many were lost since the
/// last one. Destroying the logger waits until the sink has taken what waits. A file is appended to, so it
/// may be rotated by copying and truncating. A file that cannot be opened gives a logger to standard error
/// whose first line says so. Borrows: clock, for the logger's life; without one, the system's.
std::unique_ptr<LeveledLogger> make_logger(const LogOptions& options, const Clock* clock = nullptr);

/// The same with a sink of one's own; options.file is not looked at.
std::unique_ptr<LeveledLogger> make_logger(const LogOptions& options, const Clock* clock,
                                           std::unique_ptr<LogSink> sink);

/// One line, with its end. For the logger and its tests.
std::string format_log_line(LogFormat format, WallTime time, LogLevel level, std::string_view event,
                            std::string_view message, std::initializer_list<LogField> fields);

}  // namespace slipway
