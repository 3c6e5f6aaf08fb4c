// Memory that clients on this machine share with the server: regions that they register, and parts of them in
// which tensors come and go.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace slipway::dialect {

/// What a client registered under a name of its own.
struct SharedRegion {
  std::string name;
  std::string key;           ///< of the memory object, as the client wrote it
  std::uint64_t offset = 0;  ///< where in the object the region begins
  std::uint64_t byte_size = 0;
};

/// Where in a region a tensor is.
struct SharedRange {
  std::string_view region;
  std::uint64_t offset = 0;
  std::uint64_t byte_size = 0;
};

/// A range that lies in a registered region; it stays usable after the region was unregistered. Bytes are
/// copied, so that a client which changes or shortens its memory meanwhile harms nobody else. Thread: safe.
class SharedPart {
 public:
  virtual ~SharedPart() = default;
  [[nodiscard]] virtual const SharedRange& range() const = 0;
  /// Precondition: into.size() == range().byte_size.
  /// Errors: shared_memory.shortened (the memory was made shorter), shared_memory.read.
  [[nodiscard]] virtual Status read(MutableByteView into) const = 0;
  /// Writes from the range's begin. Precondition: no more than range().byte_size bytes.
  /// Errors: shared_memory.shortened, shared_memory.write.
  [[nodiscard]] virtual Status write(ByteView bytes) const = 0;
};

/// The regions of all clients. Thread: safe.
class SharedMemory {
 public:
  virtual ~SharedMemory() = default;

  /// Registers the memory object that the key names. Errors: shared_memory.by_name (permission denied: not
  /// allowed here), shared_memory.name, shared_memory.key, shared_memory.size (a size of 0, or beyond the
  /// object's), shared_memory.exists, shared_memory.open, shared_memory.too_many (resource exhausted).
  [[nodiscard]] virtual Status add(SharedRegion region) = 0;
  /// By name, then all of that name or, without one, all there are. Errors: shared_memory.unknown (not
  /// found).
  [[nodiscard]] virtual Result<std::vector<SharedRegion>> list(std::string_view name) const = 0;
  /// Unregisters one, or all without a name. One that is not there is no failure.
  virtual void remove(std::string_view name) = 0;

  /// Errors: shared_memory.unknown (invalid argument), shared_memory.range (not within the region).
  [[nodiscard]] virtual Result<std::shared_ptr<const SharedPart>> find(const SharedRange& range) const = 0;
};

}  // namespace slipway::dialect
