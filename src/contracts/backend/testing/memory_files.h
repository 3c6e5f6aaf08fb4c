// Model files held in memory, for tests.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "contracts/backend/backend.h"

namespace slipway::backend::testing {

/// Owns: its files. Thread: safe once built.
class MemoryModelFiles final : public ModelFiles {
 public:
  /// One file, "model".
  explicit MemoryModelFiles(std::string content) { add("model", std::move(content)); }
  /// Several files; the first added is the main one.
  MemoryModelFiles() = default;

  void add(std::string name, std::string content) {
    names_.push_back(name);
    contents_[std::move(name)] = std::move(content);
  }

  [[nodiscard]] const std::string& main() const override { return names_.front(); }
  [[nodiscard]] std::span<const std::string> names() const override { return names_; }
  [[nodiscard]] Result<ByteView> read(std::string_view name) const override {
    const auto found = contents_.find(name);
    if (found != contents_.end()) return as_bytes(found->second);
    return not_found("model.file_missing", "the model has no file '" + std::string(name) + "'");
  }

 private:
  std::vector<std::string> names_;
  std::map<std::string, std::string, std::less<>> contents_;
};

}  // namespace slipway::backend::testing
