// The reading of HTTP/2, whole: a session gets the input in pieces, whatever it makes of it the way the bytes
// were cut makes no difference, every stream is told to its end, and what leaves is HTTP/2 to a client.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/text.h"
#include "net/http2/session.h"
#include "net/http2/testing/client.h"

namespace {

using namespace slipway;
using namespace slipway::net;

struct NotingStream final : http2::Stream {
  std::string seen;
  bool headed = false;
  bool ended = false;
};

// Answers every request when it is whole, some in pieces.
class Owner final : public http2::Events {
 public:
  http2::Stream* opened(std::int32_t id) override {
    if (id % 14 == 13) return nullptr;
    auto made = std::make_unique<NotingStream>();
    NotingStream* stream = made.get();
    SLIPWAY_CHECK(streams.emplace(stream, std::move(made)).second);
    return stream;
  }
  void field(http2::Stream& stream, std::string_view name, std::string_view value) override {
    NotingStream& own = of(stream);
    SLIPWAY_CHECK(!own.headed);
    SLIPWAY_CHECK(
        std::none_of(name.begin(), name.end(), [](char c) { return (c >= 'A' && c <= 'Z') || c <= ' '; }));
    SLIPWAY_CHECK(value.find_first_of(std::string_view("\0\r\n", 3)) == std::string_view::npos);
    own.seen.append(name).append("=").append(value).append(" ");
  }
  void head(http2::Stream& stream, bool ended) override {
    of(stream).headed = true;
    if (ended) whole(of(stream));
  }
  void data(http2::Stream& stream, std::string_view bytes) override {
    SLIPWAY_CHECK(of(stream).headed && !of(stream).ended);
    of(stream).seen.append(bytes);
    session->consume(stream, bytes.size());
  }
  void ended(http2::Stream& stream) override { whole(of(stream)); }
  void sent(http2::Stream&, std::size_t) override {}
  void closed(http2::Stream& stream, bool) override { SLIPWAY_CHECK(streams.erase(&stream) == 1); }

  http2::Session* session = nullptr;
  std::map<http2::Stream*, std::unique_ptr<NotingStream>> streams;
  std::string seen;

 private:
  NotingStream& of(http2::Stream& stream) {
    SLIPWAY_CHECK(streams.contains(&stream));
    return static_cast<NotingStream&>(stream);
  }
  void whole(NotingStream& stream) {
    SLIPWAY_CHECK(!stream.ended);
    stream.ended = true;
    seen.append(stream.seen).append("\n");
    const bool pieces = stream.id() % 4 == 3;
    session->start_answer(stream, 200, "Content-Type: text/plain\r\n", false);
    session->add_body(stream, std::string(pieces ? 20000 : 3, 'x'));
    session->end_answer(stream, pieces ? "x-end: 1\r\n" : "");
  }
};

http2::SessionLimits small_limits() {
  http2::SessionLimits limits;
  limits.max_streams = 8;
  limits.max_head_bytes = 1024;
  limits.stream_window_bytes = 70000;
  limits.connection_window_bytes = 100000;
  limits.control_frames = 50;
  limits.control_frames_per_second = 0;
  limits.resets = 10;
  limits.resets_per_second = 0;
  return limits;
}

std::string serve(std::string_view bytes, std::size_t piece) {
  Owner owner;
  FreeLists memory;
  http2::Session session(small_limits(), owner, memory);
  owner.session = &session;
  http2::testing::Client client;
  OutQueue out;
  bool open = true;
  while (open && !bytes.empty()) {
    open = session.feed(bytes.substr(0, piece), MonoTime{});
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  session.produce(out, std::size_t{1} << 20U);
  iovec parts[64];
  while (!out.empty()) {
    const std::size_t count = out.gather(parts);
    std::size_t size = 0;
    // The client did not send the requests, so it may refuse to hear of their streams; it must not crash.
    for (std::size_t i = 0; i < count; ++i) {
      static_cast<void>(client.feed({static_cast<const char*>(parts[i].iov_base), parts[i].iov_len}));
      size += parts[i].iov_len;
    }
    out.consume(size);
  }
  return owner.seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string bytes =
      http2::testing::preface() + std::string(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = serve(bytes, bytes.size());
  const std::string in_pieces = serve(bytes, std::size_t{1} + data[0]);
  if (!whole.starts_with(in_pieces)) {
    std::fprintf(stderr, "whole: %s\npieces of %d: %s\n", printable(whole, 2000).c_str(), data[0] + 1,
                 printable(in_pieces, 2000).c_str());
  }
  SLIPWAY_CHECK(whole.starts_with(in_pieces));
  return 0;
}
