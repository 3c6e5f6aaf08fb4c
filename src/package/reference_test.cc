#include "package/reference.h"

#include <gtest/gtest.h>

#include <string>

#include "package/version.h"

namespace slipway::package {
namespace {

const std::string kHex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

std::string shown(std::string_view text) {
  const auto reference = parse_reference(text, [](const std::string& path) {
    return path == "model.onnx" || path == "here:1" || path == "/data/odd:name";
  });
  if (!reference.ok()) return reference.error().id();
  static constexpr std::string_view kKinds[] = {"name", "path", "store"};
  return std::string(kKinds[static_cast<std::size_t>(reference->kind)]) + " [" + reference->location + "] [" +
         reference->package.to_string() + "]";
}

TEST(Reference, IsAStoreWithASchemeAPathWithASlashElseAName) {
  struct Row {
    std::string text;
    std::string meaning;
  };
  const Row rows[] = {
      {"wine", "name [] [wine]"},
      {"wine:1.2.0", "name [] [wine:1.2.0]"},
      {"wine@sha256:" + kHex, "name [] [wine@sha256:" + kHex + "]"},
      {"wine:1@sha256:" + kHex, "name [] [wine:1@sha256:" + kHex + "]"},
      {"model.onnx", "path [model.onnx] []"},
      {"here:1", "path [here:1] []"},
      {"/data/odd:name", "path [/data/odd:name] []"},
      {"./wine", "path [./wine] []"},
      {"/models", "path [/models] []"},
      {"/models/wine:1.2.0", "path [/models] [wine:1.2.0]"},
      {"/wine:1", "path [/] [wine:1]"},
      {"s3://bucket/models/wine:1.2.0", "store [s3://bucket/models] [wine:1.2.0]"},
      {"oci://registry.example:5000/team/wine:1.2.0",
       "store [oci://registry.example:5000/team] [wine:1.2.0]"},
      {"oci://registry.example:5000", "store [oci://registry.example:5000] []"},
      {"sftp://host/dir/wine@sha256:" + kHex, "store [sftp://host/dir] [wine@sha256:" + kHex + "]"},
      {"file:///models/", "store [file:///models/] []"},
      {"file:///models/wine:1", "store [file:///models] [wine:1]"},
      {"file:///wine:1", "store [file:///] [wine:1]"},
      {"", "package.reference"},
      {"wine:", "package.reference"},
      {":1", "package.reference"},
      {"wine:1:2", "package.reference"},
      {"wine@sha256:12", "package.reference"},
      {"wine@" + kHex, "package.reference"},
      {"..", "package.reference"},
      {"wi ne", "package.reference"},
      {"wine%2f:1", "package.reference"},
      {"s3://", "package.reference"},
      {"S3://bucket/wine:1", "path [S3://bucket] [wine:1]"},
      {"/models/../:1", "package.reference"},
      {"a\nb", "package.reference"},
      {std::string("a\0b", 3), "package.reference"},
      {"\xff", "package.reference"},
      {std::string(5000, 'a'), "package.reference"},
  };
  for (const Row& row : rows) EXPECT_EQ(shown(row.text), row.meaning) << row.text;
}

// Source: semver.org 2.0.0, section 11, its own chain of examples.
TEST(Version, SemanticVersionsGoByPrecedence) {
  const char* chain[] = {"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
                         "1.0.0-beta",  "1.0.0-beta.2",  "1.0.0-beta.11",
                         "1.0.0-rc.1",  "1.0.0",         "2.0.0",
                         "2.1.0",       "2.1.1",         "10.0.0"};
  for (std::size_t i = 0; i < std::size(chain); ++i) {
    for (std::size_t j = 0; j < std::size(chain); ++j) {
      EXPECT_EQ(compare_semantic(chain[i], chain[j]), i <=> j) << chain[i] << " " << chain[j];
    }
  }
  EXPECT_EQ(compare_semantic("1.0.0+a", "1.0.0+b"), std::strong_ordering::equal);
  for (const char* bad :
       {"1", "1.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0-a..b", "1.0.0+", "v1.0.0", ""}) {
    EXPECT_FALSE(compare_semantic(bad, "1.0.0").has_value()) << bad;
  }
}

std::string ordered(const std::vector<DatedVersion>& versions) {
  std::string text;
  for (const std::size_t i : order_versions(versions)) text += versions[i].version + " ";
  return text;
}

TEST(Version, OrderIsSemanticElseByNumberElseByTime) {
  const WallTime early(std::chrono::hours(1));
  const WallTime late(std::chrono::hours(2));
  EXPECT_EQ(ordered({{"1.10.0", early}, {"1.9.0", late}}), "1.9.0 1.10.0 ");
  EXPECT_EQ(ordered({{"10", early}, {"9", late}, {"99999999999999999999999", early}}),
            "9 10 99999999999999999999999 ");
  EXPECT_EQ(ordered({{"b", early}, {"a", late}}), "b a ");
  EXPECT_EQ(ordered({{"1.0.0", late}, {"2", early}}), "2 1.0.0 ");
  EXPECT_EQ(ordered({{"b", early}, {"a", early}}), "a b ");
  EXPECT_EQ(ordered({}), "");
}

TEST(Version, TimesReadBack) {
  const WallTime time = WallTime(std::chrono::seconds(1'795'508'100)) + Duration(123'456'789);
  EXPECT_EQ(format_time(time), "2026-11-24T08:15:00.123456789Z");  // date -u -d @1795508100
  EXPECT_EQ(parse_time(format_time(time)), time);
  EXPECT_EQ(parse_time("1970-01-01T00:00:01Z"), WallTime(std::chrono::seconds(1)));
  for (const char* bad :
       {"", "2026-11-24", "2026-13-24T08:15:00Z", "2026-02-30T08:15:00Z", "2026-11-24T24:00:00Z",
        "2026-11-24T08:15:00+01:00", "2026-11-24T08:15:00.Z", "2026-11-24T08:15:00.1234567890Z",
        "1969-11-24T08:15:00Z", "2026-11-24T08:15:00ZZ"}) {
    EXPECT_FALSE(parse_time(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace slipway::package
