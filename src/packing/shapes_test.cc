#include "packing/shapes.h"

#include <gtest/gtest.h>

namespace slipway::packing {
namespace {

Signature images() { return {{{"image", DType::kFp32, {-1, 3, -1, -1}}}, {{"y", DType::kFp32, {-1, 10}}}}; }

TEST(Shapes, A_declared_shape_fixes_sizes_and_leaves_the_batch_free) {
  const auto changed = apply_shapes(images(), {{"image", {1, 3, 224, 224}}});
  ASSERT_TRUE(changed.ok()) << changed.status().to_string();
  EXPECT_EQ(changed->inputs[0].shape, (Shape{-1, 3, 224, 224}));
  EXPECT_TRUE(check_unambiguous(*changed, {}).ok());
  EXPECT_EQ(changed->outputs, images().outputs);
}

TEST(Shapes, Open_sizes_are_asked_for) {
  const Status status = check_unambiguous(images(), {});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().id(), "packing.shape_ambiguous");
  ASSERT_EQ(status.error().faults().size(), 1U);
  EXPECT_NE(status.error().faults()[0].fix.find("--shape image=1,3,SIZE,SIZE"), std::string::npos);
  EXPECT_TRUE(check_unambiguous({{{"x", DType::kFp32, {-1, 13}}}, {}}, {}).ok());
  EXPECT_TRUE(check_unambiguous({{{"x", DType::kFp32, {}}}, {}}, {}).ok());
  // One input starts free and the other does not: then it is no batch.
  EXPECT_FALSE(check_unambiguous({{{"x", DType::kFp32, {-1}}, {"k", DType::kFp32, {1}}}, {}}, {}).ok());
}

TEST(Shapes, What_contradicts_the_model_is_refused) {
  const DeclaredShapes rows[] = {{{"imge", {1, 3, 8, 8}}},
                                 {{"image", {1, 3, 8}}},
                                 {{"image", {1, 4, 8, 8}}},
                                 {{"image", {1, 3, 0, 8}}},
                                 {{"image", {-1, 3, 8, 8}}}};
  for (const DeclaredShapes& shapes : rows) {
    const auto changed = apply_shapes(images(), shapes);
    ASSERT_FALSE(changed.ok());
    EXPECT_EQ(changed.error().id(), "packing.shape");
    EXPECT_FALSE(changed.error().faults().empty());
  }
  EXPECT_NE(apply_shapes(images(), rows[0]).error().to_string().find("did you mean 'image'"),
            std::string::npos);
}

TEST(Shapes, The_command_line_form_is_read) {
  const auto shape = parse_shape("a=b=1,3,224");
  ASSERT_TRUE(shape.ok());
  EXPECT_EQ(shape->first, "a=b");
  EXPECT_EQ(shape->second, (Shape{1, 3, 224}));
  EXPECT_EQ(parse_shape("x=")->second, Shape{});
  for (const std::string_view text :
       {"", "x", "=1", "x=a", "x=1,", "x=1,,2", "x=-1", "x=0", "x=1 ,2", "x=99999999999999999999"}) {
    EXPECT_EQ(parse_shape(text).status().error().id(), "packing.shape") << text;
  }
}

}  // namespace
}  // namespace slipway::packing
