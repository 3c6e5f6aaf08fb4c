#include "telemetry/logger.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/text.h"
#include "json/writer.h"

namespace slipway {
namespace {

// A time as RFC 3339 in UTC, with milliseconds.
std::string timestamp(WallTime time) {
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  const auto whole = std::chrono::floor<std::chrono::seconds>(milliseconds);
  const std::time_t seconds = whole.count();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>((milliseconds - whole).count()));
  return text.data();
}

std::string_view level_name(LogLevel level, LogFormat format) {
  static constexpr std::array<std::string_view, 5> kText = {"DEBUG", "INFO ", "WARN ", "ERROR", "OFF  "};
  static constexpr std::array<std::string_view, 5> kJson = {"debug", "info", "warning", "error", "off"};
  const auto index = static_cast<std::size_t>(level);
  return format == LogFormat::kText ? kText[index] : kJson[index];
}

void write_value(json::Writer& out, const LogField& field) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) out.string(*text);
  if (const auto* number = std::get_if<std::int64_t>(&field.value)) out.number(*number);
  if (const auto* number = std::get_if<double>(&field.value)) out.number(*number);
  if (const auto* flag = std::get_if<bool>(&field.value)) out.boolean(*flag);
}

// Text without spaces, quotes and the like stands bare; the rest in JSON's quotes, so that a line stays a
// line.
void append_text_value(std::string& out, const LogField& field) {
  const auto* text = std::get_if<std::string_view>(&field.value);
  const bool bare = text != nullptr && !text->empty() && is_utf8(*text) &&
                    text->find_first_of(" \"\\=") == std::string_view::npos &&
                    printable(*text, text->size()) == *text;
  if (bare) {
    out += *text;
    return;
  }
  json::Writer writer(out);
  write_value(writer, field);
}

class QueuedLogger final : public Logger {
 public:
  QueuedLogger(const LogOptions& options, const Clock& clock, int descriptor, bool owns)
      : level_(options.level),
        format_(options.format),
        max_lines_(options.queue_lines),
        clock_(clock),
        descriptor_(descriptor),
        owns_(owns),
        writer_([this] { drain(); }) {}

  ~QueuedLogger() override {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    wake_.notify_one();
    writer_.join();
    if (owns_) close(descriptor_);
  }

  [[nodiscard]] bool enabled(LogLevel level) const override {
    return level >= level_ && level != LogLevel::kOff;
  }
  [[nodiscard]] std::uint64_t dropped() const override { return dropped_.load(std::memory_order_relaxed); }

  void write(LogLevel level, std::string_view event, std::string_view message,
             std::initializer_list<LogField> fields) override {
    if (!enabled(level)) return;
    std::string line = format_log_line(format_, clock_.wall_now(), level, event, message, fields);
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      if (lines_ >= max_lines_) {
        dropped_.fetch_add(1, std::memory_order_relaxed);
        return;
      }
      first = lines_ == 0;
      ++lines_;
      waiting_ += line;
    }
    if (first) wake_.notify_one();
  }

 private:
  // The writer's thread: takes all that waits in one go. The lock is never held while the sink is written.
  void drain() {
    std::string taken;
    for (bool last = false; !last;) {
      taken.clear();
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return closing_ || lines_ > 0; });
        taken.swap(waiting_);
        lines_ = 0;
        last = closing_;
      }
      write_all(taken);
    }
  }

  void write_all(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t count = ::write(descriptor_, text.data(), text.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return;  // a broken sink has nowhere to be reported
      text.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  const LogLevel level_;
  const LogFormat format_;
  const std::size_t max_lines_;
  const Clock& clock_;
  const int descriptor_;
  const bool owns_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string waiting_;
  std::size_t lines_ = 0;
  bool closing_ = false;
  std::atomic<std::uint64_t> dropped_{0};
  std::thread writer_;  // last: it uses all of the above
};

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace

std::string format_log_line(LogFormat format, WallTime time, LogLevel level, std::string_view event,
                            std::string_view message, std::initializer_list<LogField> fields) {
  std::string line;
  line.reserve(128);
  if (format == LogFormat::kText) {
    line += timestamp(time);
    line += ' ';
    line += level_name(level, format);
    line += ' ';
    line += event;
    line += ' ';
    line += printable(message, 4096);
    for (const LogField& field : fields) {
      line += ' ';
      line += field.key;
      line += '=';
      append_text_value(line, field);
    }
    return line + "\n";
  }
  json::Writer out(line);
  out.begin_object();
  out.field("time", std::string_view(timestamp(time)));
  out.field("level", level_name(level, format));
  out.field("event", event);
  out.field("message", message);
  for (const LogField& field : fields) {
    out.key(field.key);
    write_value(out, field);
  }
  out.end_object();
  return line + "\n";
}

std::unique_ptr<Logger> make_logger(const LogOptions& options, const Clock* clock) {
  constexpr mode_t kMode = 0640;
  const Clock& time = clock != nullptr ? *clock : system_clock();
  if (options.file.empty()) return std::make_unique<QueuedLogger>(options, time, STDERR_FILENO, false);
  const int descriptor = open(options.file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kMode);
  if (descriptor >= 0) return std::make_unique<QueuedLogger>(options, time, descriptor, true);
  const std::string reason = std::strerror(errno);
  auto logger = std::make_unique<QueuedLogger>(options, time, STDERR_FILENO, false);
  logger->write(LogLevel::kError, "log.file", "the log file cannot be opened; logging to standard error",
                {{"file", std::string_view(options.file)}, {"reason", std::string_view(reason)}});
  return logger;
}

}  // namespace slipway
