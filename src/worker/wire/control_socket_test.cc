#include "worker/wire/control_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "worker/wire/memory.h"
#include "worker/wire/wire.h"

namespace slipway::worker {
namespace {

std::string packet(FrameKind kind, std::uint32_t whole, std::uint32_t offset, std::string_view part,
                   std::uint32_t magic = kFrameMagic) {
  std::string bytes;
  WireWriter writer(bytes);
  writer.put(magic);
  writer.put(kind);
  writer.put(std::uint16_t{0});
  writer.put(whole);
  writer.put(offset);
  return bytes + std::string(part);
}

TEST(ControlSocket, CarriesFramesAndDescriptors) {
  auto [front, worker] = ControlSocket::pair().value();
  const net::Fd file = sealed_copy("file", as_bytes("content")).value();
  const int fd = file.get();
  ASSERT_TRUE(front.send(FrameKind::kFile, "payload", {&fd, 1}).ok());
  ASSERT_TRUE(front.send(FrameKind::kLoad, "").ok());
  const Frame first = worker.receive().value().value();
  EXPECT_EQ(first.kind, FrameKind::kFile);
  EXPECT_EQ(first.payload, "payload");
  ASSERT_EQ(first.descriptors.size(), 1U);
  char text[8] = {};
  EXPECT_EQ(::pread(first.descriptors[0].get(), text, 7, 0), 7);
  EXPECT_STREQ(text, "content");
  EXPECT_EQ(worker.receive().value()->payload, "");
  EXPECT_FALSE(front.receive().value().has_value()) << "the front's end does not block";
}

TEST(ControlSocket, SaysThatNoDescriptorsAreLeft) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizers need descriptors themselves";
#endif
  auto [front, worker] = ControlSocket::pair().value();
  const net::Fd file = sealed_copy("file", as_bytes("content")).value();
  const int fd = file.get();
  ASSERT_TRUE(front.send(FrameKind::kFile, "taken before there were none", {&fd, 1}).ok());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  {
    const net::Fd highest(::dup(0));
    none.rlim_cur = static_cast<rlim_t>(highest.get());
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const Status sent = front.send(FrameKind::kFile, "not sent", {&fd, 1});
  const auto received = worker.receive();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(sent.ok());
  EXPECT_EQ(sent.error().id(), "worker.descriptors");
  ASSERT_FALSE(received.ok());
  EXPECT_EQ(received.error().id(), "worker.descriptors");
  ASSERT_TRUE(front.send(FrameKind::kLoad, "sent").ok());
  EXPECT_EQ(worker.receive().value()->payload, "sent");
}

TEST(ControlSocket, CarriesFramesLargerThanTheSocket) {
  auto [front, worker] = ControlSocket::pair().value();
  const std::string large(3 << 20, 'x');
  ASSERT_TRUE(front.send(FrameKind::kLoad, large).ok());
  EXPECT_TRUE(front.blocked());
  std::thread sender([&front = front] {
    while (front.blocked()) {
      ASSERT_TRUE(front.flush().ok());
      std::this_thread::yield();
    }
  });
  EXPECT_EQ(worker.receive().value()->payload, large);
  sender.join();
}

TEST(ControlSocket, LooksAtAFrameThatStays) {
  auto [front, worker] = ControlSocket::pair().value();
  const net::Fd file = sealed_copy("file", as_bytes("content")).value();
  const int fd = file.get();
  ASSERT_TRUE(front.send(FrameKind::kSetup, "payload", {&fd, 1}).ok());
  EXPECT_EQ(worker.peek(FrameKind::kSetup).value(), "payload");
  EXPECT_EQ(worker.peek(FrameKind::kLoad).error().id(), "worker.protocol");
  const Frame frame = worker.receive().value().value();
  EXPECT_EQ(frame.payload, "payload");
  EXPECT_EQ(frame.descriptors.size(), 1U);
  ASSERT_TRUE(front.send(FrameKind::kSetup, std::string(kPartBytes + 1, 'x')).ok());
  EXPECT_EQ(worker.peek(FrameKind::kSetup).error().id(), "worker.protocol") << "the first part of two";
  front.close();
  EXPECT_TRUE(worker.receive().ok());
  EXPECT_EQ(worker.peek(FrameKind::kSetup).error().id(), "worker.gone");
}

TEST(ControlSocket, SaysWhenTheOtherSideIsGone) {
  auto [front, worker] = ControlSocket::pair().value();
  ASSERT_TRUE(worker.send(FrameKind::kLog, "last words").ok());
  worker.close();
  EXPECT_EQ(front.receive().value()->payload, "last words");
  EXPECT_EQ(front.receive().error().id(), "worker.gone");
  EXPECT_EQ(front.send(FrameKind::kLoad, "x").error().id(), "worker.gone");
}

TEST(ControlSocket, DropsALineInsteadOfWaiting) {
  auto [front, worker] = ControlSocket::pair().value();
  int sent = 0;
  while (worker.try_send(FrameKind::kLog, std::string(kPartBytes, 'l'))) ++sent;
  EXPECT_GT(sent, 0);
  EXPECT_FALSE(worker.try_send(FrameKind::kLog, std::string(kPartBytes + 1, 'l'))) << "more than a packet";
  EXPECT_TRUE(front.receive().value().has_value());
}

TEST(ControlSocket, RefusesPacketsThatBreakTheRules) {
  const std::vector<std::vector<std::string>> rows = {
      {"short"},
      {packet(FrameKind::kLog, 1, 0, "x", 0x12345678)},
      {packet(static_cast<FrameKind>(0), 1, 0, "x")},
      {packet(static_cast<FrameKind>(99), 1, 0, "x")},
      {packet(FrameKind::kLog, 0xffffffff, 0, "x")},
      {packet(FrameKind::kLog, 1, 0, "xy")},
      {packet(FrameKind::kLog, 4, 1, "x")},
      {packet(FrameKind::kLog, 4, 0, "")},
      {packet(FrameKind::kLog, 4, 0, "xx"), packet(FrameKind::kLog, 4, 0, "xx")},
      {packet(FrameKind::kLog, 4, 0, "xx"), packet(FrameKind::kReady, 4, 2, "xx")},
      {packet(FrameKind::kLog, 4, 0, "xx"), packet(FrameKind::kLog, 5, 2, "xx")},
      {std::string(kPacketHeaderBytes + kPartBytes + 1, 'x')},
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto [front, worker] = ControlSocket::pair().value();
    for (const std::string& bytes : rows[i]) {
      ASSERT_EQ(::send(worker.fd(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    }
    const auto received = front.receive();
    ASSERT_FALSE(received.ok()) << i;
    EXPECT_EQ(received.error().id(), "worker.protocol") << i;
  }
}

}  // namespace
}  // namespace slipway::worker
