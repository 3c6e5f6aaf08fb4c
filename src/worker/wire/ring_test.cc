#include "worker/wire/ring.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <thread>
#include <vector>

namespace slipway::worker {
namespace {

/// Both pieces of memory of a small channel.
struct Pieces {
  Layout layout = Layout::make(4, 0, 2).value();
  SharedMemory front =
      SharedMemory::create("front", layout.total_bytes, SharedMemory::Access::kReadWrite).value();
  SharedMemory worker =
      SharedMemory::create("worker", layout.total_bytes, SharedMemory::Access::kReadWrite).value();
};

bool rung(int fd) {
  pollfd bell{fd, POLLIN, 0};
  if (::poll(&bell, 1, 0) != 1) return false;
  std::uint64_t count = 0;
  return ::read(fd, &count, sizeof(count)) == sizeof(count);
}

TEST(Ring, GivesFramesInTheirOrder) {
  Pieces pieces;
  RingWriter<RequestFrame> writer(pieces.front.data(), pieces.worker.data(), RingPlace::requests(), 4);
  RingReader<RequestFrame> reader(pieces.worker.data(), pieces.front.data(), RingPlace::requests(), 4);
  RequestFrame frame;
  EXPECT_EQ(reader.take(frame), Taken::kNothing);
  std::uint64_t wrote = 0;
  std::uint64_t read = 0;
  for (int round = 0; round < 10; ++round) {
    while (writer.put({++wrote, 0, 0, 0, 0})) {
    }
    --wrote;
    EXPECT_EQ(wrote - read, 4U) << "as many as there are slots";
    for (int i = 0; i < 3; ++i) {
      ASSERT_EQ(reader.take(frame), Taken::kFrame);
      EXPECT_EQ(frame.sequence, ++read);
    }
    EXPECT_EQ(writer.taken(), read);
  }
}

TEST(Ring, SeesAWriterThatLies) {
  Pieces pieces;
  const RingPlace place = RingPlace::answers(pieces.layout, 1);
  RingReader<AnswerFrame> reader(pieces.front.data(), pieces.worker.data(), place, 4);
  AnswerFrame frame;
  for (const std::uint64_t head : {std::uint64_t{5}, std::uint64_t{1} << 40U, UINT64_MAX}) {
    internal::store(pieces.worker.data() + place.head, head, __ATOMIC_RELEASE);
    EXPECT_EQ(reader.take(frame), Taken::kBroken) << head;
  }
  internal::store<std::uint64_t>(pieces.worker.data() + place.head, 4, __ATOMIC_RELEASE);
  EXPECT_EQ(reader.take(frame), Taken::kFrame) << "four fit";
}

TEST(Ring, SeesAReaderThatLies) {
  Pieces pieces;
  RingWriter<RequestFrame> writer(pieces.front.data(), pieces.worker.data(), RingPlace::requests(), 4);
  internal::store<std::uint64_t>(pieces.worker.data() + Layout::kTail, 77, __ATOMIC_RELEASE);
  EXPECT_FALSE(writer.put({})) << "it cannot have taken what it was not given";
}

TEST(Ring, KeepsLanesApart) {
  Pieces pieces;
  std::vector<RingWriter<AnswerFrame>> writers;
  std::vector<RingReader<AnswerFrame>> readers;
  for (std::uint32_t lane = 0; lane < 2; ++lane) {
    const RingPlace place = RingPlace::answers(pieces.layout, lane);
    writers.emplace_back(pieces.worker.data(), pieces.front.data(), place, 4);
    readers.emplace_back(pieces.front.data(), pieces.worker.data(), place, 4);
  }
  AnswerFrame frame;
  for (frame.sequence = 10; frame.sequence < 14; ++frame.sequence) ASSERT_TRUE(writers[0].put(frame));
  EXPECT_TRUE(readers[1].empty());
  for (frame.sequence = 20; frame.sequence < 24; ++frame.sequence) ASSERT_TRUE(writers[1].put(frame));
  EXPECT_FALSE(writers[0].put(frame)) << "full, and the other lane did not overwrite it";
  for (std::uint64_t i = 0; i < 4; ++i) {
    ASSERT_EQ(readers[0].take(frame), Taken::kFrame);
    EXPECT_EQ(frame.sequence, 10 + i);
    ASSERT_EQ(readers[1].take(frame), Taken::kFrame);
    EXPECT_EQ(frame.sequence, 20 + i);
  }
}

TEST(Bell, RingsOncePerSleep) {
  Pieces pieces;
  const net::Fd fd(::eventfd(0, EFD_NONBLOCK));
  Bell bell(pieces.worker.data() + Layout::kSleep, fd.get());
  EXPECT_FALSE(bell.should_ring()) << "awake from the start";
  SleepWord word(pieces.worker.data() + Layout::kSleep);
  word.fall_asleep();
  EXPECT_TRUE(bell.should_ring());
  EXPECT_FALSE(bell.should_ring()) << "one wake-up carries all that waits";
  word.awake();
  EXPECT_FALSE(bell.should_ring());
  word.fall_asleep();
  EXPECT_TRUE(bell.should_ring());
  bell.ring();
  EXPECT_TRUE(rung(fd.get()));
  EXPECT_FALSE(rung(fd.get()));
}

TEST(Bell, IsNeverMissed) {
  Pieces pieces;
  const net::Fd fd(::eventfd(0, 0));
  constexpr std::uint64_t kFrames = 100'000;
  RingReader<RequestFrame> reader(pieces.worker.data(), pieces.front.data(), RingPlace::requests(), 4);
  SleepWord word(pieces.worker.data() + Layout::kSleep);
  std::thread sleeper([&] {
    RequestFrame frame;
    for (std::uint64_t next = 1; next <= kFrames;) {
      if (reader.take(frame) == Taken::kFrame) {
        ASSERT_EQ(frame.sequence, next++);
        continue;
      }
      word.fall_asleep();
      std::uint64_t count = 0;
      while (reader.empty()) {
        ASSERT_EQ(::read(fd.get(), &count, sizeof(count)), 8);
        word.awake();
        word.fall_asleep();
      }
      word.awake();
    }
  });
  RingWriter<RequestFrame> writer(pieces.front.data(), pieces.worker.data(), RingPlace::requests(), 4);
  Bell bell(pieces.worker.data() + Layout::kSleep, fd.get());
  for (std::uint64_t sequence = 1; sequence <= kFrames; ++sequence) {
    while (!writer.put({sequence, 0, 0, 0, 0})) {
      if (bell.should_ring()) bell.ring();
    }
    // Rung late, too: then the sleeper may have taken all, and must not be left asleep by the next ring.
    if (sequence % 3 == 0 || sequence == kFrames) {
      if (bell.should_ring()) bell.ring();
    }
  }
  sleeper.join();
}

}  // namespace
}  // namespace slipway::worker
