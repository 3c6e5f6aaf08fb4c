// A folder in the place of /dev/shm, for tests.
#pragma once

#include <string>
#include <string_view>

#include "shared_memory/regions.h"

namespace slipway::shared_memory::testing {

/// Removed with its objects when destroyed.
class ObjectFolder {
 public:
  ObjectFolder();
  ~ObjectFolder();
  ObjectFolder(const ObjectFolder&) = delete;
  ObjectFolder& operator=(const ObjectFolder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path_of(std::string_view key) const { return path_ + "/" + std::string(key); }
  void put(std::string_view key, std::string_view bytes) const;
  [[nodiscard]] std::string content(std::string_view key) const;
  /// By name, from this folder.
  [[nodiscard]] std::unique_ptr<dialect::SharedMemory> regions(Options options = {}) const;

 private:
  std::string path_;
};

}  // namespace slipway::shared_memory::testing
