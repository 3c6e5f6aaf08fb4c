#include "telemetry/logger.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cmath>
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

// Cut between characters.
std::string_view cut(std::string_view text) {
  if (text.size() <= kMaxTextBytes) return text;
  std::size_t end = kMaxTextBytes;
  const auto continues = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
  };
  while (end > kMaxTextBytes - 3 && continues(end)) --end;
  return text.substr(0, end);
}

// JSON has no numbers for these.
void write_double(json::Writer& out, double value) {
  if (std::isfinite(value)) return out.number(value);
  out.string(std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
}

void write_value(json::Writer& out, const LogField& field) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) out.string(cut(*text));
  if (const auto* number = std::get_if<std::int64_t>(&field.value)) out.number(*number);
  if (const auto* number = std::get_if<double>(&field.value)) write_double(out, *number);
  if (const auto* flag = std::get_if<bool>(&field.value)) out.boolean(*flag);
}

// Text without spaces, quotes and the like stands bare; the rest in JSON's quotes, so that a line stays a
// line.
void append_text_value(std::string& out, const LogField& field) {
  const auto* text = std::get_if<std::string_view>(&field.value);
  const bool bare = text != nullptr && !text->empty() && text->size() <= kMaxTextBytes && is_utf8(*text) &&
                    text->find_first_of(" \"\\=") == std::string_view::npos &&
                    printable(*text, text->size()) == *text;
  if (bare) {
    out += *text;
    return;
  }
  json::Writer writer(out);
  write_value(writer, field);
}

class FileSink final : public LogSink {
 public:
  FileSink(int descriptor, bool owns) : descriptor_(descriptor), owns_(owns) {}
  ~FileSink() override {
    if (owns_) close(descriptor_);
  }
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;

  bool write(std::string_view lines) override {
    while (!lines.empty()) {
      const ssize_t count = ::write(descriptor_, lines.data(), lines.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      lines.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

 private:
  const int descriptor_;
  const bool owns_;
};

class QueuedLogger final : public LeveledLogger {
 public:
  QueuedLogger(const LogOptions& options, const Clock* clock, std::unique_ptr<LogSink> sink)
      : level_(options.level),
        format_(options.format),
        max_lines_(options.queue_lines),
        clock_(clock != nullptr ? *clock : system_clock_),
        sink_(std::move(sink)) {
    // The writer takes no signals: they are the program's, and a reader of standard error that went away is
    // no reason to die.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    writer_ = std::thread([this] { drain(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  ~QueuedLogger() override {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    wake_.notify_one();
    writer_.join();
  }

  QueuedLogger(const QueuedLogger&) = delete;
  QueuedLogger& operator=(const QueuedLogger&) = delete;

  [[nodiscard]] bool enabled(LogLevel level) const override {
    return level >= this->level() && level != LogLevel::kOff;
  }
  [[nodiscard]] LogLevel level() const override { return level_.load(std::memory_order_relaxed); }
  void set_level(LogLevel level) override { level_.store(level, std::memory_order_relaxed); }
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
      std::size_t count = 0;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return closing_ || lines_ > 0; });
        taken.swap(waiting_);
        count = std::exchange(lines_, 0);
        last = closing_;
      }
      if (count > 0 && !sink_->write(taken)) dropped_.fetch_add(count, std::memory_order_relaxed);
      tell_dropped();
    }
  }

  void tell_dropped() {
    const std::uint64_t lost = dropped() - told_;
    if (lost == 0) return;
    const std::string line =
        format_log_line(format_, clock_.wall_now(), LogLevel::kWarning, "log.dropped",
                        "log lines were lost because they could not be written as fast as they came",
                        {{"lines", static_cast<std::int64_t>(lost)}});
    if (sink_->write(line)) told_ += lost;
  }

  std::atomic<LogLevel> level_;
  const LogFormat format_;
  const std::size_t max_lines_;
  const SystemClock system_clock_;  // where none is given
  const Clock& clock_;
  const std::unique_ptr<LogSink> sink_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string waiting_;
  std::size_t lines_ = 0;
  bool closing_ = false;
  std::atomic<std::uint64_t> dropped_{0};
  std::uint64_t told_ = 0;  // of those dropped; the writer's own
  std::thread writer_;      // last: it uses all of the above
};

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
    line += printable(event, kMaxTextBytes);
    line += ' ';
    line += printable(message, kMaxTextBytes);
    for (const LogField& field : fields) {
      line += ' ';
      line += printable(field.key, kMaxTextBytes);
      line += '=';
      append_text_value(line, field);
    }
    return line + "\n";
  }
  json::Writer out(line);
  out.begin_object();
  out.field("time", std::string_view(timestamp(time)));
  out.field("level", level_name(level, format));
  out.field("event", cut(event));
  out.field("message", cut(message));
  for (const LogField& field : fields) {
    out.key(cut(field.key));
    write_value(out, field);
  }
  out.end_object();
  return line + "\n";
}

std::unique_ptr<LeveledLogger> make_logger(const LogOptions& options, const Clock* clock,
                                           std::unique_ptr<LogSink> sink) {
  return std::make_unique<QueuedLogger>(options, clock, std::move(sink));
}

std::unique_ptr<LeveledLogger> make_logger(const LogOptions& options, const Clock* clock) {
  constexpr mode_t kMode = 0640;
  if (options.file.empty())
    return make_logger(options, clock, std::make_unique<FileSink>(STDERR_FILENO, false));
  const int descriptor = open(options.file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kMode);
  if (descriptor >= 0) return make_logger(options, clock, std::make_unique<FileSink>(descriptor, true));
  const std::string reason = std::strerror(errno);
  auto logger = make_logger(options, clock, std::make_unique<FileSink>(STDERR_FILENO, false));
  logger->write(LogLevel::kError, "log.file", "the log file cannot be opened; logging to standard error",
                {{"file", std::string_view(options.file)}, {"reason", std::string_view(reason)}});
  return logger;
}

}  // namespace slipway
