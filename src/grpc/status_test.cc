// Truth: PROTOCOL-HTTP2.md for the fields; bytes that the protobuf library of Python made for the details.
#include "grpc/status.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace slipway::grpc {
namespace {

using namespace std::string_literals;

TEST(Status, MessageIsPercentEncoded) {
  EXPECT_EQ(encode_message("plain, text"), "plain, text");
  EXPECT_EQ(encode_message("100%"), "100%25");
  EXPECT_EQ(encode_message("a\nb"), "a%0Ab");
  EXPECT_EQ(encode_message("\xc3\xbc"), "%C3%BC");
  EXPECT_EQ(encode_message("\x7f~ "), "%7F~ ");
}

// Source: RFC 4648 section 10, without the padding.
TEST(Status, BinaryFieldsAreBase64WithoutPadding) {
  EXPECT_EQ(encode_binary(""), "");
  EXPECT_EQ(encode_binary("f"), "Zg");
  EXPECT_EQ(encode_binary("fo"), "Zm8");
  EXPECT_EQ(encode_binary("foo"), "Zm9v");
  EXPECT_EQ(encode_binary("foob"), "Zm9vYg");
  EXPECT_EQ(encode_binary("fooba"), "Zm9vYmE");
  EXPECT_EQ(encode_binary("foobar"), "Zm9vYmFy");
  EXPECT_EQ(encode_binary("\xff\xff\xfe"), "///+");
}

// google.rpc.Status with Any-packed ErrorInfo and BadRequest, serialised by googleapis-common-protos for
// Python.
TEST(Status, DetailsAreAStatusWithErrorInfoAndBadRequest) {
  const Error error = invalid_argument("infer.input_shape", "no").with_fault({"inputs[0]", "is 2", "give 3"});
  const std::string want =
      "\x08\x03\x12\x02no"
      "\x1aH\n(type.googleapis.com/google.rpc.ErrorInfo\x12\x1c\n\x11infer.input_shape\x12\x07slipway"
      "\x1aH\n)type.googleapis.com/google.rpc.BadRequest\x12\x1b\n\x19\n\tinputs[0]\x12\x0cis 2; give 3"s;
  EXPECT_EQ(encode_details(error), want);
}

TEST(Status, TrailersStaySmallWhateverTheError) {
  Error error = invalid_argument("x.y", std::string(100'000, 'm'));
  std::vector<Fault> faults(1000, Fault{"where", std::string(50, 'f'), ""});
  error = error.with_faults(std::move(faults));
  const StatusFields status(error);
  std::size_t size = 0;
  for (const auto& field : status.fields()) size += field.name.size() + field.value.size() + 32;
  EXPECT_LT(size, 8192U);
}

TEST(Status, CutsNoCharacterInHalf) {
  std::string text = "x";
  for (int i = 0; i < 1000; ++i) text += "\xc3\xbc";
  const StatusFields status(invalid_argument("x.y", text));
  EXPECT_TRUE(status.fields()[1].value.ends_with("%C3%BC"));
}

}  // namespace
}  // namespace slipway::grpc
