#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "plugins/backends/onnxruntime/library_internal.h"
#include "testing/paths.gen.h"

namespace slipway::onnxruntime {
namespace {

TEST(Library, The_one_of_the_build_is_found) {
  const auto library = open_library({});
  ASSERT_TRUE(library.ok()) << library.status().to_string();
  EXPECT_TRUE(library->version.starts_with("1.")) << library->version;
  EXPECT_GE(library->api_version, 16U);
  EXPECT_LE(library->api_version, static_cast<std::uint32_t>(ORT_API_VERSION));
  EXPECT_NE(library->where.find("/lib/slipway/"), std::string::npos) << library->where;
}

TEST(Library, A_file_that_is_no_library_says_so) {
  const auto missing = open_file("/nonexistent/libonnxruntime.so");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().id(), "backend.unavailable");
  EXPECT_EQ(missing.error().code(), Code::kUnavailable);
  const auto text = open_file(testing::source_dir() + "/CMakeLists.txt");
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.error().id(), "backend.unavailable");
  const auto other = open_file("libm.so.6");
  ASSERT_FALSE(other.ok());
  EXPECT_NE(other.error().message().find("is no ONNX Runtime"), std::string::npos) << other.error().message();
}

TEST(Library, A_broken_library_in_an_early_folder_does_not_hide_a_sound_one) {
  const std::string dir = ::testing::TempDir() + "/broken_onnxruntime";
  std::filesystem::create_directories(dir);
  std::ofstream(dir + "/libonnxruntime.so.9.9.9") << "no library";
  const std::string dirs[] = {dir, "/nonexistent"};
  EXPECT_TRUE(open_library(dirs).ok());
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace slipway::onnxruntime
