#include "shared_memory/regions.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "shared_memory/regions_testing.h"

namespace slipway::shared_memory {
namespace {

using dialect::SharedRange;
using dialect::SharedRegion;

constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

class Regions : public ::testing::Test {
 protected:
  [[nodiscard]] Result<std::string> read(const SharedRange& range) const {
    SLIPWAY_ASSIGN_OR_RETURN(const auto part, memory_->find(range));
    std::string bytes(range.byte_size, '?');
    SLIPWAY_TRY(part->read({reinterpret_cast<std::byte*>(bytes.data()), bytes.size()}));
    return bytes;
  }
  [[nodiscard]] Status write(const SharedRange& range, std::string_view bytes) const {
    SLIPWAY_ASSIGN_OR_RETURN(const auto part, memory_->find(range));
    return part->write(as_bytes(bytes));
  }

  testing::ObjectFolder folder_;
  std::unique_ptr<dialect::SharedMemory> memory_ = folder_.regions();
};

std::string id_of(const Status& status) { return status.ok() ? "ok" : status.error().id(); }

TEST(Keys, AreNamesOfFilesInOneFolder) {
  EXPECT_EQ(*file_name_of("input"), "input");
  EXPECT_EQ(*file_name_of("/input"), "input");
  EXPECT_EQ(*file_name_of("/a.b-c_1"), "a.b-c_1");
  EXPECT_EQ(*file_name_of(std::string(255, 'a')), std::string(255, 'a'));
  using std::string_literals::operator""s;
  for (const std::string& key : {""s, "/"s, "."s, ".."s, "/.."s, "//input"s, "a/b"s, "/a/b"s,
                                 "../etc/passwd"s, "a/"s, "a\0b"s, "a\xff"s, std::string(256, 'a')}) {
    EXPECT_EQ(id_of(file_name_of(key).status()), "shared_memory.key") << key;
  }
}

TEST_F(Regions, ReadAndWriteWithinTheirObject) {
  folder_.put("object", "0123456789");
  ASSERT_TRUE(memory_->add({"r", "/object", 2, 6}).ok());
  EXPECT_EQ(*read({"r", 0, 6}), "234567");
  EXPECT_EQ(*read({"r", 4, 2}), "67");
  EXPECT_EQ(*read({"r", 6, 0}), "");
  EXPECT_TRUE(write({"r", 1, 3}, "ab").ok());
  EXPECT_EQ(folder_.content("object"), "012ab56789");
}

TEST_F(Regions, RefuseRangesThatAreNotWithinThem) {
  folder_.put("object", std::string(100, 'x'));
  ASSERT_TRUE(memory_->add({"r", "object", 10, 80}).ok());
  const SharedRange ranges[] = {{"r", 0, 81},    {"r", 80, 1},        {"r", 81, 0},         {"r", kHuge, 1},
                                {"r", 1, kHuge}, {"r", kHuge, kHuge}, {"r", kHuge - 10, 10}};
  for (const SharedRange& range : ranges)
    EXPECT_EQ(id_of(memory_->find(range).status()), "shared_memory.range")
        << range.offset << " " << range.byte_size;
  const auto unknown = memory_->find({"s", 0, 1}).status();
  EXPECT_EQ(id_of(unknown), "shared_memory.unknown");
  EXPECT_EQ(unknown.code(), Code::kInvalidArgument);
}

TEST_F(Regions, AreRefusedWhereTheirObjectDoesNotHoldThem) {
  folder_.put("object", std::string(100, 'x'));
  const SharedRegion rows[] = {{"r", "object", 0, 101},   {"r", "object", 100, 1},   {"r", "object", 0, 0},
                               {"r", "object", kHuge, 2}, {"r", "object", 1, kHuge}, {"r", "object", 101, 0}};
  for (const SharedRegion& row : rows)
    EXPECT_EQ(id_of(memory_->add(row)), "shared_memory.size") << row.offset << " " << row.byte_size;
  EXPECT_TRUE(memory_->list("")->empty());
}

TEST_F(Regions, OpenOnlyFilesOfTheFolderItself) {
  folder_.put("object", "0123");
  std::filesystem::create_symlink("/etc/passwd", folder_.path_of("link"));
  std::filesystem::create_symlink("object", folder_.path_of("inner_link"));
  std::filesystem::create_directory(folder_.path_of("folder"));
  ASSERT_EQ(::mkfifo(folder_.path_of("fifo").c_str(), 0600), 0);
  for (const char* key : {"link", "inner_link", "folder", "fifo", "absent"})
    EXPECT_EQ(id_of(memory_->add({"r", key, 0, 1})), "shared_memory.open") << key;
  for (const char* key : {"folder/x", "../x", "", ".."})
    EXPECT_EQ(id_of(memory_->add({"r", key, 0, 1})), "shared_memory.key") << key;
}

TEST_F(Regions, HaveNamesThatCanBeToldAgain) {
  folder_.put("object", "0123");
  for (const std::string& name : {std::string(), std::string(257, 'a'), std::string("\xff")})
    EXPECT_EQ(id_of(memory_->add({name, "object", 0, 1})), "shared_memory.name");
  EXPECT_TRUE(memory_->add({std::string(256, 'a'), "object", 0, 1}).ok());
}

TEST_F(Regions, AreListedAndRemovedOneByOneOrAll) {
  folder_.put("object", "0123456789");
  for (const char* name : {"b", "a", "c"}) ASSERT_TRUE(memory_->add({name, "/object", 1, 2}).ok());
  EXPECT_EQ(id_of(memory_->add({"a", "object", 0, 1})), "shared_memory.exists");
  const auto all = memory_->list("");
  ASSERT_EQ(all->size(), 3U);
  EXPECT_EQ((*all)[0].name + (*all)[1].name + (*all)[2].name, "abc");
  const SharedRegion one = memory_->list("b")->at(0);
  EXPECT_EQ(one.name, "b");
  EXPECT_EQ(one.key, "/object");
  EXPECT_EQ(one.offset, 1U);
  EXPECT_EQ(one.byte_size, 2U);
  memory_->remove("a");
  memory_->remove("a");
  EXPECT_EQ(memory_->list("a").status().code(), Code::kNotFound);
  EXPECT_EQ(memory_->list("")->size(), 2U);
  memory_->remove("");
  EXPECT_TRUE(memory_->list("")->empty());
  EXPECT_TRUE(memory_->add({"a", "object", 0, 1}).ok());
}

TEST_F(Regions, StayUsableForThoseThatUseThemWhenTheyAreRemoved) {
  folder_.put("object", "0123");
  ASSERT_TRUE(memory_->add({"r", "object", 0, 4}).ok());
  const auto part = *memory_->find({"r", 1, 2});
  memory_->remove("r");
  EXPECT_TRUE(part->write(as_bytes(std::string_view("ab"))).ok());
  EXPECT_EQ(folder_.content("object"), "0ab3");
}

TEST_F(Regions, ThatWereShortenedGiveErrors) {
  folder_.put("object", std::string(10000, 'x'));
  ASSERT_TRUE(memory_->add({"r", "object", 0, 10000}).ok());
  std::filesystem::resize_file(folder_.path_of("object"), 5000);
  EXPECT_EQ(id_of(read({"r", 0, 10000}).status()), "shared_memory.shortened");
  EXPECT_EQ(id_of(read({"r", 9000, 10}).status()), "shared_memory.shortened");
  EXPECT_EQ(id_of(write({"r", 0, 10000}, "a")), "shared_memory.shortened");
  EXPECT_EQ(folder_.content("object").size(), 5000U);
  EXPECT_EQ(*read({"r", 4990, 10}), std::string(10, 'x'));
}

TEST_F(Regions, AreBoundedInNumberAndBytes) {
  folder_.put("object", std::string(100, 'x'));
  memory_ = folder_.regions({.max_regions = 2, .max_bytes = 150});
  EXPECT_TRUE(memory_->add({"a", "object", 0, 100}).ok());
  EXPECT_EQ(id_of(memory_->add({"b", "object", 0, 51})), "shared_memory.too_many");
  EXPECT_TRUE(memory_->add({"b", "object", 0, 50}).ok());
  EXPECT_EQ(id_of(memory_->add({"c", "object", 0, 1})), "shared_memory.too_many");
  memory_->remove("a");
  EXPECT_TRUE(memory_->add({"c", "object", 0, 100}).ok());
  EXPECT_EQ(memory_->add({"d", "object", 0, 1}).error().code(), Code::kResourceExhausted);
}

TEST_F(Regions, AreNotTakenByNameUnlessThatIsAllowed) {
  folder_.put("object", "0123");
  memory_ = make_regions({.folder = folder_.path()});
  const Status refused = memory_->add({"r", "object", 0, 4});
  EXPECT_EQ(id_of(refused), "shared_memory.by_name");
  EXPECT_EQ(refused.error().code(), Code::kPermissionDenied);
}

TEST_F(Regions, AreSafeToUseFromSeveralThreads) {
  folder_.put("object", std::string(64, 'x'));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const std::string name(1, static_cast<char>('a' + t % 2));
      for (int i = 0; i < 200; ++i) {
        const Status added = memory_->add({name, "object", 0, 64});
        EXPECT_TRUE(added.ok() || added.error().id() == "shared_memory.exists");
        const auto got = read({"a", 8, 8});
        EXPECT_TRUE(got.ok() || got.error().id() == "shared_memory.unknown");
        EXPECT_TRUE(memory_->list("").ok());
        memory_->remove(i % 10 == 0 ? "" : name);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace slipway::shared_memory
