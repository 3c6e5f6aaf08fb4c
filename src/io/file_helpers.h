// The usual safe sequences of file operations.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "io/filesystem.h"

namespace slipway::io {

/// Takes the next part of a stream; an Error stops the stream.
using Sink = std::function<Status(ByteView)>;

/// The whole file. Errors: io.too_large above `max_bytes`; io.memory; the FileSystem's.
Result<std::string> read_all(FileSystem& fs, const std::string& path, std::uint64_t max_bytes);
Result<std::string> read_all(ReadableFile& file, std::string_view name, std::uint64_t max_bytes);

/// Hands the file to `sink` in parts of at most 1 MiB, from `offset`; gives the bytes handed over.
Result<std::uint64_t> read_stream(ReadableFile& file, std::uint64_t offset, const Sink& sink);

/// Replaces `path` so that every reader, and every moment of a crash, sees the old content or the new: a new
/// file beside it, synced, renamed over it. On failure the old file stands and the new one is gone, as far as
/// removing works. One writer at a time: the file beside it is always `path` + ".new".
Status replace_file(FileSystem& fs, const std::string& path, ByteView content);
/// The same, and returns only when the rename is on the device. When that last step fails the new content
/// stands already.
Status write_atomically(FileSystem& fs, const std::string& path, ByteView content);

struct TreeLimits {
  std::size_t max_files = 100'000;
  std::size_t max_depth = 32;
};

/// The regular files under `root` as relative paths, sorted by bytes. Empty folders are not reported.
/// Errors: io.link (a link), io.kind (a device, pipe or socket), io.path (a name that could not be unpacked
/// safely elsewhere), io.too_large (limits).
Result<std::vector<std::string>> list_tree(FileSystem& fs, const std::string& root,
                                           const TreeLimits& limits = {});

/// Removes a folder with everything in it, links as links. Goes on after a failure and gives the first one.
/// No error when there is nothing.
Status remove_tree(FileSystem& fs, const std::string& path);

/// True when something is there. Errors: all but io.not_found and a missing parent.
Result<bool> exists(FileSystem& fs, const std::string& path);

}  // namespace slipway::io
