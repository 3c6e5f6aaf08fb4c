#include "app/context.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "app/plugin_table.gen.h"
#include "telemetry/logger.h"

namespace slipway::app {
namespace {

std::string env(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string find_home() {
  if (const std::string own = env("SLIPWAY_HOME"); !own.empty()) return own;
  if (const std::string data = env("XDG_DATA_HOME"); !data.empty()) return data + "/slipway";
  const std::string user = env("HOME");
  return (user.empty() ? std::string("/tmp") : user) + "/.local/share/slipway";
}

// Beside the binary, in ../lib/slipway, in $SLIPWAY_HOME/backends; the loader's own places come after these.
std::vector<std::string> library_dirs(const std::string& home) {
  std::vector<std::string> dirs;
  std::error_code failed;
  const std::filesystem::path binary = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (!failed) {
    dirs.push_back(binary.parent_path().string());
    dirs.push_back((binary.parent_path() / "../lib/slipway").lexically_normal().string());
  }
  dirs.push_back(home + "/backends");
  return dirs;
}

Exit exit_for(const Error& error) {
  switch (error.code()) {
    case Code::kPermissionDenied:
    case Code::kDataLoss:
      return Exit::kRefused;
    default:
      return Exit::kFailed;
  }
}

void write_fault(json::Writer& writer, const Fault& fault) {
  writer.begin_object();
  writer.field("where", fault.where);
  writer.field("message", fault.message);
  writer.field("fix", fault.fix);
  writer.end_object();
}

void put(std::FILE* stream, std::string_view text) {
  // A reader that went away (a pager, head) is no failure; everything else would be silence where a result
  // was promised.
  if (std::fwrite(text.data(), 1, text.size(), stream) != text.size() || std::fflush(stream) != 0) {
    std::_Exit(static_cast<int>(Exit::kFailed));
  }
}

}  // namespace

Context::Context(GlobalOptions options)
    : options_(options),
      files_(io::make_os_filesystem()),
      logger_(std::make_unique<NullLogger>()),
      home_(find_home()) {
  // A closed pipe or socket is an error value, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
}

Context::~Context() = default;

void Context::print(std::string_view line) const { print_raw(std::string(line) + "\n"); }

void Context::print_raw(std::string_view text) const { put(stdout, text); }

void Context::say(std::string_view line) const {
  if (options_.quiet || options_.json) return;
  if (progress_shown_) put(stderr, "\r\033[K");
  progress_shown_ = false;
  put(stderr, std::string(line) + "\n");
}

void Context::progress(std::string_view line) const {
  if (options_.quiet || options_.json || isatty(STDERR_FILENO) == 0) return;
  put(stderr, "\r\033[K" + std::string(line));
  progress_shown_ = !line.empty();
}

Exit Context::fail(const Error& error) const {
  progress("");
  if (!options_.json) {
    put(stderr, "slipway: " + error.to_string() + "\n");
    return exit_for(error);
  }
  std::string text;
  json::Writer writer(text);
  writer.begin_object();
  writer.key("error");
  writer.begin_object();
  writer.field("code", code_name(error.code()));
  writer.field("id", error.id());
  writer.field("message", error.message());
  writer.key("faults");
  writer.begin_array();
  for (const Fault& fault : error.faults()) write_fault(writer, fault);
  writer.end_array();
  writer.end_object();
  writer.end_object();
  put(stderr, text + "\n");
  return exit_for(error);
}

std::vector<std::unique_ptr<backend::Backend>> Context::make_backends(Logger& logger) const {
  const backend::Host host{.clock = &clock_, .logger = &logger, .library_dirs = library_dirs(home_)};
  std::vector<std::unique_ptr<backend::Backend>> backends;
  for (const auto& plugin : backend_plugins()) backends.push_back(plugin.make(host));
  return backends;
}

const std::vector<backend::Backend*>& Context::backends() {
  if (owned_backends_.empty()) {
    owned_backends_ = make_backends(*logger_);
    for (const auto& backend : owned_backends_) backends_.push_back(backend.get());
  }
  return backends_;
}

std::vector<std::string> Context::worker_environment() const {
  std::vector<std::string> passed = {"SLIPWAY_HOME=" + home_};
  for (const char* name :
       {"PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"}) {
    if (const std::string value = env(name); !value.empty())
      passed.push_back(std::string(name) + "=" + value);
  }
  return passed;
}

void Context::use_logger(const LogOptions& options) {
  SLIPWAY_CHECK(owned_backends_.empty());  // they keep the logger that they were made with
  auto logger = make_logger(options);
  leveled_logger_ = logger.get();
  logger_ = std::move(logger);
}

}  // namespace slipway::app
