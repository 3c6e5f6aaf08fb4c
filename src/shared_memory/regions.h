// The regions that clients registered, behind dialect::SharedMemory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "contracts/dialect/shared_memory.h"

namespace slipway::shared_memory {

struct Options {
  /// Whoever may register can name any memory object that this process may open: other programs', too.
  bool unsafe_by_name = false;
  std::string folder = "/dev/shm";                    ///< where the names are looked up
  std::size_t max_regions = 256;                      ///< each keeps a descriptor open
  std::uint64_t max_bytes = std::uint64_t{4} << 30U;  ///< of all regions together
};

inline constexpr std::size_t kMaxNameBytes = 256;  ///< of a region's name
inline constexpr std::size_t kMaxKeyBytes = 255;   ///< of a file's name

/// A key as POSIX writes names of memory objects ("/input" or "input") -> a file name without a path.
/// Errors: shared_memory.key.
Result<std::string> file_name_of(std::string_view key);

/// Thread: safe.
std::unique_ptr<dialect::SharedMemory> make_regions(Options options);

}  // namespace slipway::shared_memory
