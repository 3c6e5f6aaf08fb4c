#include "worker/wire/block.h"

#include <algorithm>
#include <cstring>

#include "base/checked.h"
#include "worker/wire/frames.h"

namespace slipway::worker {
namespace {

struct Head {
  std::uint32_t tensors;
  std::uint32_t wanted;
  std::uint64_t reserved;
};
static_assert(sizeof(Head) == 16);

struct Record {
  std::uint8_t dtype;
  std::uint8_t rank;
  std::uint8_t reserved[6];
  std::uint64_t offset;
  std::uint64_t bytes;
  std::int64_t dims[Shape::kMaxRank];
};
static_assert(sizeof(Record) == 152);

std::optional<std::size_t> align(std::optional<std::size_t> offset) {
  const auto above = offset ? checked_add(*offset, kBlockAlignment - 1) : std::nullopt;
  return above ? std::optional(*above / kBlockAlignment * kBlockAlignment) : std::nullopt;
}

// At most kMaxBlockTensors of each, so this cannot overflow.
std::size_t head_bytes(std::size_t tensors, std::size_t wanted) {
  return sizeof(Head) + tensors * sizeof(Record) + wanted * sizeof(std::uint32_t);
}

Result<BlockTensor> check_record(const Record& record, std::size_t first, std::size_t block_size) {
  const Error bad = protocol_error("a block has a tensor that cannot be");
  if (record.dtype >= kDTypeCount || record.rank > Shape::kMaxRank) return bad;
  BlockTensor tensor;
  tensor.dtype = static_cast<DType>(record.dtype);
  auto shape = Shape::from({record.dims, record.rank});
  if (!shape.ok() || !shape->is_fixed()) return bad;
  tensor.shape = *shape;
  const auto end = checked_add(record.offset, record.bytes);
  if (!end || *end > block_size || record.offset < first || record.offset % kBlockAlignment != 0) return bad;
  tensor.offset = record.offset;
  tensor.bytes = record.bytes;
  if (tensor.dtype == DType::kBytes) return tensor;
  const auto elements = tensor.shape.elements();
  const auto size =
      elements ? checked_mul(static_cast<std::uint64_t>(*elements), std::uint64_t{dtype_size(tensor.dtype)})
               : std::nullopt;
  if (!size || *size != record.bytes) return bad;
  return tensor;
}

}  // namespace

std::optional<std::size_t> block_bytes(std::span<const TensorView> tensors, std::size_t wanted) {
  if (tensors.size() > kMaxBlockTensors || wanted > kMaxBlockTensors) return std::nullopt;
  std::optional<std::size_t> size = align(head_bytes(tensors.size(), wanted));
  for (const TensorView& tensor : tensors) {
    if (size) size = align(checked_add(*size, tensor.data.size()));
  }
  return size;
}

void write_block(std::span<const TensorView> tensors, std::span<const std::size_t> wanted,
                 MutableByteView block) {
  const Head head{static_cast<std::uint32_t>(tensors.size()), static_cast<std::uint32_t>(wanted.size()), 0};
  std::memcpy(block.data(), &head, sizeof(head));
  std::size_t at = sizeof(head);
  const std::size_t first = *align(head_bytes(tensors.size(), wanted.size()));
  std::size_t data = first;
  for (const TensorView& tensor : tensors) {
    Record record{};
    record.dtype = static_cast<std::uint8_t>(tensor.dtype);
    record.rank = static_cast<std::uint8_t>(tensor.shape.rank());
    record.offset = data;
    record.bytes = tensor.data.size();
    std::copy(tensor.shape.dims().begin(), tensor.shape.dims().end(), record.dims);
    std::memcpy(block.data() + at, &record, sizeof(record));
    at += sizeof(record);
    if (!tensor.data.empty()) std::memcpy(block.data() + data, tensor.data.data(), tensor.data.size());
    const std::size_t end = data + tensor.data.size();
    data = *align(end);
    std::memset(block.data() + end, 0, data - end);
  }
  for (const std::size_t position : wanted) {
    const auto value = static_cast<std::uint32_t>(position);
    std::memcpy(block.data() + at, &value, sizeof(value));
    at += sizeof(value);
  }
  std::memset(block.data() + at, 0, first - at);
}

Result<BlockHead> read_block(ByteView block) {
  Head head{};
  if (block.size() < sizeof(head)) return protocol_error("a block is too short for its head");
  std::memcpy(&head, block.data(), sizeof(head));
  if (head.tensors > kMaxBlockTensors || head.wanted > kMaxBlockTensors ||
      head_bytes(head.tensors, head.wanted) > block.size()) {
    return protocol_error("a block is too short for its tensors");
  }
  const std::size_t first = head_bytes(head.tensors, head.wanted);
  BlockHead read;
  read.tensors.reserve(head.tensors);
  std::size_t at = sizeof(head);
  for (std::uint32_t i = 0; i < head.tensors; ++i, at += sizeof(Record)) {
    Record record{};
    std::memcpy(&record, block.data() + at, sizeof(record));
    SLIPWAY_ASSIGN_OR_RETURN(BlockTensor tensor, check_record(record, first, block.size()));
    read.tensors.push_back(tensor);
  }
  for (std::uint32_t i = 0; i < head.wanted; ++i, at += sizeof(std::uint32_t)) {
    std::uint32_t position = 0;
    std::memcpy(&position, block.data() + at, sizeof(position));
    read.wanted.push_back(position);
  }
  return read;
}

}  // namespace slipway::worker
