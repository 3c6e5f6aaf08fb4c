// The files of a model in a folder, before they are a package.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "contracts/backend/backend.h"
#include "io/filesystem.h"

namespace slipway::packing {

/// The main file and those in its folder that it names. Read into memory when first asked for, because a file
/// that is still being worked on must not change under a running model. Thread: safe.
class FolderModelFiles final : public backend::ModelFiles {
 public:
  static constexpr std::uint64_t kMaxFileBytes = std::uint64_t{64} << 30U;

  /// Reads the main file. Borrows: fs. Errors: io.*; model.file_missing when `main` is not in `folder`.
  static Result<std::unique_ptr<FolderModelFiles>> open(io::FileSystem& fs, std::string folder,
                                                        std::string main);

  [[nodiscard]] const std::string& main() const override { return names_.front(); }
  [[nodiscard]] std::span<const std::string> names() const override { return names_; }
  [[nodiscard]] Result<ByteView> read(std::string_view name) const override;
  /// Puts another content in the place of the main file's. What read() gave of it before is gone.
  void replace_main(std::string content);
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  FolderModelFiles(io::FileSystem& fs, std::string folder, std::string main)
      : fs_(fs), folder_(std::move(folder)), names_{std::move(main)} {}

  io::FileSystem& fs_;
  std::string folder_;
  std::vector<std::string> names_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::string, std::less<>> contents_;
};

}  // namespace slipway::packing
