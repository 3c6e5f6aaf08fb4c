#include "worker/wire/control_socket.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "worker/wire/wire.h"

namespace slipway::worker {
namespace {

Error no_descriptors(int cause) {
  return resource_exhausted("worker.descriptors", std::string("no descriptor is left for a worker: ") +
                                                      std::strerror(cause) + "; raise the limit (ulimit -n)");
}

Error gone() { return unavailable("worker.gone", "the other side of a worker's socket is closed"); }

std::string packet_of(FrameKind kind, std::string_view payload, std::size_t offset) {
  const std::string_view part = payload.substr(offset, kPartBytes);
  std::string packet;
  packet.reserve(kPacketHeaderBytes + part.size());
  WireWriter writer(packet);
  writer.put(kFrameMagic);
  writer.put(kind);
  writer.put(std::uint16_t{0});
  writer.put(static_cast<std::uint32_t>(payload.size()));
  writer.put(static_cast<std::uint32_t>(offset));
  packet.append(part);
  return packet;
}

// Takes over what the kernel has already put into this process, so that a refused packet leaks nothing.
std::vector<net::Fd> take_descriptors(msghdr& message) {
  std::vector<net::Fd> taken;
  for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr;
       control = CMSG_NXTHDR(&message, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(int));
      taken.emplace_back(fd);
    }
  }
  return taken;
}

}  // namespace

Result<std::pair<ControlSocket, ControlSocket>> ControlSocket::pair() {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return resource_exhausted("worker.socket",
                              std::string("a socket to a worker cannot be made: ") + std::strerror(errno));
  }
  std::pair<ControlSocket, ControlSocket> both{ControlSocket(net::Fd(ends[0])),
                                               ControlSocket(net::Fd(ends[1]))};
  if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
    return internal_error("worker.socket", "a socket to a worker cannot be made not to block");
  }
  return both;
}

ControlSocket::Sent ControlSocket::send_packet(std::string_view bytes, std::span<const int> descriptors,
                                               int flags) const {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxFrameDescriptors)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(head), descriptors.data(), descriptors.size_bytes());
  }
  while (::sendmsg(fd_.get(), &message, MSG_NOSIGNAL | flags) < 0) {
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK ? Sent::kWouldBlock : Sent::kGone;
  }
  return Sent::kDone;
}

Status ControlSocket::send(FrameKind kind, std::string_view payload, std::span<const int> descriptors) {
  SLIPWAY_CHECK(payload.size() <= kMaxFrameBytes && descriptors.size() <= kMaxFrameDescriptors);
  std::size_t offset = 0;
  do {
    Packet packet{packet_of(kind, payload, offset), {}};
    if (offset == 0) {
      for (const int fd : descriptors) {
        packet.descriptors.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
        if (!packet.descriptors.back().valid()) return no_descriptors(errno);
      }
    }
    offset += kPartBytes;
    waiting_.push_back(std::move(packet));
  } while (offset < payload.size());
  return flush();
}

bool ControlSocket::try_send(FrameKind kind, std::string_view payload) {
  if (payload.size() > kPartBytes || blocked()) return false;
  return send_packet(packet_of(kind, payload, 0), {}, MSG_DONTWAIT) == Sent::kDone;
}

Status ControlSocket::flush() {
  while (!waiting_.empty()) {
    int descriptors[kMaxFrameDescriptors] = {};
    const std::size_t count = waiting_.front().descriptors.size();
    for (std::size_t i = 0; i < count; ++i) descriptors[i] = waiting_.front().descriptors[i].get();
    switch (send_packet(waiting_.front().bytes, {descriptors, count}, 0)) {
      case Sent::kDone:
        waiting_.pop_front();
        break;
      case Sent::kWouldBlock:
        return {};
      case Sent::kGone:
        return gone();
    }
  }
  return {};
}

Status ControlSocket::accept_packet(ByteView packet, std::vector<net::Fd> descriptors) {
  if (packet.size() < kPacketHeaderBytes) return protocol_error("a packet is shorter than its head");
  WireReader reader(packet.first(kPacketHeaderBytes));
  const auto magic = reader.get<std::uint32_t>();
  const auto kind = reader.get<std::uint16_t>();
  reader.get<std::uint16_t>();
  const auto whole = reader.get<std::uint32_t>();
  const auto offset = reader.get<std::uint32_t>();
  const ByteView part = packet.subspan(kPacketHeaderBytes);
  if (magic != kFrameMagic || kind < static_cast<std::uint16_t>(FrameKind::kSetup) ||
      kind > static_cast<std::uint16_t>(FrameKind::kUnload) || whole > kMaxFrameBytes) {
    return protocol_error("a packet has a head that cannot be");
  }
  if (!partial_) {
    partial_ = Frame{static_cast<FrameKind>(kind), {}, std::move(descriptors)};
    expected_ = whole;
    descriptors.clear();
  }
  const bool fits = static_cast<std::uint16_t>(partial_->kind) == kind && expected_ == whole &&
                    partial_->payload.size() == offset && part.size() <= whole - offset &&
                    descriptors.empty() && (!part.empty() || whole == 0);
  if (!fits) return protocol_error("a packet does not continue the frame before it");
  partial_->payload.append(as_text(part));
  return {};
}

Result<std::optional<Frame>> ControlSocket::receive() {
  while (true) {
    alignas(16) char bytes[kPacketHeaderBytes + kPartBytes];
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxFrameDescriptors)];
    iovec part{bytes, sizeof(bytes)};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    const ssize_t got = ::recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::optional<Frame>();
    if (got <= 0) return gone();
    std::vector<net::Fd> descriptors = take_descriptors(message);
    // The room for them is that of the largest frame, so it is the process that can have no more.
    if ((message.msg_flags & MSG_CTRUNC) != 0) return no_descriptors(EMFILE);
    if ((message.msg_flags & MSG_TRUNC) != 0) {
      return protocol_error("a packet is larger than any that is sent");
    }
    SLIPWAY_TRY(accept_packet(std::as_bytes(std::span(bytes, static_cast<std::size_t>(got))),
                              std::move(descriptors)));
    if (partial_->payload.size() < expected_) continue;
    return std::exchange(partial_, std::nullopt);
  }
}

Result<std::string> ControlSocket::peek(FrameKind kind) const {
  std::string packet(kPacketHeaderBytes + kPartBytes, '\0');
  ssize_t got = 0;
  do {
    // Descriptors stay with the packet.
    got = ::recv(fd_.get(), packet.data(), packet.size(), MSG_PEEK);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return gone();
  packet.resize(static_cast<std::size_t>(got));
  WireReader reader(as_bytes(packet));
  const auto magic = reader.get<std::uint32_t>();
  const auto found = reader.get<std::uint16_t>();
  reader.get<std::uint16_t>();
  const auto whole = reader.get<std::uint32_t>();
  const auto offset = reader.get<std::uint32_t>();
  if (!reader.ok() || magic != kFrameMagic || found != static_cast<std::uint16_t>(kind) || offset != 0 ||
      whole != packet.size() - kPacketHeaderBytes) {
    return protocol_error("the front sent another frame than is due");
  }
  return packet.substr(kPacketHeaderBytes);
}

}  // namespace slipway::worker
