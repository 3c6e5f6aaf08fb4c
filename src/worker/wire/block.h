// A request or an answer in shared memory: what tensors there are, then their bytes.
//
// Block: uint32 tensors | uint32 wanted | uint64 0
//        tensors x record: uint8 dtype | uint8 rank | 6 bytes 0 | uint64 offset | uint64 bytes | 16 x int64
//        dims wanted x uint32 position of a wanted output (requests only; none = all) the bytes of each
//        tensor, each at a multiple of 64 from the block's start; gaps are zero
// An answer that failed is an encoded Error instead (frames.h); the answer's frame says which.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "tensor/tensor.h"

namespace slipway::worker {

inline constexpr std::size_t kBlockAlignment = 64;
inline constexpr std::size_t kMaxBlockTensors = 4096;

/// Bytes of a block with these tensors; nothing when that overflows or they are too many.
std::optional<std::size_t> block_bytes(std::span<const TensorView> tensors, std::size_t wanted);

/// Precondition: `block` has block_bytes() bytes and is aligned. Cost: one copy of the tensors.
void write_block(std::span<const TensorView> tensors, std::span<const std::size_t> wanted,
                 MutableByteView block);

struct BlockTensor {
  DType dtype = DType::kFp32;
  Shape shape;
  std::uint64_t offset = 0;  ///< from the block's start; offset + bytes is inside the block
  std::uint64_t bytes = 0;   ///< what dtype and shape ask for; unchecked for BYTES
};

struct BlockHead {
  std::vector<BlockTensor> tensors;
  std::vector<std::size_t> wanted;
};

/// Reads each byte of the head once, so that a writer that changes it meanwhile changes only what is read.
/// The bytes of the tensors are not looked at. Errors: worker.protocol.
Result<BlockHead> read_block(ByteView block);

}  // namespace slipway::worker
