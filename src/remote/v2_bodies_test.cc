// Truth: the protocol's texts by hand, and the bytes that Python's protobuf writes with tritonclient's
// messages.
#include "remote/v2_bodies.h"

#include <gtest/gtest.h>

#include <limits>

namespace slipway::remote {
namespace {

template <typename T>
NamedTensor named(std::string name, Shape shape, std::vector<T> values) {
  return {std::move(name), Tensor::of<T>(std::move(shape), std::span<const T>(values))};
}
NamedTensor words(std::string name, std::vector<std::string> texts) {
  const auto count = static_cast<std::int64_t>(texts.size());
  return {std::move(name), Tensor::of_strings({count}, std::span<const std::string>(texts))};
}
template <typename... Inputs>
std::vector<NamedTensor> all(Inputs... inputs) {
  std::vector<NamedTensor> list;
  (list.push_back(std::move(inputs)), ...);
  return list;
}

TEST(V2Bodies, JsonHoldsEveryKindOfNumber) {
  const JsonBody body =
      v2_json_body(all(named<float>("x", {1, 2}, {0.1F, -2}),
                       named<std::int64_t>("i", {1}, {std::numeric_limits<std::int64_t>::min()}),
                       named<std::uint64_t>("u", {1}, {std::numeric_limits<std::uint64_t>::max()}),
                       named<std::int8_t>("b", {2}, {-128, 7}), words("w", {"a\"b", "\xc3\xa9"})));
  EXPECT_TRUE(body.complete);
  EXPECT_EQ(body.text,
            R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[0.1,-2.0]},)"
            R"({"name":"i","datatype":"INT64","shape":[1],"data":[-9223372036854775808]},)"
            R"({"name":"u","datatype":"UINT64","shape":[1],"data":[18446744073709551615]},)"
            R"({"name":"b","datatype":"INT8","shape":[2],"data":[-128,7]},)"
            "{\"name\":\"w\",\"datatype\":\"BYTES\",\"shape\":[2],\"data\":[\"a\\\"b\",\"\xc3\xa9\"]}]}");
}

TEST(V2Bodies, JsonSaysWhatItCannotHold) {
  EXPECT_FALSE(v2_json_body(all(named<float>("x", {1}, {std::numeric_limits<float>::infinity()}))).complete);
  EXPECT_FALSE(
      v2_json_body(all(named<double>("x", {1}, {std::numeric_limits<double>::quiet_NaN()}))).complete);
  EXPECT_FALSE(v2_json_body(all(words("w", {"\xff"}))).complete);
}

TEST(V2Bodies, BinaryIsAHeadAndTheTensorsInItsOrder) {
  std::size_t head = 0;
  const std::string body =
      v2_binary_body(all(named<std::uint8_t>("x", {1, 3}, {1, 2, 3}), words("w", {"ab"})), head);
  EXPECT_EQ(body.substr(0, head),
            R"({"inputs":[{"name":"x","datatype":"UINT8","shape":[1,3],"parameters":{"binary_data_size":3}},)"
            R"({"name":"w","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":6}}],)"
            R"("parameters":{"binary_data_output":true}})");
  EXPECT_EQ(body.substr(head), std::string("\1\2\3\2\0\0\0ab", 9));
}

TEST(V2Bodies, GrpcIsWhatPythonsProtobufWrites) {
  std::string hex;
  for (const char c :
       v2_grpc_message("wine", "1.0.0", all(named<float>("x", {1, 2}, {1.5F, -2}), words("w", {"ab"})))) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex += {kDigits[static_cast<unsigned char>(c) >> 4U], kDigits[static_cast<unsigned char>(c) & 15U]};
  }
  EXPECT_EQ(hex,
            "0a0477696e651205312e302e302a0d0a01781204465033321a0201022a0d0a0177120542595445531a0101"
            "3a080000c03f000000c03a06020000006162");
}

}  // namespace
}  // namespace slipway::remote
