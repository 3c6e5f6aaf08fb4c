// Where models come from, as the server sees it: a file, a repository folder, a package store.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "serving/revision.h"

namespace slipway::serving {

struct Candidate {
  std::string version;
  std::string fingerprint;  ///< changes when the content may have changed; equal = need not be loaded again
};

/// The versions of one model. Thread: external lock (the server's loader).
class ModelSource {
 public:
  virtual ~ModelSource() = default;
  /// What is there now, oldest first; never nothing. Errors: source.empty, or as the place behind it has
  /// them.
  [[nodiscard]] virtual Result<std::vector<Candidate>> candidates() = 0;
  /// Cost: reads and verifies; may take long. Errors: as the place behind it has them.
  [[nodiscard]] virtual Result<ModelBundle> open(const Candidate& candidate) = 0;
};

/// A place with many models, by name. Thread: external lock.
class ModelRepository {
 public:
  virtual ~ModelRepository() = default;
  [[nodiscard]] virtual Result<std::vector<std::string>> names() = 0;
  /// Errors: model.unknown.
  [[nodiscard]] virtual Result<std::unique_ptr<ModelSource>> source(std::string_view name) = 0;
};

}  // namespace slipway::serving
