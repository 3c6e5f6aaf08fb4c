#include "json/strict.h"

#include <gtest/gtest.h>

#include <string>

namespace slipway::json {
namespace {

TEST(ObjectReader, SaysEveryFaultAtOnceAndWhereItIs) {
  Parser parser;
  const Value value =
      parser
          .parse(
              R"({"name":1,"flag":"x","list":[1,"a"],"long":[1,2,3],"size":-1,"siez":2,"two":1,"two":2,"half":"h"})")
          .value();
  Faults faults;
  ObjectReader in(value, "file", faults);
  EXPECT_EQ(in.text("name"), "");
  EXPECT_FALSE(in.boolean("flag"));
  EXPECT_EQ(in.texts("list", 10).size(), 2U);
  EXPECT_TRUE(in.array("long", 2).empty());
  EXPECT_EQ(in.uint64("size"), 0U);
  EXPECT_EQ(in.uint64("two"), 1U);
  EXPECT_EQ(in.number("half"), 0);
  EXPECT_EQ(in.text("gone"), "");
  EXPECT_EQ(in.text("absent", Need::kOptional), "");
  in.finish();
  std::string text;
  for (const Fault& fault : faults.take())
    text += fault.where + ": " + fault.message + " | " + fault.fix + "\n";
  EXPECT_EQ(text,
            "file.name: a string is wanted, not an integer | \n"
            "file.flag: true or false is wanted, not a string | \n"
            "file.list[0]: a string is wanted, not an integer | \n"
            "file.long: has more than 2 elements, which is the limit | \n"
            "file.size: a whole number from 0 is wanted | \n"
            "file.half: a number is wanted, not a string | \n"
            "file.gone: is missing | \n"
            "file.siez: is not known here | did you mean size?\n"
            "file.two: is given twice | \n");
}

TEST(ObjectReader, WantsAnObject) {
  Parser parser;
  const Value value = parser.parse("[]").value();
  Faults faults;
  ObjectReader in(value, "file", faults);
  EXPECT_EQ(in.text("name"), "");
  in.finish();
  const auto list = faults.take();
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].message, "an object is wanted, not an array");
}

}  // namespace
}  // namespace slipway::json
