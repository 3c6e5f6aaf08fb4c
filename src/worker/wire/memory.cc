#include "worker/wire/memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/checked.h"

namespace slipway::worker {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW;

Error failed(const char* what) {
  return resource_exhausted("worker.memory", std::string("memory to share with a worker cannot be ") + what +
                                                 ": " + std::strerror(errno));
}

}  // namespace

std::optional<Layout> Layout::make(std::uint32_t slots, std::uint64_t heap_bytes, std::uint32_t lanes) {
  if (slots == 0 || slots > 65536 || lanes == 0 || lanes > kMaxLanes ||
      heap_bytes > (std::uint64_t{1} << 40U) || heap_bytes % kPage != 0) {
    return std::nullopt;
  }
  Layout layout;
  layout.slots = slots;
  layout.lanes = lanes;
  layout.marks = kRing + std::uint64_t{lanes} * slots * kRingEntryBytes;
  const std::uint64_t marks_end = layout.marks + kLargeAnswers * sizeof(std::uint64_t);
  layout.small = (marks_end + kPage - 1) / kPage * kPage;
  layout.heap = layout.small + std::uint64_t{slots} * kSmallBytes;
  layout.heap_bytes = heap_bytes;
  layout.total_bytes = layout.heap + heap_bytes;
  return layout;
}

bool Layout::holds(std::uint64_t offset, std::uint64_t bytes, std::uint32_t slot) const {
  if (slot < slots && offset == small_of(slot)) return bytes <= kSmallBytes;
  const auto end = checked_add(offset, bytes);
  return end && offset >= heap && *end <= total_bytes && (offset - heap) % kPage == 0;
}

SharedMemory::~SharedMemory() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : fd_(std::move(other.fd_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Result<SharedMemory> SharedMemory::map(net::Fd fd, std::uint64_t bytes, Access access) {
  const int protection = access == Access::kRead ? PROT_READ : PROT_READ | PROT_WRITE;
  void* data = ::mmap(nullptr, bytes, protection, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) return failed("mapped");
  SharedMemory memory;
  memory.fd_ = std::move(fd);
  memory.data_ = static_cast<std::byte*>(data);
  memory.size_ = bytes;
  return memory;
}

Result<SharedMemory> SharedMemory::create(const char* name, std::uint64_t bytes, Access access) {
  net::Fd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return failed("made");
  if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) return failed("sized");
  if (::fcntl(fd.get(), F_ADD_SEALS, kSizeSeals | F_SEAL_SEAL) != 0) return failed("sealed");
  return map(std::move(fd), bytes, access);
}

Result<SharedMemory> SharedMemory::adopt(net::Fd fd, std::uint64_t bytes, Access access) {
  const int seals = ::fcntl(fd.get(), F_GET_SEALS);
  struct stat info {};
  if (seals < 0 || ::fstat(fd.get(), &info) != 0) return failed("looked at");
  if ((seals & kSizeSeals) != kSizeSeals || static_cast<std::uint64_t>(info.st_size) != bytes) {
    return data_loss("worker.memory",
                     "memory that was passed has not the size that was said, or may change it");
  }
  return map(std::move(fd), bytes, access);
}

void SharedMemory::release_pages(std::uint64_t offset, std::uint64_t bytes) {
  const std::uint64_t first = (offset + kPage - 1) / kPage * kPage;
  const std::uint64_t end = (offset + bytes) / kPage * kPage;
  if (end <= first) return;
  // A failure costs memory, nothing else.
  [[maybe_unused]] const int done = ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                                static_cast<off_t>(first), static_cast<off_t>(end - first));
}

Result<net::Fd> read_only_copy(int fd) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  net::Fd copy(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!copy.valid()) return failed("passed on for reading only");
  return copy;
}

Result<net::Fd> sealed_copy(const char* name, ByteView bytes) {
  net::Fd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return failed("made");
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t wrote = ::write(fd.get(), bytes.data() + done, bytes.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return failed("filled");
    done += static_cast<std::size_t>(wrote);
  }
  if (::fcntl(fd.get(), F_ADD_SEALS, kSizeSeals | F_SEAL_WRITE | F_SEAL_SEAL) != 0) return failed("sealed");
  return fd;
}

}  // namespace slipway::worker
