// What people have decided about models while the server ran, so that it is the same after a restart.
//
// FOLDER/models.json, replaced as a whole by a rename:
//   {"format": 1, "models": {"wine": {"unloaded": true, "labels": {"stable": "2", "canary": ""}}}}
// A label with an empty version was taken away.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "io/filesystem.h"

namespace slipway::serving {

/// What calls have changed of one model.
struct ModelDecisions {
  bool unloaded = false;
  std::map<std::string, std::string> labels;  ///< label -> version; empty = taken away

  [[nodiscard]] bool empty() const { return !unloaded && labels.empty(); }
  friend bool operator==(const ModelDecisions&, const ModelDecisions&) = default;
};

using ModelDecisionsByName = std::map<std::string, ModelDecisions, std::less<>>;
std::string encode_state(const ModelDecisionsByName& models);
/// `path` is for messages. Errors: state.damaged.
Result<ModelDecisionsByName> decode_state(std::string_view text, const std::string& path);

/// Thread: external lock (the server's loader).
class StateStore {
 public:
  /// Makes the folder where there is none, and reads what is there. Borrows: files.
  /// Errors: state.taken when another server has the folder; state.damaged, naming what is wrong with the
  /// file; those of the file system.
  static Result<std::unique_ptr<StateStore>> open(io::FileSystem& files, std::string folder);

  /// Nothing was decided = an empty value.
  [[nodiscard]] ModelDecisions of(std::string_view model) const;
  /// Returns when it is on the device. On an error the old decisions stand, here and in the file, or, when
  /// only the last sync of the rename failed, the file may have the new ones. Errors: those of the file
  /// system.
  Status put(const std::string& model, ModelDecisions decisions);

 private:
  StateStore(io::FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}

  io::FileSystem& files_;
  const std::string path_;
  std::unique_ptr<io::FileLock> lock_;  // of the folder, so that two servers do not undo each other's work
  ModelDecisionsByName models_;
};

}  // namespace slipway::serving
