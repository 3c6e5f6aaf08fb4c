#include "shared_memory/regions.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <utility>

#include "base/checked.h"
#include "base/text.h"
#include "net/loop/fd.h"

namespace slipway::shared_memory {
namespace {

using dialect::SharedPart;
using dialect::SharedRange;
using dialect::SharedRegion;
using net::Fd;

std::string titled(std::string_view name) { return "shared memory region \"" + printable(name) + "\""; }

std::string reason(int error) {
  return std::string(": ") + std::strerror(error);
}  // NOLINT(concurrency-mt-unsafe)

/// A registered region; it ends with the last part of it that is in use. Thread: safe.
struct Opened {
  SharedRegion region;
  Fd file;
};

Error shortened(const Opened& opened) {
  return invalid_argument(
      "shared_memory.shortened",
      titled(opened.region.name) +
          ": its memory is shorter now than it was registered; unregister it, and register "
          "it anew");
}

/// The size of the file behind a descriptor. Nothing when it is no file.
std::optional<std::uint64_t> size_of(const Fd& file) {
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size < 0) return std::nullopt;
  return static_cast<std::uint64_t>(facts.st_size);
}

class Part final : public SharedPart {
 public:
  Part(std::shared_ptr<const Opened> opened, const SharedRange& range)
      : opened_(std::move(opened)), range_{opened_->region.name, range.offset, range.byte_size} {}

  [[nodiscard]] const SharedRange& range() const override { return range_; }

  [[nodiscard]] Status read(MutableByteView into) const override {
    SLIPWAY_DCHECK(into.size() == range_.byte_size);
    std::uint64_t at = begin();
    while (!into.empty()) {
      const ssize_t got = ::pread(opened_->file.get(), into.data(), into.size(), static_cast<off_t>(at));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) {
        return failed_precondition("shared_memory.read",
                                   titled(opened_->region.name) + " cannot be read" + reason(errno));
      }
      if (got == 0) return shortened(*opened_);
      at += static_cast<std::uint64_t>(got);
      into = into.subspan(static_cast<std::size_t>(got));
    }
    return {};
  }

  [[nodiscard]] Status write(ByteView bytes) const override {
    SLIPWAY_DCHECK(bytes.size() <= range_.byte_size);
    // Writing behind its end would make it longer.
    const auto size = size_of(opened_->file);
    if (!size || *size < begin() + range_.byte_size) return shortened(*opened_);
    std::uint64_t at = begin();
    while (!bytes.empty()) {
      const ssize_t put = ::pwrite(opened_->file.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) {
        return failed_precondition("shared_memory.write",
                                   titled(opened_->region.name) + " cannot be written" + reason(errno));
      }
      at += static_cast<std::uint64_t>(put);
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return {};
  }

 private:
  /// Within the file as it was registered, so that no sum overflows.
  [[nodiscard]] std::uint64_t begin() const { return opened_->region.offset + range_.offset; }

  const std::shared_ptr<const Opened> opened_;
  const SharedRange range_;
};

Status check_name(std::string_view name) {
  if (!name.empty() && name.size() <= kMaxNameBytes && is_utf8(name)) return {};
  return invalid_argument("shared_memory.name", "the name of a shared memory region is UTF-8 of 1 to " +
                                                    std::to_string(kMaxNameBytes) + " bytes");
}

/// That the region is within its file, which must be one.
Status check_size(const SharedRegion& region, const Fd& file) {
  const auto size = size_of(file);
  if (!size) {
    return invalid_argument("shared_memory.open",
                            titled(region.name) + ": what is registered is no memory object");
  }
  const auto end = checked_add(region.offset, region.byte_size);
  if (region.byte_size > 0 && end && *end <= *size) return {};
  return invalid_argument("shared_memory.size",
                          titled(region.name) + ": " + std::to_string(region.byte_size) +
                              " bytes from offset " + std::to_string(region.offset) + " on are " +
                              (region.byte_size == 0 ? "none" : "not within the memory object") +
                              ", which has " + std::to_string(*size) + " bytes");
}

class Regions final : public dialect::SharedMemory {
 public:
  explicit Regions(Options options) : options_(std::move(options)) {}

  Status add(SharedRegion region) override {
    if (!options_.unsafe_by_name) {
      return permission_denied("shared_memory.by_name",
                               "this server takes no shared memory by the name of its key");
    }
    SLIPWAY_TRY(check_name(region.name));
    SLIPWAY_ASSIGN_OR_RETURN(const std::string file_name, file_name_of(region.key));
    SLIPWAY_ASSIGN_OR_RETURN(Fd file, open(region, file_name));
    return insert(std::move(region), std::move(file));
  }

  Result<std::vector<SharedRegion>> list(std::string_view name) const override {
    const std::shared_lock lock(mutex_);
    std::vector<SharedRegion> all;
    if (name.empty()) {
      for (const auto& [key, opened] : regions_) all.push_back(opened->region);
      return all;
    }
    const auto at = regions_.find(name);
    if (at == regions_.end()) {
      return not_found("shared_memory.unknown", "unable to find " + titled(name) + ": it is not registered");
    }
    all.push_back(at->second->region);
    return all;
  }

  void remove(std::string_view name) override {
    decltype(regions_) gone;  // closed without the lock
    const std::unique_lock lock(mutex_);
    if (name.empty()) {
      gone.swap(regions_);
      bytes_ = 0;
      return;
    }
    const auto at = regions_.find(name);
    if (at == regions_.end()) return;
    bytes_ -= at->second->region.byte_size;
    gone.insert(regions_.extract(at));
  }

  Result<std::shared_ptr<const SharedPart>> find(const SharedRange& range) const override {
    std::shared_ptr<const Opened> opened;
    {
      const std::shared_lock lock(mutex_);
      const auto at = regions_.find(range.region);
      if (at != regions_.end()) opened = at->second;
    }
    if (opened == nullptr) {
      return invalid_argument("shared_memory.unknown",
                              "unable to find " + titled(range.region) + ": register it first");
    }
    const auto end = checked_add(range.offset, range.byte_size);
    if (!end || *end > opened->region.byte_size) {
      return invalid_argument("shared_memory.range", std::to_string(range.byte_size) + " bytes from offset " +
                                                         std::to_string(range.offset) +
                                                         " on are not within the " +
                                                         std::to_string(opened->region.byte_size) +
                                                         " bytes of " + titled(range.region));
    }
    return std::shared_ptr<const SharedPart>(std::make_shared<Part>(std::move(opened), range));
  }

 private:
  /// No link is followed, and nothing that is opened can make the caller wait.
  Result<Fd> open(const SharedRegion& region, const std::string& file_name) const {
    const std::string path = options_.folder + "/" + file_name;
    constexpr int kFlags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    Fd file(::open(path.c_str(), kFlags));
    if (file.valid()) return file;
    return invalid_argument("shared_memory.open", "unable to open " + titled(region.name) + " by the key \"" +
                                                      printable(region.key) + "\"" + reason(errno));
  }

  Status insert(SharedRegion region, Fd file) {
    SLIPWAY_TRY(check_size(region, file));
    const std::unique_lock lock(mutex_);
    if (regions_.contains(region.name)) {
      return already_exists("shared_memory.exists",
                            titled(region.name) + " is registered already: unregister it first");
    }
    if (regions_.size() >= options_.max_regions) {
      return resource_exhausted("shared_memory.too_many",
                                "there are " + std::to_string(regions_.size()) +
                                    " shared memory regions, and no more are allowed: unregister some");
    }
    if (region.byte_size > options_.max_bytes - bytes_) {
      return resource_exhausted("shared_memory.too_many",
                                titled(region.name) + " would make all regions together larger than the " +
                                    std::to_string(options_.max_bytes) + " bytes that are allowed");
    }
    bytes_ += region.byte_size;
    const std::string name = region.name;
    regions_.emplace(name, std::make_shared<const Opened>(Opened{std::move(region), std::move(file)}));
    return {};
  }

  const Options options_;
  mutable std::shared_mutex mutex_;
  std::map<std::string, std::shared_ptr<const Opened>, std::less<>> regions_;  // guarded by mutex_
  std::uint64_t bytes_ = 0;  // guarded by mutex_; never above max_bytes
};

}  // namespace

Result<std::string> file_name_of(std::string_view key) {
  std::string_view name = key;
  if (name.starts_with('/')) name.remove_prefix(1);
  const bool plain = !name.empty() && name.size() <= kMaxKeyBytes && name != "." && name != ".." &&
                     name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos &&
                     is_utf8(name);
  if (plain) return std::string(name);
  return invalid_argument("shared_memory.key",
                          "the key \"" + printable(key) + "\" is no name of a memory object, which is 1 to " +
                              std::to_string(kMaxKeyBytes) + " bytes with no \"/\" but one in front");
}

std::unique_ptr<dialect::SharedMemory> make_regions(Options options) {
  return std::make_unique<Regions>(std::move(options));
}

}  // namespace slipway::shared_memory
