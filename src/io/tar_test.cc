#include "io/tar.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "crypto/digest.h"

namespace slipway::io {
namespace {

struct File {
  std::string path;
  std::string content;
  bool executable = false;
};

std::string make_tar(const std::vector<File>& files) {
  std::string out;
  TarWriter writer([&out](ByteView bytes) {
    out += as_text(bytes);
    return Status();
  });
  for (const File& file : files) {
    EXPECT_TRUE(writer.add(file.path, file.content.size(), file.executable).ok()) << file.path;
    EXPECT_TRUE(writer.write(as_bytes(file.content)).ok());
  }
  EXPECT_TRUE(writer.finish().ok());
  return out;
}

std::uint32_t checksum(std::string_view header) {
  std::uint32_t sum = 8 * ' ';
  for (std::size_t i = 0; i < 512; ++i) {
    if (i < 148 || i >= 156) sum += static_cast<unsigned char>(header[i]);
  }
  return sum;
}

/// Changes a header's bytes and makes its checksum right again.
std::string patched(std::string archive, std::size_t header, std::size_t at, std::string_view bytes) {
  archive.replace(header + at, bytes.size(), bytes);
  char digits[8];
  std::snprintf(digits, sizeof(digits), "%06o", checksum(std::string_view(archive).substr(header)));
  archive.replace(header + 148, 6, digits);
  return archive;
}

std::string error_of(std::string_view archive, const TarLimits& limits = {}) {
  const auto entries = read_tar(as_bytes(archive), limits);
  return entries.ok() ? "OK" : entries.error().id();
}

// Python: tarfile.open(mode="w", format=USTAR_FORMAT), TarInfo(mtime=0), cut after the two blocks of zeros.
TEST(TarWriter, WritesTheBytesThatPythonWrites) {
  const std::string archive =
      make_tar({{"README.md", "hello\n"},
                {"bin/run", "#!/bin/sh\n", true},
                {std::string(120, 'd') + "/" + std::string(90, 'n'), std::string(512, 'x')},
                {"z", ""}});
  EXPECT_EQ(archive.size(), 4608U);
  EXPECT_EQ(crypto::Sha256::of(archive).hex(),
            "98dc7db0a0940bccfb23bfd715671c6139397f767e65ff636b97c15ce5588485");
}

TEST(TarWriter, KeepsLongPathsInAnExtendedHeader) {
  const std::string path(101, 'p');
  const std::string archive = make_tar({{path, "y"}});
  EXPECT_EQ(archive.substr(512, 111), "111 path=" + path + "\n");
  const auto entries = read_tar(as_bytes(archive)).value();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].path, path);
  EXPECT_EQ(archive.substr(entries[0].offset, 1), "y");
}

TEST(TarWriter, RefusesWhatWouldNotBeTheSameTwice) {
  TarWriter writer([](ByteView) { return Status(); });
  ASSERT_TRUE(writer.add("b", 2, false).ok());
  EXPECT_EQ(writer.add("a", 0, false).error().id(), "io.tar_order");
  EXPECT_EQ(writer.add("b", 0, false).error().id(), "io.tar_order");
  EXPECT_EQ(writer.add("../c", 0, false).error().id(), "io.path");
  EXPECT_EQ(writer.write(as_bytes("123")).error().id(), "io.tar_size");
  ASSERT_TRUE(writer.write(as_bytes("1")).ok());
  EXPECT_EQ(writer.finish().error().id(), "io.tar_size");
}

TEST(ReadTar, FindsEveryFileAndWhereItIs) {
  const std::vector<File> files = {{"a", ""}, {"b/c", std::string(513, 'q'), true}, {"b/d", "1"}};
  const std::string archive = make_tar(files);
  const auto entries = read_tar(as_bytes(archive)).value();
  ASSERT_EQ(entries.size(), files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(entries[i].path, files[i].path);
    EXPECT_EQ(entries[i].executable, files[i].executable);
    EXPECT_EQ(archive.substr(entries[i].offset, entries[i].size_bytes), files[i].content);
  }
  EXPECT_EQ(read_tar(as_bytes(make_tar({}))).value().size(), 0U);
}

TEST(ReadTar, RefusesHostileArchives) {
  const std::string good = make_tar({{"aa", "x"}, {"bb", "y"}});
  const std::size_t second = 1024;
  struct Row {
    const char* what;
    std::string archive;
    const char* id;
  };
  const Row rows[] = {
      {"good", good, "OK"},
      {"empty", "", "io.tar"},
      {"cut in a header", good.substr(0, 300), "io.tar"},
      {"cut in content", good.substr(0, 513), "io.tar"},
      {"one block of zeros", good.substr(0, good.size() - 512), "io.tar"},
      {"data behind the end", good + "x", "io.tar"},
      {"wrong checksum", std::string(good).replace(0, 1, "b"), "io.tar"},
      {"no ustar", patched(good, 0, 257, "xxxxx"), "io.tar"},
      {"broken size", patched(good, 0, 124, "9"), "io.tar"},
      {"base-256 size", patched(good, 0, 124, "\x80"), "io.tar"},
      {"more content than there is", patched(good, 0, 124, "77777777777"), "io.tar"},
      {"symbolic link", patched(good, 0, 156, "2"), "io.tar_kind"},
      {"hard link", patched(good, 0, 156, "1"), "io.tar_kind"},
      {"device", patched(good, 0, 156, "3"), "io.tar_kind"},
      {"folder", patched(good, 0, 156, "5"), "io.tar_kind"},
      {"GNU long name", patched(good, 0, 156, "L"), "io.tar_kind"},
      {"absolute", patched(good, 0, 0, "/a"), "io.path"},
      {"dotted", patched(good, 0, 0, ".."), "io.path"},
      {"dotted inside", patched(good, 0, 0, "a/../b"), "io.path"},
      {"backslash", patched(good, 0, 0, "a\\"), "io.path"},
      {"twice", patched(good, second, 0, "aa"), "io.tar_order"},
      {"descending", patched(good, 0, 0, "cc"), "io.tar_order"},
      {"file and folder", patched(good, second, 0, "aa/b"), "io.tar_order"},
      {"extended header alone", patched(good, second, 156, "x"), "io.tar"},
  };
  for (const Row& row : rows) EXPECT_EQ(error_of(row.archive), row.id) << row.what;
}

TEST(ReadTar, RefusesExtendedHeadersThatItDoesNotKnow) {
  const std::string good = make_tar({{std::string(101, 'p'), "y"}});
  EXPECT_EQ(error_of(good), "OK");
  EXPECT_EQ(error_of(std::string(good).replace(516, 4, "link")), "io.tar");
  EXPECT_EQ(error_of(std::string(good).replace(512, 3, "999")), "io.tar");
  EXPECT_EQ(error_of(std::string(good).replace(512, 3, "001")), "io.tar");
  EXPECT_EQ(error_of(std::string(good).replace(521, 2, "..", 2).replace(523, 1, "/")), "io.path");
}

TEST(ReadTar, KeepsItsLimits) {
  const std::string archive = make_tar({{"a", "12"}, {"b", "3"}});
  EXPECT_EQ(error_of(archive, {.max_entries = 1}), "io.too_large");
  EXPECT_EQ(error_of(archive, {.max_file_bytes = 1}), "io.too_large");
  EXPECT_EQ(error_of(archive, {.max_entries = 2, .max_file_bytes = 2}), "OK");
}

}  // namespace
}  // namespace slipway::io
