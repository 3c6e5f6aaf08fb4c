// Whatever the reader accepts lies inside the archive, is in order and can be written again.

#include <cstdint>

#include "base/check.h"
#include "io/tar.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using slipway::ByteView;
  const ByteView archive(reinterpret_cast<const std::byte*>(data), size);
  const auto entries = slipway::io::read_tar(archive, {.max_entries = 1000});
  if (!entries.ok()) return 0;
  slipway::io::TarWriter writer([](ByteView) { return slipway::Status(); });
  for (const auto& entry : *entries) {
    SLIPWAY_CHECK(entry.offset <= size && entry.size_bytes <= size - entry.offset);
    SLIPWAY_CHECK(writer.add(entry.path, entry.size_bytes, entry.executable).ok());
    SLIPWAY_CHECK(writer.write(archive.subspan(entry.offset, entry.size_bytes)).ok());
  }
  SLIPWAY_CHECK(writer.finish().ok());
  return 0;
}
