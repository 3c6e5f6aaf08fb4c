// Log lines to a file or standard error, as text for people or JSON for machines.
//
//   2026-08-17T09:30:00.123Z INFO  server.ready listening address=127.0.0.1:8080
//   {"time":"2026-08-17T09:30:00.123Z","level":"info","event":"server.ready","message":"listening","address":"..."}
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

namespace slipway {

/// Lines are formatted by the caller and written by a thread of the logger; a full queue drops the line and
/// counts it. A file that cannot be opened gives a logger to standard error whose first line says so.
/// Borrows: clock, for the logger's life; without one, the system's.
std::unique_ptr<Logger> make_logger(const LogOptions& options, const Clock* clock = nullptr);

/// One line, with its end. For the logger and its tests.
std::string format_log_line(LogFormat format, WallTime time, LogLevel level, std::string_view event,
                            std::string_view message, std::initializer_list<LogField> fields);

}  // namespace slipway
