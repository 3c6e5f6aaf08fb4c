#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace slipway {
namespace {

TEST(DType, NamesAndSizesAreThoseOfTheV2Protocol) {
  struct Row {
    const char* name;
    std::size_t size;
  };
  // Open Inference Protocol, "Tensor Data Types", with Triton's BF16.
  const Row rows[] = {{"BOOL", 1}, {"UINT8", 1}, {"UINT16", 2}, {"UINT32", 4}, {"UINT64", 8},
                      {"INT8", 1}, {"INT16", 2}, {"INT32", 4},  {"INT64", 8},  {"FP16", 2},
                      {"BF16", 2}, {"FP32", 4},  {"FP64", 8},   {"BYTES", 0}};
  for (const Row& row : rows) {
    const auto dtype = dtype_from_name(row.name);
    ASSERT_TRUE(dtype.has_value()) << row.name;
    EXPECT_EQ(dtype_name(*dtype), row.name);
    EXPECT_EQ(dtype_size(*dtype), row.size);
  }
  EXPECT_EQ(dtype_from_name("STRING"), std::nullopt);
  EXPECT_EQ(dtype_from_name("fp32"), std::nullopt);
}

// The compiler's own half type is the independent truth; every pattern is tried.
TEST(Half, AgreesWithTheCompilersTypeForEveryPattern) {
  for (std::uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    const auto half = std::bit_cast<_Float16>(static_cast<std::uint16_t>(bits));
    const auto expected = static_cast<float>(half);
    const float got = half_to_float(static_cast<std::uint16_t>(bits));
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(got));
      continue;
    }
    ASSERT_EQ(std::bit_cast<std::uint32_t>(got), std::bit_cast<std::uint32_t>(expected)) << bits;
    ASSERT_EQ(float_to_half(got), bits);
  }
}

TEST(Half, RoundsToNearestEvenLikeTheCompiler) {
  std::uint32_t bits = 0;
  for (int i = 0; i < 200000; ++i) {
    bits += 21473;  // a stride that visits all exponents and many mantissas
    const auto value = std::bit_cast<float>(bits * 2654435761U);
    if (std::isnan(value)) continue;
    const auto expected = std::bit_cast<std::uint16_t>(static_cast<_Float16>(value));
    ASSERT_EQ(float_to_half(value), expected) << value;
  }
}

TEST(Bfloat, KeepsTheUpperHalfAndRoundsToEven) {
  EXPECT_EQ(float_to_bfloat(1.0F), 0x3F80);
  EXPECT_EQ(bfloat_to_float(0x3F80), 1.0F);
  EXPECT_EQ(float_to_bfloat(std::bit_cast<float>(0x3F808000U)), 0x3F80);  // a tie, to even
  EXPECT_EQ(float_to_bfloat(std::bit_cast<float>(0x3F818000U)), 0x3F82);
  EXPECT_EQ(float_to_bfloat(std::numeric_limits<float>::infinity()), 0x7F80);
  EXPECT_TRUE(std::isnan(bfloat_to_float(float_to_bfloat(std::nanf("")))));
}

TEST(Shape, CountsElementsWithoutOverflow) {
  EXPECT_EQ(Shape({}).elements(), 1);
  EXPECT_EQ(Shape({2, 3}).elements(), 6);
  EXPECT_EQ(Shape({2, 0, 3}).elements(), 0);
  EXPECT_EQ(Shape({2, -1}).elements(), std::nullopt);
  EXPECT_EQ(Shape({std::int64_t{1} << 40, std::int64_t{1} << 40}).elements(), std::nullopt);
}

TEST(Shape, AcceptsWhatFitsItsFreeDimensions) {
  const Shape declared{-1, 13};
  EXPECT_TRUE(declared.accepts({1, 13}));
  EXPECT_TRUE(declared.accepts({0, 13}));
  EXPECT_FALSE(declared.accepts({1, 12}));
  EXPECT_FALSE(declared.accepts({13}));
  EXPECT_EQ(declared.to_string(), "[-1,13]");
}

TEST(Shape, RefusesAbsurdDimensions) {
  const std::int64_t many[17] = {};
  EXPECT_EQ(Shape::from(many).error().id(), "tensor.rank");
  const std::int64_t negative[] = {-2};
  EXPECT_EQ(Shape::from(negative).error().id(), "tensor.dimension");
}

TEST(TensorView, KnowsWhetherItsDataFits) {
  const float values[] = {1, 2, 3, 4};
  const ByteView data = std::as_bytes(std::span(values));
  EXPECT_TRUE((TensorView{DType::kFp32, {2, 2}, data}.validate().ok()));
  EXPECT_EQ((TensorView{DType::kFp32, {2, 3}, data}.validate().error().id()), "tensor.size");
  EXPECT_EQ((TensorView{DType::kFp32, {-1, 2}, data}.validate().error().id()), "tensor.size");
  EXPECT_EQ((TensorView{DType::kFp64, {std::int64_t{1} << 61, 8}, data}.validate().error().id()),
            "tensor.size");
}

TEST(TensorView, ChecksTheLengthsInsideBytes) {
  const std::vector<std::string> words = {"barolo", "", "caf\xC3\xA9"};
  const Tensor tensor = Tensor::of_strings({3}, words);
  EXPECT_TRUE(tensor.view().validate().ok());
  TensorView view = tensor.view();
  view.shape = {4};
  EXPECT_EQ(view.validate().error().id(), "tensor.size");
  view.shape = {3};
  view.data = view.data.first(view.data.size() - 1);
  EXPECT_EQ(view.validate().error().id(), "tensor.bytes");
}

TEST(BytesReader, GivesBackWhatWasAppended) {
  std::string raw;
  append_bytes_element(raw, "a");
  append_bytes_element(raw, std::string(300, 'x'));
  EXPECT_EQ(raw.substr(0, 5), std::string("\x01\x00\x00\x00"
                                          "a",
                                          5));
  BytesReader reader(as_bytes(raw));
  std::string_view element;
  ASSERT_TRUE(reader.next(element));
  EXPECT_EQ(element, "a");
  ASSERT_TRUE(reader.next(element));
  EXPECT_EQ(element.size(), 300U);
  EXPECT_FALSE(reader.next(element));
  EXPECT_TRUE(reader.ok());
}

TEST(MakeTensor, RefusesMoreThanItsBudget) {
  EXPECT_TRUE(make_tensor(DType::kFp32, {4, 4}, 64).ok());
  EXPECT_EQ(make_tensor(DType::kFp32, {4, 5}, 64).error().id(), "tensor.size");
  EXPECT_EQ(make_tensor(DType::kFp32, {-1}, 64).error().id(), "tensor.size");
}

TEST(ElementAsDouble, ReadsEveryNumericType) {
  const std::int16_t shorts[] = {-3, 7};
  EXPECT_EQ(element_as_double({DType::kInt16, {2}, std::as_bytes(std::span(shorts))}, 1), 7.0);
  const std::uint16_t halves[] = {0x3C00, 0xC000};
  EXPECT_EQ(element_as_double({DType::kFp16, {2}, std::as_bytes(std::span(halves))}, 1), -2.0);
  const std::uint64_t big[] = {1ULL << 53U};
  EXPECT_EQ(element_as_double({DType::kUint64, {1}, std::as_bytes(std::span(big))}, 0), 9007199254740992.0);
}

TEST(Buffer, MoreThanThereIsIsAnError) {
  EXPECT_EQ(Buffer::allocate(0).value().size(), 0U);
  Buffer some = Buffer::allocate(100).value();
  EXPECT_EQ(some.size(), 100U);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(some.bytes().data()) % 64, 0U);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they end the process here
  EXPECT_EQ(Buffer::allocate(std::size_t{1} << 62U).error().id(), "tensor.memory");
#endif
}

TEST(Buffer, IsAlignedWhateverItsSize) {
  for (std::size_t size = 1; size < 300; ++size) {
    Buffer buffer(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.bytes().data()) % 64, 0u);
    std::memset(buffer.bytes().data(), 0xAB, buffer.size());
    const Buffer moved = std::move(buffer);
    EXPECT_EQ(moved.bytes()[size - 1], std::byte{0xAB});
  }
}

TEST(Buffer, SaysThatThereIsNoMemory) {
  constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max();
  for (const std::size_t size : {kMost, kMost - 63}) {  // beyond counting once room to align is added
    EXPECT_EQ(Buffer::allocate(size).error().id(), "tensor.memory");
  }
}

}  // namespace
}  // namespace slipway
