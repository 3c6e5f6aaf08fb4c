#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "io/filesystem.h"

namespace slipway::io {
namespace {

constexpr std::size_t kMaxPathBytes = 1024;
constexpr std::size_t kMaxPartBytes = 255;

bool is_safe_part(std::string_view part) {
  return !part.empty() && part.size() <= kMaxPartBytes && part != "." && part != "..";
}

bool is_safe_path(std::string_view path) {
  if (path.empty() || path.size() > kMaxPathBytes || !is_utf8(path)) return false;
  for (const char c : path) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\') return false;
  }
  while (true) {
    const std::size_t slash = path.find('/');
    if (!is_safe_part(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

Status check_relative_path(std::string_view path) {
  if (is_safe_path(path)) return {};
  return invalid_argument("io.path",
                          "'" + printable(path) +
                              "' is no safe relative path: write names joined by '/', without '.', '..', "
                              "backslashes or control characters, at most 1024 bytes");
}

std::string join_path(std::string_view folder, std::string_view name) {
  std::string path(folder);
  if (!path.ends_with('/')) path += '/';
  path += name;
  return path;
}

std::string folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  if (slash == 0) return "/";
  return std::string(path.substr(0, slash));
}

Error error_from_errno(int cause, std::string_view what, std::string_view path) {
  const std::string head = "cannot " + std::string(what) + " " + printable(path, 400) + ": ";
  switch (cause) {
    case ENOENT:
      return not_found("io.not_found", head + "it does not exist");
    case EEXIST:
      return already_exists("io.exists", head + "it exists already");
    case ENOTEMPTY:
      return already_exists("io.exists", head + "the folder is not empty");
    case EACCES:
    case EPERM:
      return permission_denied("io.permission", head + "this user may not; check its owner and mode");
    case EROFS:
      return permission_denied("io.permission", head + "the file system is read-only");
    case ENOSPC:
    case EDQUOT:
      return resource_exhausted("io.disk_full",
                                head + "the disk is full; free some space or choose another folder");
    case EFBIG:
      return resource_exhausted("io.too_large", head + "the file system takes no file this large");
    case EMFILE:
    case ENFILE:
      return resource_exhausted("io.open_files", head + "too many open files; raise the limit (ulimit -n)");
    case ENOTDIR:
      return failed_precondition("io.kind", head + "a part of the path is no folder");
    case EISDIR:
      return failed_precondition("io.kind", head + "it is a folder; a file is wanted");
    case ELOOP:
      return failed_precondition("io.link", head + "a part of it is a link, which is not followed here");
    case ENAMETOOLONG:
      return invalid_argument("io.path", head + "the name is too long");
    case EWOULDBLOCK:
      return unavailable("io.locked", head + "another process holds it; try again when that has finished");
    default:
      return data_loss("io.failed", head + std::strerror(cause));
  }
}

}  // namespace slipway::io
