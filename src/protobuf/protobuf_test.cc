// What is read and written is what the protobuf library reads and writes.
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "protobuf/protobuf_testing.h"
#include "protobuf/reader.h"
#include "protobuf/writer.h"

namespace slipway::protobuf {
namespace {

using google::protobuf::UnknownFieldSet;

constexpr std::array<std::uint64_t, 12> kNumbers = {0,
                                                    1,
                                                    127,
                                                    128,
                                                    16383,
                                                    16384,
                                                    0xffff'ffff,
                                                    0x1'0000'0000,
                                                    std::uint64_t{1} << 62U,
                                                    std::uint64_t{1} << 63U,
                                                    std::numeric_limits<std::uint64_t>::max(),
                                                    static_cast<std::uint64_t>(-1000)};

std::string serialized(const UnknownFieldSet& fields) {
  std::string out;
  EXPECT_TRUE(fields.SerializeToString(&out));
  return out;
}

std::string text(std::initializer_list<int> bytes) {
  std::string out;
  for (const int byte : bytes) out += static_cast<char>(byte);
  return out;
}

TEST(Reader, FindsTheFieldsThatTheLibraryWrote) {
  UnknownFieldSet fields;
  for (const std::uint64_t number : kNumbers) {
    fields.AddVarint(1, number);
    fields.AddFixed64(16, number);
    fields.AddFixed32(2047, static_cast<std::uint32_t>(number));
    fields.AddLengthDelimited(536870911, std::string(static_cast<std::size_t>(number % 200), 'x'));
  }
  const std::string message = serialized(fields);
  EXPECT_EQ(testing::described_by_us(message), testing::described_by_library(message));
  for (std::size_t size = 0; size < message.size(); ++size) {
    const std::string_view cut = std::string_view(message).substr(0, size);
    EXPECT_EQ(testing::described_by_us(cut), testing::described_by_library(cut)) << size;
  }
}

TEST(Reader, RefusesDamage) {
  const std::pair<const char*, std::string> rows[] = {
      {"a tag cut short", text({0x80})},
      {"field number 0", text({0x00, 0x00})},
      {"field number 0 with a length", text({0x02, 0x00})},
      {"a value missing", text({0x08})},
      {"a varint of eleven bytes",
       text({0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1})},
      {"a tag of six bytes", text({0x88, 0x80, 0x80, 0x80, 0x80, 0x00, 0x00})},
      {"a length beyond the end", text({0x0a, 0x02, 'a'})},
      {"a length that overflows", text({0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f})},
      {"a length of ten bytes", text({0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})},
      {"fixed64 cut short", text({0x09, 1, 2, 3, 4, 5, 6, 7})},
      {"fixed32 cut short", text({0x0d, 1, 2, 3})},
      {"a group", text({0x0b, 0x0c})},
      {"the end of a group", text({0x0c})},
      {"wire type 6", text({0x0e, 0x00})},
      {"wire type 7", text({0x0f, 0x00})},
  };
  for (const auto& [title, message] : rows) {
    EXPECT_EQ(testing::described_by_us(message), std::nullopt) << title;
    EXPECT_EQ(testing::described_by_library(message), std::nullopt) << title;
    Reader reader(as_bytes(message));
    Field field;
    EXPECT_FALSE(reader.next(field));
    EXPECT_FALSE(reader.next(field)) << "damage stays";
  }
}

TEST(Reader, ElementsOfAVarintFieldComePackedOrNot) {
  std::string packed;
  Writer(packed).packed(3, kNumbers);
  Field field;
  Reader reader(as_bytes(packed));
  ASSERT_TRUE(reader.next(field));
  std::vector<std::uint64_t> values;
  const auto take = [&](std::uint64_t value) {
    values.push_back(value);
    return values.size() < 20;
  };
  EXPECT_TRUE(for_each_varint(field, take));
  EXPECT_EQ(values, std::vector(kNumbers.begin(), kNumbers.end()));
  EXPECT_TRUE(for_each_varint({.number = 3, .type = WireType::kVarint, .value = 7}, take));
  EXPECT_EQ(values.back(), 7U);
  EXPECT_FALSE(for_each_varint({.number = 3, .type = WireType::kFixed64, .value = 7}, take));
  field.bytes = field.bytes.first(field.bytes.size() - 1);
  values.clear();
  EXPECT_FALSE(for_each_varint(field, take)) << "the last element is cut short";
  EXPECT_FALSE(for_each_varint(field, [](std::uint64_t) { return false; }));
}

TEST(Writer, WritesWhatTheLibraryWrites) {
  UnknownFieldSet expected;
  std::string message;
  Writer out(message);
  for (const std::uint64_t number : kNumbers) {
    expected.AddVarint(1, number);
    out.varint(1, number);
    expected.AddLengthDelimited(16, std::string(static_cast<std::size_t>(number % 300), 'x'));
    out.text(16, std::string(static_cast<std::size_t>(number % 300), 'x'));
  }
  out.varint_if_any(1, 0);
  out.text_if_any(1, "");
  out.packed(1, std::array<std::int64_t, 0>{});
  EXPECT_EQ(message, serialized(expected));
}

TEST(Writer, NestedMessagesOfAnyLengthNest) {
  for (const std::size_t size :
       {0U, 1U, 124U, 125U, 126U, 127U, 128U, 16000U, 16381U, 16382U, 16400U, 3000000U}) {
    UnknownFieldSet expected;
    UnknownFieldSet* outer = &expected;
    std::string inner_text;
    {
      UnknownFieldSet inner;
      inner.AddLengthDelimited(1, std::string(size, 'y'));
      inner.AddVarint(2, size);
      UnknownFieldSet middle;
      middle.AddLengthDelimited(20, serialized(inner));
      outer->AddLengthDelimited(7, serialized(middle));
      outer->AddVarint(8, 1);
    }
    std::string message;
    Writer out(message);
    out.message(7, [&](Writer& middle) {
      middle.message(20, [&](Writer& inner) {
        inner.text(1, std::string(size, 'y'));
        inner.varint(2, size);
      });
    });
    out.varint(8, 1);
    EXPECT_EQ(message, serialized(expected)) << size;
  }
}

TEST(Writer, SizesAreTold) {
  for (const std::uint64_t number : kNumbers) {
    std::string message;
    Writer(message).varint(1, number);
    EXPECT_EQ(varint_size(number), message.size() - 1) << number;
  }
  for (const std::size_t size : {0U, 127U, 128U, 20000U}) {
    for (const int number : {1, 15, 16, 536870911}) {
      std::string message;
      Writer(message).text(number, std::string(size, 'x'));
      EXPECT_EQ(bytes_field_size(number, size), message.size());
    }
  }
}

}  // namespace
}  // namespace slipway::protobuf
