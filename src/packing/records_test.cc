#include "packing/records.h"

#include <gtest/gtest.h>

namespace slipway::packing {
namespace {

using function::FieldInfo;
using function::FieldType;

std::vector<FieldInfo> fields(std::vector<std::pair<std::string, FieldType>> pairs) {
  std::vector<FieldInfo> infos;
  for (auto& [name, type] : pairs) {
    FieldInfo info;
    info.name = name;
    info.type = type;
    infos.push_back(std::move(info));
  }
  return infos;
}

std::vector<std::string> texts(std::string_view text, std::vector<FieldInfo> infos = {}) {
  const auto records = read_records(text, "s", infos);
  EXPECT_TRUE(records.ok()) << records.status().to_string();
  return records.ok() ? records->texts : std::vector<std::string>();
}

using Texts = std::vector<std::string>;

TEST(Records, Csv_cells_take_the_type_of_their_field) {
  const auto infos = fields({{"n", FieldType::kNumber},
                             {"s", FieldType::kString},
                             {"b", FieldType::kBoolean},
                             {"i", FieldType::kInteger},
                             {"a", FieldType::kArray}});
  EXPECT_EQ(texts("n,s,b,i,a\n1.5,12,1,7,\"[1,2]\"\n", infos),
            (Texts{R"({"n":1.5,"s":"12","b":true,"i":7,"a":[1,2]})"}));
  EXPECT_EQ(texts("n,s,b,i,a\n,,,,\n", infos), (Texts{R"({"n":null,"s":"","b":null,"i":null,"a":null})"}));
  // What does not fit stays text, for the function to refuse by name.
  EXPECT_EQ(texts("n,b\nnan,maybe\n", infos), (Texts{R"({"n":"nan","b":"maybe"})"}));
}

TEST(Records, Csv_cells_without_a_field_are_what_they_look_like) {
  EXPECT_EQ(texts("a,b,c,d,e\n1,2.50,true,x,\n"), (Texts{R"({"a":1,"b":2.5,"c":true,"d":"x","e":null})"}));
}

// Source: RFC 4180, section 2, and what spreadsheets write.
TEST(Records, Csv_is_read_as_people_write_it) {
  EXPECT_EQ(texts("a,b\r\n1,2\r\n3,4"), (Texts{R"({"a":1,"b":2})", R"({"a":3,"b":4})"}));
  EXPECT_EQ(texts("\xEF\xBB\xBF"
                  "a;b\n1;x,y\n"),
            (Texts{R"({"a":1,"b":"x,y"})"}));
  EXPECT_EQ(texts("a\tb\n1\t2\n\n"), (Texts{R"({"a":1,"b":2})"}));
  EXPECT_EQ(texts("a,b\n\"x\"\"y\",\"two\nlines\"\n"), (Texts{"{\"a\":\"x\\\"y\",\"b\":\"two\\nlines\"}"}));
  EXPECT_EQ(texts("\"a,b\"\n1\n"), (Texts{R"({"a,b":1})"}));
}

TEST(Records, Json_comes_in_four_forms) {
  const Texts two = {R"({"a":1})", R"({"a":2})"};
  EXPECT_EQ(texts(R"([{"a":1},{"a":2}])"), two);
  EXPECT_EQ(texts(R"({"records":[{"a":1},{"a":2}]})"), two);
  EXPECT_EQ(texts("{\"a\":1}\n\n{\"a\":2}\n"), two);
  EXPECT_EQ(texts(R"({"a":1})"), (Texts{two[0]}));
}

TEST(Records, Lines_are_kept_for_messages) {
  const auto records = read_records("a,b\n\"1\n2\",3\n4,5\n", "s", {});
  ASSERT_TRUE(records.ok());
  EXPECT_EQ(records->lines, (std::vector<std::size_t>{2, 4}));
  EXPECT_EQ(records->columns, (Texts{"a", "b"}));
}

TEST(Records, All_faults_are_told_with_their_lines) {
  const auto records = read_records("a,b\n1\n1,2\n1,2,3\n", "s.csv", {});
  ASSERT_FALSE(records.ok());
  EXPECT_EQ(records.error().id(), "records.format");
  ASSERT_EQ(records.error().faults().size(), 2U);
  EXPECT_EQ(records.error().faults()[0].where, "s.csv, line 2");
  EXPECT_EQ(records.error().faults()[1].where, "s.csv, line 4");
}

TEST(Records, Bad_input_is_refused) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"", "records.none"},
      {" \n\t", "records.none"},
      {"a,b\n", "records.none"},
      {"[]", "records.none"},
      {"a,a\n1,2\n", "records.format"},
      {"a,\n1,2\n", "records.format"},
      {"a\n\"x\n", "records.format"},
      {"[1,2]", "records.format"},
      {"{\"a\":1}\n[2]\n{\"a\":1}", "records.format"},
      {"a\n\xff\n", "records.format"},
      {"[{\"a\":", "json.syntax"},
  };
  for (const auto& [text, id] : rows) {
    const auto records = read_records(text, "s", {});
    ASSERT_FALSE(records.ok()) << text;
    EXPECT_EQ(records.error().id(), id) << text;
  }
  RecordLimits limits;
  limits.max_records = 1;
  EXPECT_EQ(read_records("a\n1\n2\n", "s", {}, limits).status().error().id(), "records.too_large");
  EXPECT_EQ(read_records("[{},{}]", "s", {}, limits).status().error().id(), "records.too_large");
  limits.max_columns = 1;
  EXPECT_EQ(read_records("a,b\n1,2\n", "s", {}, limits).status().error().id(), "records.too_large");
}

TEST(Records, Faults_of_the_function_get_the_words_of_the_file) {
  const auto records = read_records("a\n1\n2\n", "s.csv", {});
  const Error error =
      in_words_of(*records, invalid_argument("record.invalid", "bad")
                                .with_fault({function::record_where(1, "a"), "is no number", ""}));
  EXPECT_EQ(error.faults()[0].where, "s.csv, line 3, a");
}

}  // namespace
}  // namespace slipway::packing
