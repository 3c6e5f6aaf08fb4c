// The shared-memory extension, as far as both wires have it in common: tensors whose bytes are in a region
// that the client registered.
// Source: Triton docs/protocol/extension_shared_memory.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "contracts/dialect/shared_memory.h"
#include "openinference/classification.h"
#include "tensor/tensor.h"

namespace slipway::openinference {

/// The extension's name in the server's metadata.
inline constexpr std::string_view kSharedMemoryExtension = "system_shared_memory";

// The parameters of a tensor.
inline constexpr std::string_view kSharedPrefix = "shared_memory_";
inline constexpr std::string_view kSharedRegion = "shared_memory_region";
inline constexpr std::string_view kSharedByteSize = "shared_memory_byte_size";
inline constexpr std::string_view kSharedOffset = "shared_memory_offset";

/// What those parameters say.
struct SharedWords {
  std::optional<std::string_view> region = {};
  std::optional<std::uint64_t> byte_size = {};
  std::optional<std::uint64_t> offset = {};

  [[nodiscard]] bool any() const { return region || byte_size || offset; }
};

/// v2.shared_memory (unimplemented): it is not allowed here, or not to this client.
Error no_shared_memory(const std::string& title);

/// v2.parameter: no classification goes to shared memory.
Error classes_in_shared_memory(const std::string& title);

using SharedPartPtr = std::shared_ptr<const dialect::SharedPart>;

/// Finds what the tensors of one request have in shared memory, and reads its inputs.
class SharedTensors {
 public:
  /// `memory` may be null. `max_bytes` holds for all inputs together. Borrows: memory.
  SharedTensors(const dialect::SharedMemory* memory, std::size_t max_bytes)
      : memory_(memory), left_bytes_(max_bytes) {}

  [[nodiscard]] bool allowed() const { return memory_ != nullptr; }
  /// Errors: v2.shared_memory, v2.parameter (one of the parameters is missing), shared_memory.unknown,
  /// shared_memory.range.
  [[nodiscard]] Result<SharedPartPtr> find(const SharedWords& words, const std::string& title) const;
  /// Copies the input's bytes into `buffer`, and lets the tensor, whose type and shape are known, be a view
  /// of them. Errors: those of find() and of SharedPart::read(), v2.shared_memory_size (too large),
  /// tensor.size, tensor.bytes.
  Status read(const SharedWords& words, const std::string& title, TensorView& tensor, Buffer& buffer);

 private:
  const dialect::SharedMemory* memory_;
  std::size_t left_bytes_;
};

/// The form in which an output was asked for; null where nothing was said of it.
[[nodiscard]] const OutputForm* form_of(std::span<const OutputForm> forms, std::string_view name);

/// Writes the outputs that are wanted in shared memory there.
/// Errors: v2.shared_memory_size (the output is larger than its place), those of SharedPart::write().
Status write_shared_outputs(std::span<const OutputForm> forms, std::span<const NamedTensorView> outputs);

}  // namespace slipway::openinference
