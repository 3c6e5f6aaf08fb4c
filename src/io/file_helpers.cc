#include "io/file_helpers.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/text.h"

namespace slipway::io {
namespace {

constexpr std::size_t kPartBytes = std::size_t{1} << 20U;

Error too_large(std::string_view name, std::uint64_t max_bytes) {
  return resource_exhausted("io.too_large", printable(name, 400) + " is larger than " +
                                                human_bytes(max_bytes) +
                                                ", which is the most that is read here");
}

Status write_new(FileSystem& fs, const std::string& path, ByteView content) {
  SLIPWAY_ASSIGN_OR_RETURN(const auto file, fs.create(path, CreateMode::kTruncate));
  SLIPWAY_TRY(file->write(content));
  SLIPWAY_TRY(file->sync());
  return file->close();
}

class TreeWalk {
 public:
  TreeWalk(FileSystem& fs, const TreeLimits& limits) : fs_(fs), limits_(limits) {}

  Status visit(const std::string& folder, const std::string& prefix, std::size_t depth) {
    if (depth > limits_.max_depth) {
      return resource_exhausted(
          "io.too_large",
          folder + " lies deeper than " + std::to_string(limits_.max_depth) + " folders, which is the limit");
    }
    SLIPWAY_ASSIGN_OR_RETURN(const auto entries, fs_.list(folder));
    for (const FolderEntry& entry : entries) {
      const std::string path = join_path(folder, entry.name);
      const std::string relative = prefix + entry.name;
      SLIPWAY_TRY(check_relative_path(relative));
      if (entry.kind == FileKind::kFolder) {
        SLIPWAY_TRY(visit(path, relative + "/", depth + 1));
      } else if (entry.kind == FileKind::kLink) {
        return failed_precondition("io.link", path + " is a link; put the file itself in its place");
      } else if (entry.kind == FileKind::kOther) {
        return failed_precondition("io.kind", path + " is neither a file nor a folder");
      } else if (files.size() == limits_.max_files) {
        return resource_exhausted("io.too_large", folder + " is in a tree of more than " +
                                                      std::to_string(limits_.max_files) +
                                                      " files, which is the limit");
      } else {
        files.push_back(relative);
      }
    }
    return {};
  }

  std::vector<std::string> files;

 private:
  FileSystem& fs_;
  const TreeLimits& limits_;
};

}  // namespace

Result<std::string> read_all(ReadableFile& file, std::string_view name, std::uint64_t max_bytes) {
  if (file.size_bytes() > max_bytes) return too_large(name, max_bytes);
  std::string content;
  try {
    content.resize(static_cast<std::size_t>(file.size_bytes()));
  } catch (const std::exception&) {  // bad_alloc, length_error
    return resource_exhausted("io.memory", "there is no memory for the " + human_bytes(file.size_bytes()) +
                                               " of " + printable(name, 400));
  }
  SLIPWAY_ASSIGN_OR_RETURN(const std::size_t got,
                           file.read_at(0, std::as_writable_bytes(std::span(content))));
  content.resize(got);
  return content;
}

Result<std::string> read_all(FileSystem& fs, const std::string& path, std::uint64_t max_bytes) {
  SLIPWAY_ASSIGN_OR_RETURN(const auto file, fs.open_read(path));
  return read_all(*file, path, max_bytes);
}

Result<std::uint64_t> read_stream(ReadableFile& file, std::uint64_t offset, const Sink& sink) {
  std::vector<std::byte> part(static_cast<std::size_t>(
      std::min<std::uint64_t>(kPartBytes, std::max<std::uint64_t>(file.size_bytes(), 4096))));
  std::uint64_t total = 0;
  while (true) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::size_t got, file.read_at(offset + total, part));
    if (got == 0) return total;
    SLIPWAY_TRY(sink(ByteView(part).first(got)));
    total += got;
  }
}

Status replace_file(FileSystem& fs, const std::string& path, ByteView content) {
  const std::string fresh = path + ".new";
  Status done = write_new(fs, fresh, content);
  if (done.ok()) done = fs.rename(fresh, path);
  if (!done.ok()) {
    // The failure above is the news; a file that cannot be removed either is overwritten by the next writer.
    (void)fs.remove(fresh);
  }
  return done;
}

Status write_atomically(FileSystem& fs, const std::string& path, ByteView content) {
  SLIPWAY_TRY(replace_file(fs, path, content));
  return fs.sync_dir(folder_of(path));
}

Result<std::vector<std::string>> list_tree(FileSystem& fs, const std::string& root,
                                           const TreeLimits& limits) {
  TreeWalk walk(fs, limits);
  SLIPWAY_TRY(walk.visit(root, "", 0));
  std::sort(walk.files.begin(), walk.files.end());
  return std::move(walk.files);
}

Status remove_tree(FileSystem& fs, const std::string& path) {
  Status first;
  const auto note = [&first](const Status& status) {
    if (!status.ok() && status.code() != Code::kNotFound && first.ok()) first = status;
  };
  auto entries = fs.list(path);
  if (!entries.ok()) {
    if (entries.code() == Code::kNotFound) return {};
    return entries.status();
  }
  for (const FolderEntry& entry : *entries) {
    const std::string child = join_path(path, entry.name);
    note(entry.kind == FileKind::kFolder ? remove_tree(fs, child) : fs.remove(child));
  }
  note(fs.remove(path));
  return first;
}

Result<bool> exists(FileSystem& fs, const std::string& path) {
  const auto info = fs.stat(path);
  if (info.ok()) return true;
  if (info.code() == Code::kNotFound) return false;
  return info.error();
}

}  // namespace slipway::io
