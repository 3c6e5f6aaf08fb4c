// The paths of one package: safe, none twice, none at once a file and a folder.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "io/filesystem.h"

namespace slipway::package {

/// Thread: external lock.
class PathSet {
 public:
  /// Errors: io.path, package.path_twice.
  Status add(const std::string& path) {
    SLIPWAY_TRY(io::check_relative_path(path));
    if (files_.contains(path)) return already_exists("package.path_twice", path + " comes twice");
    if (folders_.contains(path))
      return already_exists("package.path_twice", path + " is a file and a folder");
    for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
      const std::string folder = path.substr(0, slash);
      if (files_.contains(folder))
        return already_exists("package.path_twice", folder + " is a file and a folder");
      folders_.insert(folder);
    }
    files_.insert(path);
    return {};
  }
  [[nodiscard]] bool has(const std::string& path) const { return files_.contains(path); }

 private:
  std::set<std::string> files_;
  std::set<std::string> folders_;
};

}  // namespace slipway::package
