// Tar archives of regular files, the same bytes for the same files, everywhere and always.
//
// Layout: per file one 512-byte ustar header, the content, zeros up to the next 512 bytes; at the end two
// blocks of zeros. A path that does not fit ustar's 100 bytes (or 155 + "/" + 100), or a size of 8 GiB or
// more, is put into a pax extended header ("path", "size") before it. Fixed: times 0, owner and group 0
// without names, mode 0644 or 0755, files in the order of their paths' bytes, no folders, no compression.
// Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended Header".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "io/file_helpers.h"

namespace slipway::io {

/// `writer.add("a.txt", 5, false); writer.write(...); writer.finish();` Thread: external lock.
class TarWriter {
 public:
  /// Borrows: what `sink` refers to, until finish().
  explicit TarWriter(Sink sink) : sink_(std::move(sink)) {}

  /// Begins the next file; the previous one must have received exactly its size.
  /// Errors: io.path, io.tar_order (a path not after the previous one), io.tar_size; the sink's.
  Status add(std::string_view path, std::uint64_t size_bytes, bool executable);
  /// Errors: io.tar_size (more than was announced); the sink's.
  Status write(ByteView content);
  /// Writes the end. Errors: io.tar_size; the sink's.
  Status finish();

 private:
  Status end_file();
  Status put_header(std::string_view path, std::uint64_t size_bytes, char type, bool executable);

  Sink sink_;
  std::string last_path_;
  std::uint64_t missing_bytes_ = 0;
  std::uint64_t padding_bytes_ = 0;
};

struct TarEntry {
  std::string path;
  std::uint64_t offset = 0;  ///< of the content in the archive
  std::uint64_t size_bytes = 0;
  bool executable = false;
};

struct TarLimits {
  std::size_t max_entries = 100'000;
  std::uint64_t max_file_bytes = std::uint64_t{1} << 40U;
};

/// The files of an archive. Accepts only what a TarWriter could mean: regular files with safe relative paths
/// in ascending order, so none comes twice, and none is a folder of another. Owner, times and mode bits may
/// differ. Errors: io.tar (damaged or cut short; names the offset), io.tar_kind (a link, device, folder or
/// unknown header), io.tar_order, io.path, io.too_large (limits). Cost: linear in the entries; the content is
/// not touched.
Result<std::vector<TarEntry>> read_tar(ByteView archive, const TarLimits& limits = {});

}  // namespace slipway::io
