#include <algorithm>
#include <optional>

#include "base/checked.h"
#include "base/text.h"
#include "io/tar.h"

namespace slipway::io {
namespace {

constexpr std::uint64_t kBlock = 512;
constexpr std::uint64_t kMaxPaxBytes = 8192;

/// A number of octal digits, ended by a space, a zero byte or the field's end.
std::optional<std::uint64_t> read_octal(std::string_view field) {
  std::uint64_t value = 0;
  std::size_t digits = 0;
  for (const char c : field) {
    if (c == ' ' && digits == 0) continue;
    if (c == ' ' || c == '\0') break;
    if (c < '0' || c > '7') return std::nullopt;
    value = value * 8 + static_cast<std::uint64_t>(c - '0');  // at most 12 digits: 36 bits
    ++digits;
  }
  if (digits == 0) return std::nullopt;
  return value;
}

std::string_view read_text(std::string_view field) { return field.substr(0, field.find('\0')); }

struct Pax {
  std::optional<std::string> path;
  std::optional<std::uint64_t> size_bytes;
};

std::optional<std::uint64_t> read_decimal(std::string_view text) {
  if (text.empty() || text.size() > 19) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

bool read_pax(std::string_view text, Pax& out) {
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos) return false;
    const auto length = read_decimal(text.substr(0, space));
    if (!length || *length <= space + 1 || *length > text.size()) return false;
    std::string_view record = text.substr(space + 1, static_cast<std::size_t>(*length) - space - 1);
    text.remove_prefix(static_cast<std::size_t>(*length));
    if (!record.ends_with('\n')) return false;
    record.remove_suffix(1);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view value = record.substr(equals + 1);
    if (record.substr(0, equals) == "path") {
      out.path = std::string(value);
    } else if (record.substr(0, equals) == "size") {
      out.size_bytes = read_decimal(value);
      if (!out.size_bytes) return false;
    } else {
      return false;  // anything else would change what the entry means
    }
  }
  return true;
}

class Reader {
 public:
  Reader(std::string_view archive, const TarLimits& limits) : archive_(archive), limits_(limits) {}

  Result<std::vector<TarEntry>> read() {
    while (true) {
      if (archive_.size() - at_ < kBlock) return damaged("ends without its two blocks of zeros");
      const std::string_view header = archive_.substr(at_, kBlock);
      if (std::all_of(header.begin(), header.end(), [](char c) { return c == '\0'; })) break;
      SLIPWAY_TRY(read_header(header));
    }
    const std::string_view rest = archive_.substr(at_);
    if (rest.size() < 2 * kBlock) return damaged("ends without its two blocks of zeros");
    if (!std::all_of(rest.begin(), rest.end(), [](char c) { return c == '\0'; })) {
      return damaged("has data behind its end");
    }
    if (pax_) return damaged("ends after an extended header");
    return std::move(entries_);
  }

 private:
  [[nodiscard]] Error damaged(std::string_view what) const {
    return data_loss("io.tar",
                     "the archive is damaged: at byte " + std::to_string(at_) + " it " + std::string(what));
  }

  /// Bytes of content that begin behind the header; also checks that they are all there.
  Result<std::uint64_t> content_bytes(std::uint64_t size_bytes) const {
    const auto padded = checked_add<std::uint64_t>(size_bytes, kBlock - 1);
    const std::uint64_t left = archive_.size() - at_ - kBlock;
    if (!padded || *padded / kBlock * kBlock > left) return damaged("announces more content than there is");
    return *padded / kBlock * kBlock;
  }

  Status read_header(std::string_view header) {
    std::uint64_t sum = 8 * std::uint64_t{' '};
    for (std::size_t i = 0; i < kBlock; ++i) {
      if (i < 148 || i >= 156) sum += static_cast<unsigned char>(header[i]);
    }
    if (read_octal(header.substr(148, 8)) != sum) return damaged("has a header with a wrong checksum");
    if (header.substr(257, 5) != "ustar") return damaged("has no ustar header");
    const auto mode = read_octal(header.substr(100, 8));
    auto size = read_octal(header.substr(124, 12));
    if (!size || !mode) return damaged("has a header with a broken number");
    const char type = header[156];
    if (type == 'x') return read_extended(*size);
    if (type != '0' && type != '\0') {
      return invalid_argument("io.tar_kind", "at byte " + std::to_string(at_) +
                                                 " the archive has an entry of type '" +
                                                 printable({&type, 1}) + "'; only regular files are allowed");
    }
    std::string path(read_text(header.substr(345, 155)));
    if (!path.empty()) path += '/';
    path += read_text(header.substr(0, 100));
    if (pax_ && pax_->path) path = *pax_->path;
    if (pax_ && pax_->size_bytes) size = pax_->size_bytes;
    pax_.reset();
    return add_entry(std::move(path), *size, (*mode & 0100U) != 0);
  }

  Status read_extended(std::uint64_t size) {
    if (pax_) return damaged("has two extended headers in a row");
    if (size > kMaxPaxBytes) return damaged("has an extended header that is too long");
    SLIPWAY_ASSIGN_OR_RETURN(const std::uint64_t content, content_bytes(size));
    pax_.emplace();
    if (!read_pax(archive_.substr(at_ + kBlock, static_cast<std::size_t>(size)), *pax_)) {
      return damaged("has an extended header with other records than path and size, or a broken one");
    }
    at_ += static_cast<std::size_t>(kBlock + content);
    return {};
  }

  Status add_entry(std::string path, std::uint64_t size, bool executable) {
    SLIPWAY_TRY(check_relative_path(path));
    if (!entries_.empty() && path <= entries_.back().path) {
      return invalid_argument("io.tar_order", "the archive has " + path + " after " + entries_.back().path +
                                                  "; paths must ascend, and none may come twice");
    }
    if (!entries_.empty() && path.starts_with(entries_.back().path + "/")) {
      return invalid_argument("io.tar_order",
                              "the archive has " + entries_.back().path + " as a file and as a folder");
    }
    if (entries_.size() == limits_.max_entries || size > limits_.max_file_bytes) {
      return resource_exhausted("io.too_large",
                                "the archive has more files, or a larger one, than is allowed here");
    }
    SLIPWAY_ASSIGN_OR_RETURN(const std::uint64_t content, content_bytes(size));
    entries_.push_back({std::move(path), at_ + kBlock, size, executable});
    at_ += static_cast<std::size_t>(kBlock + content);
    return {};
  }

  std::string_view archive_;
  const TarLimits& limits_;
  std::size_t at_ = 0;
  std::optional<Pax> pax_;
  std::vector<TarEntry> entries_;
};

}  // namespace

Result<std::vector<TarEntry>> read_tar(ByteView archive, const TarLimits& limits) {
  return Reader(as_text(archive), limits).read();
}

}  // namespace slipway::io
