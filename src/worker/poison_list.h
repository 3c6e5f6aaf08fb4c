// Requests that workers died of, kept so that a restart of the server does not run them again.
//
// One file, replaced as a whole by a rename:
//   {"format": 1, "requests": [{"model": "HEX", "request": "HEX", "deaths": 2, "until_ms": 1700000000000}]}
// Both are SHA-256: of the model's main file, and of the request's tensors. The time is since 1970, UTC.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "crypto/digest.h"
#include "io/filesystem.h"

namespace slipway::worker {

struct PoisonRecord {
  crypto::Digest model;
  crypto::Digest request;
  int deaths = 0;
  WallTime until{};  ///< when it is forgotten; whole milliseconds

  friend bool operator==(const PoisonRecord&, const PoisonRecord&) = default;
};

std::string encode_poison(std::span<const PoisonRecord> records);
/// `path` is for messages. Errors: worker.poison_damaged.
Result<std::vector<PoisonRecord>> decode_poison(std::string_view text, const std::string& path);

/// Thread: safe.
class PoisonList {
 public:
  static constexpr std::size_t kMost = 1024;  ///< of all models; those forgotten soonest go

  /// Reads what is there. One at a time may have the file. Borrows: files, clock.
  /// Errors: worker.poison_damaged, naming what is wrong with the file; those of the file system.
  static Result<std::unique_ptr<PoisonList>> open(io::FileSystem& files, std::string path,
                                                  const Clock& clock);

  /// What is not forgotten yet of a model, what is forgotten soonest first.
  [[nodiscard]] std::vector<PoisonRecord> of(const crypto::Digest& model) const;
  /// Returns when they are on the device; each takes the place of what was known of its request. On an error
  /// they stand here alone. Errors: those of the file system.
  Status note(std::span<const PoisonRecord> records);
  /// It was run and the worker lived. The file says so with the next death.
  void acquit(const crypto::Digest& model, const crypto::Digest& request);

 private:
  using Key = std::pair<crypto::Digest, crypto::Digest>;
  PoisonList(io::FileSystem& files, std::string path, const Clock& clock)
      : files_(files), path_(std::move(path)), clock_(clock) {}
  void put(const PoisonRecord& record);
  void drop_soonest();

  io::FileSystem& files_;
  const std::string path_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<Key, PoisonRecord> records_;  // guarded by mutex_
};

}  // namespace slipway::worker
