#include "worker/wire/block.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/random.h"

namespace slipway::worker {
namespace {

Buffer block_of(std::span<const TensorView> tensors, std::span<const std::size_t> wanted = {}) {
  Buffer block(*block_bytes(tensors, wanted.size()));
  std::memset(block.bytes().data(), 0xee, block.size());  // what was there before
  write_block(tensors, wanted, block.bytes());
  return block;
}

TEST(Block, HoldsTensorsOfEveryKind) {
  const std::vector<float> numbers = {1, 2, 3, 4, 5, 6};
  const Tensor matrix = Tensor::of<float>({3, 2}, numbers);
  const std::vector<std::string> words = {"a", "", "three"};
  const Tensor text = Tensor::of_strings({3}, words);
  const Tensor scalar = Tensor::of<std::int64_t>({}, std::vector<std::int64_t>{7});
  const TensorView none{DType::kFp64, {0, 4}, {}};
  const TensorView views[] = {matrix.view(), text.view(), scalar.view(), none};
  const std::size_t wanted[] = {2, 0};
  const Buffer block = block_of(views, wanted);
  EXPECT_EQ(block.size() % kBlockAlignment, 0U);
  const BlockHead head = read_block(block.bytes()).value();
  EXPECT_EQ(head.wanted, (std::vector<std::size_t>{2, 0}));
  ASSERT_EQ(head.tensors.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    const BlockTensor& tensor = head.tensors[i];
    EXPECT_EQ(tensor.dtype, views[i].dtype);
    EXPECT_EQ(tensor.shape, views[i].shape);
    EXPECT_EQ(tensor.offset % kBlockAlignment, 0U);
    EXPECT_EQ(as_text(block.bytes().subspan(tensor.offset, tensor.bytes)), as_text(views[i].data));
  }
  EXPECT_TRUE(read_block(block_of({}).bytes()).value().tensors.empty());
}

TEST(Block, IsTheSameBytesForTheSameTensors) {
  const Tensor tensor = Tensor::of<std::uint8_t>({3}, std::vector<std::uint8_t>{1, 2, 3});
  const TensorView view = tensor.view();
  const Buffer first = block_of({&view, 1});
  const Buffer second = block_of({&view, 1});
  EXPECT_EQ(as_text(first.bytes()), as_text(second.bytes())) << "gaps are written too";
}

TEST(Block, RefusesEveryHeadThatReachesOutside) {
  const Tensor tensor = Tensor::of<float>({2, 2}, std::vector<float>{1, 2, 3, 4});
  const TensorView view = tensor.view();
  const Buffer good = block_of({&view, 1});
  const auto with = [&](std::size_t at, auto value) {
    Buffer bad = Buffer::copy_of(good.bytes());
    std::memcpy(bad.bytes().data() + at, &value, sizeof(value));
    return read_block(bad.bytes()).ok();
  };
  constexpr std::size_t kRecord = 16;
  EXPECT_TRUE(with(0, std::uint32_t{1}));
  EXPECT_FALSE(with(0, std::uint32_t{2})) << "more tensors than there is room for";
  EXPECT_FALSE(with(0, std::uint32_t{0xffffffff}));
  EXPECT_FALSE(with(4, std::uint32_t{0xffffffff})) << "wanted";
  EXPECT_FALSE(with(kRecord, std::uint8_t{kDTypeCount}));
  EXPECT_FALSE(with(kRecord, std::uint8_t{12})) << "FP64 would be twice as long";
  EXPECT_FALSE(with(kRecord + 1, std::uint8_t{17})) << "rank";
  EXPECT_FALSE(with(kRecord + 8, std::uint64_t{0})) << "over its own head";
  EXPECT_FALSE(with(kRecord + 8, std::uint64_t{1 << 20}));
  EXPECT_FALSE(with(kRecord + 8, ~std::uint64_t{63})) << "offset + bytes overflows";
  EXPECT_FALSE(with(kRecord + 16, std::uint64_t{17}));
  EXPECT_FALSE(with(kRecord + 24, std::int64_t{-1})) << "a free dimension";
  EXPECT_FALSE(with(kRecord + 24, std::int64_t{1} << 62));
  for (std::size_t size = 0; size < 64; ++size) EXPECT_FALSE(read_block(good.bytes().first(size)).ok());
}

TEST(Block, HasNoSizeForWhatCannotBe) {
  const TensorView huge{DType::kUint8, {1}, ByteView(static_cast<const std::byte*>(nullptr), SIZE_MAX - 4)};
  EXPECT_EQ(block_bytes({&huge, 1}, 0), std::nullopt);
  const std::vector<TensorView> many(kMaxBlockTensors + 1);
  EXPECT_EQ(block_bytes(many, 0), std::nullopt);
  EXPECT_EQ(block_bytes({}, kMaxBlockTensors + 1), std::nullopt);
}

}  // namespace
}  // namespace slipway::worker
