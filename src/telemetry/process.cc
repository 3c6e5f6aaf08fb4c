#include "telemetry/process.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>

namespace slipway::telemetry {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

std::string read_text(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

double to_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end != text.data() ? value : kUnknown;
}

// Field `number` of /proc/self/stat, counted from 1; the second, in parentheses, may hold spaces.
double stat_field(int number) {
  const std::string text = read_text("/proc/self/stat");
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return kUnknown;
  std::string_view rest = std::string_view(text).substr(name_end + 1);
  for (int field = 2; field < number; ++field) {
    const std::size_t space = rest.find(' ');
    if (space == std::string_view::npos) return kUnknown;
    rest.remove_prefix(space + 1);
  }
  return to_number(rest);
}

double cpu_seconds() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return kUnknown;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double resident_bytes() { return stat_field(24) * static_cast<double>(sysconf(_SC_PAGESIZE)); }
double virtual_bytes() { return stat_field(23); }

double open_files() {
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return kUnknown;
  double count = -1;  // the folder's own descriptor is none of ours
  while (const dirent* entry = readdir(folder)) {
    if (entry->d_name[0] != '.') ++count;
  }
  closedir(folder);
  return count;
}

double max_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kUnknown;
  return static_cast<double>(limit.rlim_cur);
}

// The boot time plus the ticks from boot to start.
double start_seconds() {
  const std::string text = read_text("/proc/stat");
  const std::size_t at = text.find("btime ");
  if (at == std::string::npos) return kUnknown;
  return to_number(std::string_view(text).substr(at + 6)) +
         stat_field(22) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

void register_process_metrics(Registry& registry) {
  registry.counter_callback("process_cpu_seconds_total", "User and system processor time spent.",
                            cpu_seconds);
  registry.gauge_callback("process_resident_memory_bytes", "Memory held in RAM.", resident_bytes);
  registry.gauge_callback("process_virtual_memory_bytes", "Address space in use.", virtual_bytes);
  registry.gauge_callback("process_open_fds", "Open file descriptors.", open_files);
  registry.gauge_callback("process_max_fds", "Most file descriptors that may be open.", max_files);
  registry.gauge_callback("process_start_time_seconds", "When the process started, since the Unix epoch.",
                          start_seconds);
}

}  // namespace slipway::telemetry
