#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/text.h"
#include "plugins/backends/onnxruntime/library_internal.h"

namespace slipway::onnxruntime {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kOldestMinor = 16;
constexpr std::string_view kFileStart = "libonnxruntime.so";

Error unavailable_library(std::string message) {
  return unavailable("backend.unavailable", std::move(message));
}

// "1.31.1" -> 31. The API's number is the minor version of release 1.
std::optional<std::uint32_t> minor_version(std::string_view version) {
  if (!version.starts_with("1.")) return std::nullopt;
  version.remove_prefix(2);
  std::uint32_t minor = 0;
  const auto [end, fault] = std::from_chars(version.data(), version.data() + version.size(), minor);
  if (fault != std::errc()) return std::nullopt;
  return minor;
}

std::vector<std::uint32_t> version_of_file(std::string_view name) {
  std::vector<std::uint32_t> parts;
  name.remove_prefix(kFileStart.size());
  while (name.starts_with('.')) {
    std::uint32_t part = 0;
    const auto [end, fault] = std::from_chars(name.data() + 1, name.data() + name.size(), part);
    if (fault != std::errc()) break;
    parts.push_back(part);
    name.remove_prefix(static_cast<std::size_t>(end - name.data()));
  }
  return parts;
}

std::optional<std::string> newest_in(const std::string& dir) {
  std::optional<std::string> best;
  std::error_code fault;
  for (fs::directory_iterator it(dir, fault), end; !fault && it != end; it.increment(fault)) {
    std::string name = it->path().filename().string();
    if (!name.starts_with(kFileStart)) continue;
    if (!best || version_of_file(name) > version_of_file(*best)) best = std::move(name);
  }
  if (!best) return std::nullopt;
  return (fs::path(dir) / *best).string();
}

// Beside the program, as in a build folder, and as installed.
std::vector<std::string> dirs_of_program() {
  std::vector<std::string> dirs;
  std::error_code fault;
  const fs::path program = fs::read_symlink("/proc/self/exe", fault);
  if (!fault) {
    dirs.push_back(program.parent_path().string());
    dirs.push_back((program.parent_path().parent_path() / "lib" / "slipway").string());
  }
  return dirs;
}

std::string path_of(void* handle, const std::string& asked) {
  link_map* map = nullptr;
  if (dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map != nullptr && map->l_name != nullptr &&
      *map->l_name != '\0') {
    return map->l_name;
  }
  return asked;
}

}  // namespace

Result<Library> open_file(const std::string& file) {
  void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    const char* why = dlerror();
    return unavailable_library("ONNX Runtime cannot be opened: " +
                               printable(why != nullptr ? why : file, 400));
  }
  const auto get_base = reinterpret_cast<const OrtApiBase* (*)()>(dlsym(handle, "OrtGetApiBase"));
  const OrtApiBase* base = get_base != nullptr ? get_base() : nullptr;
  if (base == nullptr) return unavailable_library("'" + file + "' is no ONNX Runtime library");
  Library library;
  library.version = base->GetVersionString();
  library.where = path_of(handle, file);
  // Asking for an unknown version makes the library write to standard error, so its own word comes first.
  const auto minor = minor_version(library.version);
  if (minor && *minor >= kOldestMinor) {
    library.api_version = std::min<std::uint32_t>(*minor, ORT_API_VERSION);
    library.api = base->GetApi(library.api_version);
  }
  if (library.api == nullptr) {
    return unavailable_library("'" + library.where + "' is ONNX Runtime " + library.version +
                               "; version 1.16 or a later 1.x is needed");
  }
  return library;
}

Result<Library> open_library(std::span<const std::string> dirs) {
  std::vector<std::string> places(dirs.begin(), dirs.end());
  for (std::string& dir : dirs_of_program()) places.push_back(std::move(dir));
  std::vector<Fault> faults;
  for (const std::string& dir : places) {
    const auto file = newest_in(dir);
    if (!file) {
      faults.push_back({dir, "holds no " + std::string(kFileStart), ""});
      continue;
    }
    auto library = open_file(*file);
    if (library.ok()) return library;
    faults.push_back({*file, library.error().message(), ""});
  }
  for (const char* name : {"libonnxruntime.so.1", "libonnxruntime.so"}) {
    auto library = open_file(name);
    if (library.ok()) return library;
    if (library.error().message().find("No such file") == std::string::npos) {
      faults.push_back({name, library.error().message(), ""});
    }
  }
  const std::string where = places.empty() ? std::string("a folder of the loader's path") : places.front();
  return unavailable_library(
             "ONNX Runtime (libonnxruntime.so, 1.16 or later) was not found; put the library of the PyPI "
             "wheel 'onnxruntime' into " +
             where)
      .with_faults(std::move(faults));
}

}  // namespace slipway::onnxruntime
