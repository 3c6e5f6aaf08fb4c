#include "packing/file_kind.h"

#include <gtest/gtest.h>

namespace slipway::packing {
namespace {

using namespace std::string_view_literals;

// The bytes come from Python's own pickle module: protocols 0 to 5 of {"a": 1}, and of an object.
TEST(FileKind, Pickles_are_known_by_content) {
  const std::string_view pickles[] = {
      "(dp0\nVa\np1\nI1\ns.",
      "}q\x00X\x01\x00\x00\x00"
      "aq\x01K\x01s."sv,
      "\x80\x02}q\x00X\x01\x00\x00\x00"
      "aq\x01K\x01s."sv,
      "\x80\x03}q\x00X\x01\x00\x00\x00"
      "aq\x01K\x01s."sv,
      "\x80\x04\x95\x0a\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01"
      "a\x94K\x01s."sv,
      "\x80\x05\x95\x0a\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01"
      "a\x94K\x01s."sv,
      "cposix\nsystem\np0\n(Vtrue\np1\ntp2\nRp3\n.",
      "ccopy_reg\n_reconstructor\np0\n(c__main__\nA\np1\n.",
      "PK\x03\x04\x00\x00\x08\x08model/data.pkl\x80\x02}"sv,
  };
  for (const std::string_view pickle : pickles) {
    const Error error = refuse_file("m", as_bytes(pickle));
    EXPECT_EQ(error.id(), "packing.pickle") << pickle;
    EXPECT_EQ(error.code(), Code::kPermissionDenied);
    EXPECT_NE(error.message().find("export it"), std::string::npos);
  }
}

TEST(FileKind, Others_are_named_with_a_way_out) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"\x89HDF\r\n\x1a\n...", "Keras"},
      {"\x1c\x00\x00\x00TFL3...."sv, "TensorFlow Lite"},
      {"CBM1....", "format=\"json\""},
      {"binf\x00\x00\x00\x3f"sv, "save it again as JSON"},
      {"GGUF\x03\x00\x00\x00"sv, "GGUF"},
      {"PK\x03\x04....", "zip archive"},
      {"", "empty file"},
      {"\x93NUMPY\x01\x00", "NumPy array"},
  };
  for (const auto& [content, word] : rows) {
    const Error error = refuse_file("m", as_bytes(content));
    EXPECT_EQ(error.id(), "packing.unknown_model");
    EXPECT_NE(error.message().find(word), std::string::npos) << error.message();
  }
  for (const std::string_view text :
       {"hello", "a sentence. Another one.", "const x = 1;\nx.", "a,b\n1,2\n"}) {
    EXPECT_EQ(recognise(as_bytes(text)).what, "") << text;
  }
}

}  // namespace
}  // namespace slipway::packing
