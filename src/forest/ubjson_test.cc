#include "forest/ubjson.h"

#include <gtest/gtest.h>

namespace slipway::forest {
namespace {

using namespace std::string_view_literals;

// The bytes are the examples of the format's page, and XGBoost's own habits.
TEST(Ubjson, Values_become_the_same_in_JSON) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"Z"sv, "null"},
      {"T"sv, "true"},
      {"i\xf0"sv, "-16"},
      {"U\xf0"sv, "240"},
      {"I\x7f\xff"sv, "32767"},
      {"l\x80\x00\x00\x00"sv, "-2147483648"},
      {"L\x7f\xff\xff\xff\xff\xff\xff\xff"sv, "9223372036854775807"},
      {"d\x3f\x00\x00\x00"sv, "0.5"},
      {"D\x3f\xb9\x99\x99\x99\x99\x99\x9a"sv, "0.1"},
      {"d\x7f\xc0\x00\x00"sv, "\"NaN\""},
      {"d\xff\x80\x00\x00"sv, "\"-Infinity\""},
      {"CA"sv, "\"A\""},
      {"SU\x05hello"sv, "\"hello\""},
      {"[i\x01TNi\x02]"sv, "[1,true,2]"},
      {"[#i\x02i\x01Z"sv, "[1,null]"},
      {"[$U#i\x03\x01\x02\x03"sv, "[1,2,3]"},
      {"[$d#L\x00\x00\x00\x00\x00\x00\x00\x01\x3f\x80\x00\x00"sv, "[1.0]"},
      {"{U\x01"
       "aZL\x00\x00\x00\x00\x00\x00\x00\x01"
       "b[]}"sv,
       "{\"a\":null,\"b\":[]}"},
      {"{#i\x01U\x01"
       "ai\x01"sv,
       "{\"a\":1}"},
      {"[$[#i\x02]]"sv, "[[],[]]"},
  };
  for (const auto& [bytes, want] : rows) {
    const auto got = ubjson_to_json(as_bytes(bytes));
    ASSERT_TRUE(got.ok()) << want << ": " << got.status().to_string();
    EXPECT_EQ(*got, want);
  }
}

TEST(Ubjson, What_is_not_sound_is_refused) {
  for (const std::string_view bytes :
       {""sv, "N"sv, "Q"sv, "i"sv, "I\x01"sv, "[i\x01"sv,
        "{U\x01"
        "a"sv,
        "SU\x05hell"sv, "Si\xffhello"sv, "SU\x01\xff"sv, "[#L\x7f\xff\xff\xff\xff\xff\xff\xff"sv,
        "[$Z#l\x7f\xff\xff\xff"sv, "[$i"sv, "[$ii\x01\x01"sv, "[$i#i\x02\x01"sv, "ZZ"sv, "[}"sv, "{Z"sv,
        "C"sv}) {
    const auto got = ubjson_to_json(as_bytes(bytes));
    ASSERT_FALSE(got.ok()) << *got;
    EXPECT_EQ(got.error().id(), "forest.damaged");
    EXPECT_NE(got.error().message().find("at byte"), std::string::npos);
  }
  EXPECT_FALSE(ubjson_to_json(as_bytes(std::string(100000, '['))).ok());
}

}  // namespace
}  // namespace slipway::forest
