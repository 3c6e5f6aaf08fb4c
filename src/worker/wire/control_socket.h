// The socket between front and worker: frames in packets, with descriptors.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "net/loop/fd.h"
#include "worker/wire/frames.h"

namespace slipway::worker {

struct Frame {
  FrameKind kind = FrameKind::kLog;
  std::string payload;
  std::vector<net::Fd> descriptors;
};

/// One end. What does not fit into the socket waits here until flush(). Thread: confined to one thread at a
/// time, except that one thread may send while another receives.
class ControlSocket {
 public:
  enum class Mode : std::uint8_t { kBlocking, kNonBlocking };

  ControlSocket() = default;
  explicit ControlSocket(net::Fd fd) : fd_(std::move(fd)) {}

  /// Both ends, connected: the front's, which does not block, and the worker's, which does. Errors:
  /// worker.socket.
  static Result<std::pair<ControlSocket, ControlSocket>> pair();

  [[nodiscard]] int fd() const { return fd_.get(); }
  void close() { fd_.reset(); }

  /// Sends, or keeps for flush() what would block. Errors: worker.gone when the other end is closed;
  /// worker.descriptors when there are none left, and then nothing was sent.
  Status send(FrameKind kind, std::string_view payload, std::span<const int> descriptors = {});
  /// Sends a frame of one packet, unless that would block: then it is dropped, and this is false.
  bool try_send(FrameKind kind, std::string_view payload);
  /// Errors: worker.gone.
  Status flush();
  /// True when flush() has something to do once the socket is writable.
  [[nodiscard]] bool blocked() const { return !waiting_.empty(); }

  /// The next whole frame; nothing when there is none yet (on the end that does not block).
  /// Errors: worker.gone at the end; worker.protocol; worker.descriptors when those that came have no room.
  Result<std::optional<Frame>> receive();
  /// The payload of the next frame, which stays, and must be of that kind and of one packet. For the end that
  /// blocks. Errors: worker.gone, worker.protocol.
  Result<std::string> peek(FrameKind kind) const;

 private:
  struct Packet {
    std::string bytes;
    std::vector<net::Fd> descriptors;
  };
  enum class Sent : std::uint8_t { kDone, kWouldBlock, kGone };
  [[nodiscard]] Sent send_packet(std::string_view bytes, std::span<const int> descriptors, int flags) const;
  Status accept_packet(ByteView packet, std::vector<net::Fd> descriptors);

  net::Fd fd_;
  std::deque<Packet> waiting_;
  std::optional<Frame> partial_;
  std::size_t expected_ = 0;  ///< bytes of the partial frame's whole payload
};

}  // namespace slipway::worker
