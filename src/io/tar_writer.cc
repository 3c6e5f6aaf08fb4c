#include <array>
#include <cstdio>
#include <cstring>

#include "base/check.h"
#include "base/text.h"
#include "io/tar.h"

namespace slipway::io {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::uint64_t kMaxUstarBytes = std::uint64_t{1} << 33U;  // eleven octal digits
constexpr std::size_t kNameBytes = 100;
constexpr std::size_t kPrefixBytes = 155;

using Block = std::array<char, kBlock>;

void put_octal(char* at, std::size_t digits, std::uint64_t value) {
  for (std::size_t i = digits; i-- > 0; value >>= 3U) at[i] = static_cast<char>('0' + (value & 7U));
}

/// Where to cut a path into ustar's prefix and name; npos when it does not fit, 0 when the name alone holds
/// it.
std::size_t split_for_ustar(std::string_view path) {
  if (path.size() <= kNameBytes) return 0;
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    if (slash <= kPrefixBytes && path.size() - slash - 1 <= kNameBytes) return slash;
  }
  return std::string_view::npos;
}

Block make_header(std::string_view path, std::uint64_t size_bytes, char type, bool executable) {
  Block block{};
  const std::size_t cut = split_for_ustar(path);
  SLIPWAY_CHECK(cut != std::string_view::npos && size_bytes < kMaxUstarBytes);
  const std::string_view name = cut == 0 ? path : path.substr(cut + 1);
  std::memcpy(block.data(), name.data(), name.size());
  put_octal(block.data() + 100, 7, executable ? 0755 : 0644);
  put_octal(block.data() + 108, 7, 0);
  put_octal(block.data() + 116, 7, 0);
  put_octal(block.data() + 124, 11, size_bytes);
  put_octal(block.data() + 136, 11, 0);
  std::memset(block.data() + 148, ' ', 8);
  block[156] = type;
  std::memcpy(block.data() + 257, "ustar", 6);
  std::memcpy(block.data() + 263, "00", 2);
  std::memcpy(block.data() + 345, path.data(), cut);
  std::uint64_t sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  put_octal(block.data() + 148, 6, sum);
  block[154] = '\0';
  return block;
}

/// "27 path=some/long/name\n": the length counts itself.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = 1 + key.size() + 1 + value.size() + 1;
  std::size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length) ++length;
  return std::to_string(length) + " " + std::string(key) + "=" + std::string(value) + "\n";
}

std::uint64_t padding_of(std::uint64_t size_bytes) { return (kBlock - size_bytes % kBlock) % kBlock; }

constexpr std::array<std::byte, 2 * kBlock> kZeros{};

ByteView zeros(std::uint64_t count) { return ByteView(kZeros).first(static_cast<std::size_t>(count)); }

}  // namespace

Status TarWriter::end_file() {
  if (missing_bytes_ != 0) {
    return invalid_argument("io.tar_size",
                            last_path_ + " is " + std::to_string(missing_bytes_) +
                                " bytes shorter than announced; did it change while it was read?");
  }
  return sink_(zeros(std::exchange(padding_bytes_, 0)));
}

Status TarWriter::put_header(std::string_view path, std::uint64_t size_bytes, char type, bool executable) {
  const Block block = make_header(path, size_bytes, type, executable);
  return sink_(std::as_bytes(std::span(block)));
}

Status TarWriter::add(std::string_view path, std::uint64_t size_bytes, bool executable) {
  SLIPWAY_TRY(check_relative_path(path));
  if (!last_path_.empty() && path <= last_path_) {
    return invalid_argument("io.tar_order", printable(path) + " does not come after " + last_path_);
  }
  SLIPWAY_TRY(end_file());
  std::string extended;
  std::string_view short_path = path;
  std::uint64_t short_size = size_bytes;
  if (split_for_ustar(path) == std::string_view::npos) {
    extended += pax_record("path", path);
    short_path = "long-path";
  }
  if (size_bytes >= kMaxUstarBytes) {
    extended += pax_record("size", std::to_string(size_bytes));
    short_size = 0;
  }
  if (!extended.empty()) {
    SLIPWAY_TRY(put_header("pax-header", extended.size(), 'x', false));
    SLIPWAY_TRY(sink_(as_bytes(extended)));
    SLIPWAY_TRY(sink_(zeros(padding_of(extended.size()))));
  }
  SLIPWAY_TRY(put_header(short_path, short_size, '0', executable));
  last_path_ = path;
  missing_bytes_ = size_bytes;
  padding_bytes_ = padding_of(size_bytes);
  return {};
}

Status TarWriter::write(ByteView content) {
  if (content.size() > missing_bytes_) {
    return invalid_argument("io.tar_size",
                            last_path_ + " is longer than announced; did it change while it was read?");
  }
  missing_bytes_ -= content.size();
  return sink_(content);
}

Status TarWriter::finish() {
  SLIPWAY_TRY(end_file());
  return sink_(zeros(2 * kBlock));
}

}  // namespace slipway::io
