#include "worker/wire/memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "base/random.h"
#include "tensor/tensor.h"
#include "worker/wire/heap.h"

namespace slipway::worker {
namespace {

TEST(Heap, NeverGivesTwoTheSamePlace) {
  constexpr std::uint64_t kSize = 64 * Heap::kUnit;
  Heap heap(kSize);
  Random random(3);
  std::map<std::uint64_t, std::uint64_t> taken;
  std::uint64_t in_use = 0;
  for (int i = 0; i < 20'000; ++i) {
    if (random.below(2) == 0 && !taken.empty()) {
      auto at = std::next(taken.begin(), static_cast<std::ptrdiff_t>(random.below(taken.size())));
      heap.give(at->first);
      in_use -= at->second;
      taken.erase(at);
      continue;
    }
    const std::uint64_t bytes = 1 + random.below(12 * Heap::kUnit);
    const std::uint64_t rounded = (bytes + Heap::kUnit - 1) / Heap::kUnit * Heap::kUnit;
    const auto place = heap.take(bytes);
    if (!place) continue;
    ASSERT_LE(*place + rounded, kSize);
    const auto next = taken.lower_bound(*place);
    const bool before_next = next == taken.end() || *place + rounded <= next->first;
    const bool behind_last =
        next == taken.begin() || std::prev(next)->first + std::prev(next)->second <= *place;
    ASSERT_TRUE(before_next && behind_last);
    taken.emplace(*place, rounded);
    in_use += rounded;
    ASSERT_LE(in_use, kSize);
  }
  for (const auto& [offset, bytes] : taken) heap.give(offset);
  EXPECT_TRUE(heap.empty());
  EXPECT_EQ(heap.take(kSize), 0U) << "all gaps are one again";
  EXPECT_EQ(heap.take(1), std::nullopt);
}

TEST(Heap, FillsTheLowEndFirst) {
  Heap heap(10 * Heap::kUnit);
  const auto first = heap.take(1);
  const auto second = heap.take(Heap::kUnit + 1);
  EXPECT_EQ(first, 0U);
  EXPECT_EQ(second, Heap::kUnit);
  heap.give(*first);
  EXPECT_EQ(heap.take(Heap::kUnit), 0U);
  EXPECT_EQ(heap.high_bytes(), 3 * Heap::kUnit);
  EXPECT_EQ(heap.take(11 * Heap::kUnit), std::nullopt);
  EXPECT_EQ(heap.take(UINT64_MAX), std::nullopt);
}

TEST(Layout, HoldsSmallBlocksOfTheirSlotAndTheHeap) {
  const Layout layout = Layout::make(8, 1 << 20, 3).value();
  EXPECT_EQ(layout.total_bytes, layout.heap + (1U << 20));
  EXPECT_TRUE(layout.holds(layout.small_of(3), kSmallBytes, 3));
  EXPECT_FALSE(layout.holds(layout.small_of(3), kSmallBytes + 1, 3));
  EXPECT_FALSE(layout.holds(layout.small_of(3), 64, 2)) << "another's slot";
  EXPECT_FALSE(layout.holds(0, 64, 0)) << "the words";
  EXPECT_TRUE(layout.holds(layout.heap, 1 << 20, 0));
  EXPECT_FALSE(layout.holds(layout.heap, (1 << 20) + 1, 0));
  EXPECT_FALSE(layout.holds(layout.heap + 64, 64, 0)) << "places start at whole pages";
  EXPECT_FALSE(layout.holds(UINT64_MAX - 4095, 8192, 0));
  EXPECT_FALSE(layout.holds(layout.small_of(2), 64, 9)) << "no such slot";
  for (const auto& [slots, heap] : {std::pair<std::uint32_t, std::uint64_t>{0, 4096},
                                    {65537, 4096},
                                    {8, 4095},
                                    {8, std::uint64_t{1} << 41}}) {
    EXPECT_EQ(Layout::make(slots, heap, 1), std::nullopt);
  }
  EXPECT_EQ(Layout::make(8, 4096, 0), std::nullopt);
  EXPECT_EQ(Layout::make(8, 4096, kMaxLanes + 1), std::nullopt);
  EXPECT_LE(Layout::sleep_of(kMaxLanes - 1) + sizeof(std::uint32_t), Layout::kRing);
  EXPECT_LE(Layout::kRunning + kMaxRunThreads * sizeof(std::uint64_t), Layout::kLanes);
}

TEST(SharedMemory, KeepsItsSizeWhateverTheOtherSideDoes) {
  auto memory = SharedMemory::create("test", 8192, SharedMemory::Access::kReadWrite).value();
  EXPECT_NE(::ftruncate(memory.fd(), 0), 0) << "a mapping would fault";
  EXPECT_NE(::ftruncate(memory.fd(), 1 << 20), 0);
  auto other = SharedMemory::adopt(net::Fd(::dup(memory.fd())), 8192, SharedMemory::Access::kRead).value();
  memory.data()[5000] = std::byte{7};
  EXPECT_EQ(other.data()[5000], std::byte{7});
  memory.release_pages(4096, 4096);
  EXPECT_EQ(other.data()[5000], std::byte{0});
}

TEST(SharedMemory, RefusesWhatCouldShrinkOrHasAnotherSize) {
  auto memory = SharedMemory::create("test", 8192, SharedMemory::Access::kReadWrite).value();
  EXPECT_FALSE(SharedMemory::adopt(net::Fd(::dup(memory.fd())), 4096, SharedMemory::Access::kRead).ok());
  EXPECT_FALSE(SharedMemory::adopt(net::Fd(::dup(memory.fd())), 16384, SharedMemory::Access::kRead).ok());
  net::Fd loose(::memfd_create("loose", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(::ftruncate(loose.get(), 8192), 0);
  EXPECT_FALSE(SharedMemory::adopt(std::move(loose), 8192, SharedMemory::Access::kRead).ok());
  EXPECT_FALSE(SharedMemory::adopt(net::Fd(::dup(0)), 8192, SharedMemory::Access::kRead).ok());
}

TEST(SharedMemory, PassesOnAReadOnlyCopy) {
  auto memory = SharedMemory::create("test", 4096, SharedMemory::Access::kReadWrite).value();
  net::Fd copy = read_only_copy(memory.fd()).value();
  EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, copy.get(), 0), MAP_FAILED);
  EXPECT_TRUE(SharedMemory::adopt(std::move(copy), 4096, SharedMemory::Access::kRead).ok());
}

TEST(SealedCopy, CannotBeChanged) {
  const net::Fd file = sealed_copy("file", as_bytes("weights")).value();
  EXPECT_LT(::pwrite(file.get(), "x", 1, 0), 0);
  EXPECT_NE(::ftruncate(file.get(), 1), 0);
  struct stat info {};
  ASSERT_EQ(::fstat(file.get(), &info), 0);
  EXPECT_EQ(info.st_size, 7);
  EXPECT_TRUE(sealed_copy("empty", {}).ok());
}

}  // namespace
}  // namespace slipway::worker
