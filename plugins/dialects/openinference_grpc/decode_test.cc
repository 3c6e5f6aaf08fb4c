// What is refused while a request is read, row by row, and where its tensors lie.
#include "plugins/dialects/openinference_grpc/decode.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "openinference/words.h"
#include "plugins/dialects/openinference_grpc/contents.h"
#include "protobuf/writer.h"

namespace slipway::openinference_grpc {
namespace {

using protobuf::Writer;
using Write = std::function<void(Writer&)>;
using namespace std::string_literals;

Result<Decoded> decode(ByteView request) {
  constexpr std::size_t kMaxBytes = 4096;
  Decoded decoded;
  SLIPWAY_TRY(decode(request, {kMaxBytes}, decoded));
  return decoded;
}

/// A request to the model "m", with what is written behind.
std::string message(const Write& write) {
  std::string text;
  Writer out(text);
  out.text(1, "m");
  write(out);
  return text;
}

/// The input "x" with this type and shape, and what is written behind.
Write input(
    std::string datatype, std::vector<std::int64_t> shape, Write more = [](Writer&) {}) {
  return [=](Writer& out) {
    out.message(5, [&](Writer& tensor) {
      tensor.text(1, "x");
      tensor.text(2, datatype);
      tensor.packed(3, shape);
      more(tensor);
    });
  };
}

Write contents(int list, std::string bytes) {
  return [=](Writer& tensor) { tensor.message(5, [&](Writer& lists) { lists.text(list, bytes); }); };
}

Write parameter(int number, std::string key, Write value) {
  return [=](Writer& out) {
    out.message(number, [&](Writer& entry) {
      entry.text(1, key);
      entry.message(2, value);
    });
  };
}

Write raw(std::string bytes) {
  return [=](Writer& out) { out.text(7, bytes); };
}

Write both(Write a, Write b) {
  return [=](Writer& out) {
    a(out);
    b(out);
  };
}

const Write kGood = both(input("FP32", {1, 2}), raw("12345678"));

struct Row {
  const char* title;
  std::string request;
  const char* id;
  Code code = Code::kInvalidArgument;
};

void expect_refused(std::span<const Row> rows) {
  for (const Row& row : rows) {
    const auto decoded = decode(as_bytes(row.request));
    ASSERT_FALSE(decoded.ok()) << row.title;
    EXPECT_EQ(decoded.error().id(), row.id) << row.title << ": " << decoded.error().message();
    EXPECT_EQ(decoded.code(), row.code) << row.title;
  }
}

TEST(DecodeReject, TheMessage) {
  const std::string good = message(kGood);
  const Row rows[] = {
      {"nothing", "", "v2.model_name"},
      {"no protobuf", "\xff\xff\xff\xff\xff\xff", "v2.message"},
      {"cut short", good.substr(0, good.size() - 1), "v2.message"},
      {"an input cut short", message([](Writer& out) { out.text(5, "\x0a\x05x"); }), "v2.message"},
      {"an output cut short", message([](Writer& out) { out.text(6, "\x0a\x05x"); }), "v2.message"},
      {"a parameter cut short", message([](Writer& out) { out.text(4, "\x0a\x05x"); }), "v2.message"},
      {"a parameter's value cut short", message([](Writer& out) { out.text(4, "\x12\x02\x08\xff"); }),
       "v2.message"},
      {"a shape cut short",
       message([](Writer& out) { out.message(5, [](Writer& tensor) { tensor.text(3, "\xff"); }); }),
       "v2.message"},
      {"an id that is no text", message(both([](Writer& out) { out.text(3, "\xff"); }, kGood)), "v2.id"},
  };
  expect_refused(rows);
}

TEST(DecodeReject, TensorsAndTheirShapes) {
  const auto many = [](int number) {
    return message([=](Writer& out) {
      for (std::size_t i = 0; i <= openinference::kMaxTensors; ++i) {
        out.message(number, [&](Writer& tensor) {
          tensor.text(1, std::to_string(i));
          if (number == 5) tensor.text(2, "FP32");
        });
      }
    });
  };
  const Row rows[] = {
      {"no datatype", message([](Writer& out) { out.message(5, [](Writer& x) { x.text(1, "x"); }); }),
       "v2.datatype"},
      {"an unknown datatype", message(input("FLOAT", {1})), "v2.datatype"},
      {"a negative dimension", message(input("FP32", {-1, 2})), "v2.shape"},
      {"the smallest dimension", message(input("FP32", {std::numeric_limits<std::int64_t>::min()})),
       "v2.shape"},
      {"a shape that overflows", message(input("FP32", {std::int64_t{1} << 40, std::int64_t{1} << 40})),
       "v2.shape"},
      {"too many dimensions", message(input("FP32", std::vector<std::int64_t>(100, 1))), "tensor.rank"},
      {"an input twice", message(both(kGood, kGood)), "v2.duplicate"},
      {"an output twice", message([](Writer& out) {
         for (int i = 0; i < 2; ++i) out.message(6, [](Writer& y) { y.text(1, "y"); });
       }),
       "v2.duplicate"},
      {"too many inputs", many(5), "v2.too_many"},
      {"too many outputs", many(6), "v2.too_many"},
  };
  expect_refused(rows);
}

TEST(DecodeReject, RawContents) {
  const Row rows[] = {
      {"one too many", message(both(kGood, raw(""))), "v2.raw_contents"},
      {"none of two", message(both(both(input("FP32", {1}), raw("1234")), raw("1234"))), "v2.raw_contents"},
      {"without an input", message(raw("1234")), "v2.raw_contents"},
      {"too short", message(both(input("FP32", {1, 2}), raw("1234567"))), "tensor.size"},
      {"too long", message(both(input("FP32", {1, 2}), raw("123456789"))), "tensor.size"},
      {"a huge shape", message(both(input("FP32", {std::int64_t{1} << 61}), raw("1234"))), "tensor.size"},
      {"texts whose lengths do not fit", message(both(input("BYTES", {1}), raw("\x05\0\0\0ab"s))),
       "tensor.bytes"},
      {"one text for two", message(both(input("BYTES", {2}), raw("\x01\0\0\0a"s))), "tensor.size"},
      {"contents as well", message(both(input("INT8", {1}, contents(2, "\x01")), raw("1"))), "v2.contents"},
  };
  expect_refused(rows);
}

TEST(DecodeReject, Contents) {
  const Row rows[] = {
      {"none at all", message(input("FP32", {1})), "v2.contents"},
      {"too few", message(input("INT32", {3}, contents(2, "\x01\x02"))), "v2.contents"},
      {"too many", message(input("INT32", {1}, contents(2, "\x01\x02"))), "v2.contents"},
      {"for no element", message(input("INT32", {0}, contents(2, "\x01"))), "v2.contents"},
      {"in another list", message(input("INT32", {1}, contents(3, "\x01"))), "v2.contents"},
      {"in two lists", message(input("INT32", {1}, both(contents(2, "\x01"), contents(3, "\x01")))),
       "v2.contents"},
      {"of FP16", message(input("FP16", {2}, contents(6, "12345678"))), "v2.contents"},
      {"of BF16, none", message(input("BF16", {2})), "v2.contents"},
      {"floats cut short", message(input("FP32", {1}, contents(6, "123"))), "v2.message"},
      {"numbers cut short", message(input("INT32", {1}, contents(2, "\xff"))), "v2.message"},
      {"a list cut short",
       message(input("INT32", {1}, [](Writer& tensor) { tensor.text(5, "\x12\x05\x01"); })), "v2.message"},
      {"INT8 too large", message(input("INT8", {1}, contents(2, "\x80\x01"))), "v2.contents"},
      {"INT16 too small", message(input("INT16", {1}, contents(2, "\xff\xff\xfd\xff\x0f"))), "v2.contents"},
      {"UINT8 too large", message(input("UINT8", {1}, contents(4, "\x80\x02"))), "v2.contents"},
      {"more than is allowed", message(input("INT64", {4000}, contents(3, std::string(4000, '\1')))),
       "tensor.size"},
  };
  expect_refused(rows);
}

TEST(DecodeReject, Parameters) {
  const Write none = [](Writer&) {};
  const auto number = [](std::int64_t value) -> Write {
    return [=](Writer& out) { out.varint(2, static_cast<std::uint64_t>(value)); };
  };
  const Write text = [](Writer& out) { out.text(3, "1"); };
  const auto of_output = [](const Write& write) {
    return message([&](Writer& out) { out.message(6, write); });
  };
  const Row rows[] = {
      {"without a value", message(parameter(4, "note", none)), "v2.parameter"},
      {"timeout negative", message(parameter(4, "timeout", number(-1))), "v2.parameter"},
      {"timeout a text", message(parameter(4, "timeout", text)), "v2.parameter"},
      {"of an input, without a value", message(input("FP32", {1}, parameter(4, "note", none))),
       "v2.parameter"},
      {"shared memory in", message(input("FP32", {1}, parameter(4, "shared_memory_region", text))),
       "v2.shared_memory", Code::kUnimplemented},
      {"shared memory out", of_output(parameter(2, "shared_memory_region", text)), "v2.shared_memory",
       Code::kUnimplemented},
      {"classes negative", of_output(parameter(2, "classification", number(-3))), "v2.parameter"},
      {"classes a text", of_output(parameter(2, "classification", text)), "v2.parameter"},
  };
  expect_refused(rows);
}

TEST(Decode, RawTensorsAreTheReceivedBytes) {
  const std::string request = message(kGood);
  const auto decoded = decode(as_bytes(request));
  ASSERT_TRUE(decoded.ok());
  ASSERT_EQ(decoded->inputs.size(), 1U);
  const auto* data = reinterpret_cast<const char*>(decoded->inputs[0].tensor.data.data());
  EXPECT_EQ(data, request.data() + request.size() - 8);
  EXPECT_TRUE(decoded->buffers.empty());
}

TEST(Decode, PackedFloatsAreTheReceivedBytesAndOtherNumbersAlignedMemory) {
  const std::string floats = message(input("FP32", {2}, contents(6, "12345678")));
  const auto decoded = decode(as_bytes(floats));
  ASSERT_TRUE(decoded.ok());
  EXPECT_TRUE(decoded->buffers.empty());
  EXPECT_EQ(as_text(decoded->inputs[0].tensor.data), "12345678");

  const std::string numbers = message(input("INT64", {2}, contents(3, "\x01\x02")));
  const auto other = decode(as_bytes(numbers));
  ASSERT_TRUE(other.ok());
  EXPECT_TRUE(other->inputs[0].tensor.values_are_aligned<std::int64_t>());
  EXPECT_EQ(other->inputs[0].tensor.values<std::int64_t>()[1], 2);
}

TEST(Decode, ATimeoutOfZeroIsNoneAndTheLastOneCounts) {
  const auto timeout = [](std::uint64_t value) {
    return parameter(4, "timeout", [=](Writer& out) { out.varint(5, value); });
  };
  EXPECT_FALSE(decode(as_bytes(message(both(kGood, both(timeout(5), timeout(0))))))->timeout);
  EXPECT_EQ(*decode(as_bytes(message(both(kGood, timeout(1500)))))->timeout, std::chrono::microseconds(1500));
}

TEST(Decode, APriorityIsANumber) {
  const auto priority = [](std::uint64_t value) {
    return parameter(4, "priority", [=](Writer& out) { out.varint(5, value); });
  };
  EXPECT_EQ(decode(as_bytes(message(kGood)))->priority, 0U);
  EXPECT_EQ(decode(as_bytes(message(both(kGood, priority(2)))))->priority, 2U);
}

TEST(Decode, WhatCouldBeReadIsThereAfterAnError) {
  const std::string wrong = message(both([](Writer& out) { out.text(3, "7"); }, input("FLOAT", {1})));
  Decoded decoded;
  EXPECT_FALSE(decode(as_bytes(wrong), {1}, decoded).ok());
  EXPECT_EQ(decoded.model_name, "m");
  EXPECT_EQ(decoded.id, "7");
}

}  // namespace
}  // namespace slipway::openinference_grpc
