// HTTP/2 and gRPC for the load generator: frames made by hand, since all requests are much alike. It asks for
// nothing unusual and takes every frame that a server may send.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "net/client/wire_internal.h"
#include "net/http2/hpack.h"

namespace slipway::net {
namespace {

// Source: RFC 9113 sections 4.1, 6 and 7.
enum FrameType : std::uint8_t {
  kData = 0,
  kHeaders = 1,
  kResetStream = 3,
  kSettings = 4,
  kPushPromise = 5,
  kPing = 6,
  kGoaway = 7,
  kWindowUpdate = 8,
  kContinuation = 9,
};
constexpr std::uint8_t kEndStream = 1;
constexpr std::uint8_t kAck = 1;
constexpr std::uint8_t kEndHeaders = 4;
constexpr std::uint8_t kPadded = 8;
constexpr std::uint8_t kPriority = 32;
constexpr std::uint16_t kSettingTableSize = 1;
constexpr std::uint16_t kSettingEnablePush = 2;
constexpr std::uint16_t kSettingMaxStreams = 3;
constexpr std::uint16_t kSettingWindow = 4;
constexpr std::uint16_t kSettingMaxFrame = 5;

constexpr std::size_t kFrameHead = 9;
constexpr std::size_t kMaxFrame = 16384;  // the least that every side takes; we announce no other
constexpr std::size_t kMaxHeaderBlock = std::size_t{1} << 20U;
constexpr std::int64_t kWindow = std::int64_t{16}
                                 << 20U;  // of answers, for each stream and for the connection
constexpr std::int64_t kFirstWindow = 65535;
constexpr std::size_t kGrpcPrefix = 5;
constexpr std::uint32_t kLastStream = 0x7ffffffd;

std::uint32_t number(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

void append_number(std::string& out, std::uint32_t value, std::size_t size) {
  for (std::size_t i = size; i-- > 0;) out.push_back(static_cast<char>(value >> (8 * i) & 0xffU));
}

void frame_head(std::string& out, std::size_t size, FrameType type, std::uint8_t flags,
                std::uint32_t stream) {
  append_number(out, static_cast<std::uint32_t>(size), 3);
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  append_number(out, stream, 4);
}

void setting(std::string& out, std::uint16_t id, std::uint32_t value) {
  append_number(out, id, 2);
  append_number(out, value, 4);
}

struct Prepared {
  std::vector<http2::Field> head;
  std::string body;
};

struct Shared {
  LoadProtocol protocol = LoadProtocol::kHttp2;
  std::size_t streams = 1;
  std::string server;
  std::string authority;
  std::string method;
  std::string target;
  std::vector<LoadRequest> requests;  // what `prepared` borrows from
  std::vector<Prepared> prepared;
};

// A place for one request at a time. Of a stream of messages the place keeps its stream.
struct Place {
  std::uint32_t id = 0;  ///< 0 = no stream is open
  bool busy = false;
  SendTimes times;
  const std::string* body = nullptr;
  std::size_t body_sent = 0;
  bool blocked = false;     ///< waits for a window
  std::int64_t window = 0;  ///< bytes of ours that the server takes
  std::int64_t unseen = 0;  ///< bytes of the server's for which no window was given back
  std::string status;       ///< of the answer
  std::string error;        ///< the beginning of a failure's body, or grpc-message
  std::string message;      ///< a stream's answer as far as it came, at most its prefix and some bytes
  std::uint64_t message_left = 0;
};

class Http2Wire final : public Wire {
 public:
  explicit Http2Wire(const Shared& shared) : shared_(shared), places_(shared.streams) {
    for (std::size_t i = places_.size(); i-- > 0;) free_.push_back(i);
  }

  void begin(std::string& out) override;
  [[nodiscard]] std::size_t room() const override {
    if (closes_) return 0;
    const std::size_t most = std::min<std::size_t>(places_.size(), max_streams_);
    return most > in_flight_ ? most - in_flight_ : 0;
  }
  [[nodiscard]] std::size_t in_flight() const override { return in_flight_; }
  [[nodiscard]] bool closes() const override { return closes_; }
  void send(std::size_t request, const SendTimes& times, std::string& out) override;
  Status receive(std::string_view bytes, std::string& out, AnswerSink& sink) override;

 private:
  struct Frame {
    std::uint8_t type = 0;
    std::uint8_t flags = 0;
    std::uint32_t stream = 0;
    std::string_view payload;
  };

  [[nodiscard]] bool grpc() const { return shared_.protocol != LoadProtocol::kHttp2; }
  [[nodiscard]] bool keeps_streams() const { return shared_.protocol == LoadProtocol::kGrpcStream; }
  [[nodiscard]] Error wrong(std::string_view what) const {
    return data_loss("net.load", shared_.server + " sent " + std::string(what));
  }
  [[nodiscard]] Place* find(std::uint32_t stream);

  void open_stream(Place& place, std::size_t request, std::string& out);
  void send_body(Place& place, std::string& out);
  void send_blocked(std::string& out);
  Status take(const Frame& frame, std::string& out, AnswerSink& sink);
  Status on_data(const Frame& frame, std::string& out, AnswerSink& sink);
  Status on_headers(const Frame& frame, AnswerSink& sink);
  Status on_block(AnswerSink& sink);
  Status on_settings(const Frame& frame, std::string& out);
  Status on_window(const Frame& frame, std::string& out);
  void on_reset(const Frame& frame, AnswerSink& sink);
  void on_goaway(const Frame& frame, AnswerSink& sink);
  void on_message_bytes(Place& place, std::string_view bytes, AnswerSink& sink);
  void finish(Place& place, AnswerSink& sink);
  void answer(Place& place, AnswerSink& sink);
  void give_window(Place* place, std::size_t bytes, std::string& out);

  const Shared& shared_;
  std::vector<Place> places_;
  std::vector<std::size_t> free_;
  std::size_t in_flight_ = 0;
  http2::HeaderEncoder encoder_;
  http2::HeaderDecoder decoder_;
  std::string received_;  // a frame that is not whole
  std::string block_;     // of HEADERS whose CONTINUATION has not come
  std::uint32_t block_stream_ = 0;
  bool block_ends_stream_ = false;
  bool in_block_ = false;
  std::uint32_t next_id_ = 1;
  std::uint32_t max_streams_ = 0x7fffffff;
  std::size_t max_frame_ = kMaxFrame;
  std::int64_t first_window_ = kFirstWindow;
  std::int64_t window_ = kFirstWindow;  // of the connection, for our bodies
  std::int64_t unseen_ = 0;             // of the connection, for answers
  bool closes_ = false;
};

void Http2Wire::begin(std::string& out) {
  out.append("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  frame_head(out, 12, kSettings, 0, 0);
  setting(out, kSettingEnablePush, 0);
  setting(out, kSettingWindow, static_cast<std::uint32_t>(kWindow));
  frame_head(out, 4, kWindowUpdate, 0, 0);
  append_number(out, static_cast<std::uint32_t>(kWindow - kFirstWindow), 4);
}

Place* Http2Wire::find(std::uint32_t stream) {
  for (Place& place : places_) {
    if (place.id == stream && stream != 0) return &place;
  }
  return nullptr;
}

void Http2Wire::open_stream(Place& place, std::size_t request, std::string& out) {
  place.id = next_id_;
  next_id_ += 2;
  if (next_id_ >= kLastStream) closes_ = true;
  place.window = first_window_;
  place.unseen = 0;
  place.message.clear();
  place.message_left = 0;
  const std::size_t at = out.size();
  const bool bare = shared_.prepared[request].body.empty() && !grpc();
  frame_head(out, 0, kHeaders, static_cast<std::uint8_t>(kEndHeaders | (bare ? kEndStream : 0)), place.id);
  if (!encoder_.encode(shared_.prepared[request].head, out)) closes_ = true;
  const std::size_t size = out.size() - at - kFrameHead;
  for (std::size_t i = 0; i < 3; ++i) out[at + i] = static_cast<char>(size >> (8 * (2 - i)) & 0xffU);
}

void Http2Wire::send(std::size_t request, const SendTimes& times, std::string& out) {
  Place& place = places_[free_.back()];
  free_.pop_back();
  ++in_flight_;
  place.busy = true;
  place.times = times;
  place.status.clear();
  place.error.clear();
  if (!keeps_streams() || place.id == 0) open_stream(place, request, out);
  place.body = &shared_.prepared[request].body;
  place.body_sent = 0;
  if (!place.body->empty()) send_body(place, out);
}

void Http2Wire::send_body(Place& place, std::string& out) {
  const std::string& body = *place.body;
  while (place.body_sent < body.size()) {
    const std::int64_t window = std::min(place.window, window_);
    if (window <= 0) {
      place.blocked = true;
      return;
    }
    const std::size_t size =
        std::min({body.size() - place.body_sent, max_frame_, static_cast<std::size_t>(window)});
    const bool last = place.body_sent + size == body.size() && !keeps_streams();
    frame_head(out, size, kData, last ? kEndStream : 0, place.id);
    out.append(body, place.body_sent, size);
    place.body_sent += size;
    place.window -= static_cast<std::int64_t>(size);
    window_ -= static_cast<std::int64_t>(size);
  }
  place.blocked = false;
}

void Http2Wire::send_blocked(std::string& out) {
  for (Place& place : places_) {
    if (place.blocked && window_ > 0) send_body(place, out);
  }
}

Status Http2Wire::receive(std::string_view bytes, std::string& out, AnswerSink& sink) {
  std::string kept;
  if (!received_.empty()) {
    received_.append(bytes);
    kept = std::exchange(received_, {});
    bytes = kept;
  }
  while (bytes.size() >= kFrameHead) {
    const std::size_t size = number(bytes, 0, 3);
    if (size > kMaxFrame) return wrong("a frame longer than it may be, or no HTTP/2");
    if (bytes.size() < kFrameHead + size) break;
    const Frame frame{.type = static_cast<std::uint8_t>(bytes[3]),
                      .flags = static_cast<std::uint8_t>(bytes[4]),
                      .stream = number(bytes, 5, 4) & 0x7fffffffU,
                      .payload = bytes.substr(kFrameHead, size)};
    SLIPWAY_TRY(take(frame, out, sink));
    bytes.remove_prefix(kFrameHead + size);
  }
  received_ = std::string(bytes);
  return {};
}

Status Http2Wire::take(const Frame& frame, std::string& out, AnswerSink& sink) {
  if (in_block_ && (frame.type != kContinuation || frame.stream != block_stream_)) {
    return wrong("a header block that is cut by another frame");
  }
  switch (frame.type) {
    case kData:
      return on_data(frame, out, sink);
    case kHeaders:
      return on_headers(frame, sink);
    case kContinuation:
      if (!in_block_) return wrong("CONTINUATION without HEADERS");
      block_.append(frame.payload);
      if (block_.size() > kMaxHeaderBlock) return wrong("a header block without end");
      return (frame.flags & kEndHeaders) != 0 ? on_block(sink) : Status();
    case kResetStream:
      on_reset(frame, sink);
      return {};
    case kSettings:
      return on_settings(frame, out);
    case kPing:
      if ((frame.flags & kAck) == 0) {
        frame_head(out, frame.payload.size(), kPing, kAck, 0);
        out.append(frame.payload);
      }
      return {};
    case kGoaway:
      on_goaway(frame, sink);
      return {};
    case kWindowUpdate:
      return on_window(frame, out);
    case kPushPromise:
      return wrong("a push, which was switched off");
    default:
      return {};  // RFC 9113 section 4.1: unknown types are ignored
  }
}

// Gives windows back when half of them is used, as far as anything more is wanted.
void Http2Wire::give_window(Place* place, std::size_t bytes, std::string& out) {
  const auto give = [&](std::int64_t& unseen, std::uint32_t stream) {
    unseen += static_cast<std::int64_t>(bytes);
    if (unseen < kWindow / 2) return;
    frame_head(out, 4, kWindowUpdate, 0, stream);
    append_number(out, static_cast<std::uint32_t>(unseen), 4);
    unseen = 0;
  };
  give(unseen_, 0);
  if (place != nullptr) give(place->unseen, place->id);
}

Status Http2Wire::on_data(const Frame& frame, std::string& out, AnswerSink& sink) {
  std::string_view bytes = frame.payload;
  Place* place = find(frame.stream);
  const bool ends = (frame.flags & kEndStream) != 0;
  give_window(ends ? nullptr : place, bytes.size(), out);
  if ((frame.flags & kPadded) != 0) {
    const std::size_t padding = bytes.empty() ? 1 : number(bytes, 0, 1) + 1;
    if (padding > bytes.size()) return wrong("a frame with more padding than bytes");
    bytes = bytes.substr(1, bytes.size() - padding);
  }
  if (place == nullptr) return {};  // of a stream that was reset
  if (keeps_streams()) {
    on_message_bytes(*place, bytes, sink);
  } else if ((!grpc() || place->status.starts_with("HTTP")) && place->error.size() < kShownErrorBytes) {
    place->error.append(bytes.substr(0, kShownErrorBytes - place->error.size()));
  }
  if (ends) finish(*place, sink);
  return {};
}

// A whole message answers the request that is under way. A message of ModelStreamInfer that begins with field
// 1 has a text there that says what went wrong.
void Http2Wire::on_message_bytes(Place& place, std::string_view bytes, AnswerSink& sink) {
  constexpr char kErrorField = '\x0a';
  while (!bytes.empty()) {
    if (place.message.size() < kGrpcPrefix) {
      const std::size_t taken = std::min(kGrpcPrefix - place.message.size(), bytes.size());
      place.message.append(bytes.substr(0, taken));
      bytes.remove_prefix(taken);
      if (place.message.size() < kGrpcPrefix) return;
      place.message_left = number(place.message, 1, 4);
    }
    const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(place.message_left, bytes.size()));
    const std::size_t room =
        kGrpcPrefix + kShownErrorBytes - std::min(kGrpcPrefix + kShownErrorBytes, place.message.size());
    place.message.append(bytes.substr(0, std::min(room, taken)));
    bytes.remove_prefix(taken);
    place.message_left -= taken;
    if (place.message_left > 0) return;
    const std::string_view said = std::string_view(place.message).substr(kGrpcPrefix);
    const bool failed = said.starts_with(kErrorField);
    place.status = failed ? "error_message" : "OK";
    place.error = failed ? said.substr(std::min<std::size_t>(2, said.size())) : "";
    place.message.clear();
    if (place.busy) answer(place, sink);
  }
}

Status Http2Wire::on_headers(const Frame& frame, AnswerSink& sink) {
  std::string_view block = frame.payload;
  std::size_t padding = 0;
  if ((frame.flags & kPadded) != 0) {
    if (block.empty()) return wrong("HEADERS that are cut short");
    padding = number(block, 0, 1);
    block.remove_prefix(1);
  }
  if ((frame.flags & kPriority) != 0) {
    if (block.size() < 5) return wrong("HEADERS that are cut short");
    block.remove_prefix(5);
  }
  if (padding > block.size()) return wrong("a frame with more padding than bytes");
  block_.assign(block.substr(0, block.size() - padding));
  block_stream_ = frame.stream;
  block_ends_stream_ = (frame.flags & kEndStream) != 0;
  in_block_ = true;
  return (frame.flags & kEndHeaders) != 0 ? on_block(sink) : Status();
}

Status Http2Wire::on_block(AnswerSink& sink) {
  in_block_ = false;
  Place* place = find(block_stream_);
  const bool decoded = decoder_.decode(block_, [&](std::string_view name, std::string_view value) {
    if (place == nullptr) return;
    if (name == ":status") {
      // An answer of gRPC is 200 in any case; another status is the answer of something in between.
      if (!grpc() || value != "200")
        place->status = grpc() ? "HTTP " + std::string(value) : std::string(value);
    } else if (name == "grpc-status" && grpc()) {
      int code = 2;
      std::from_chars(value.data(), value.data() + value.size(), code);
      place->status = code >= 0 && code <= 16 ? code_name(static_cast<Code>(code)) : value;
    } else if (name == "grpc-message" && grpc()) {
      place->error = value.substr(0, kShownErrorBytes);
    }
  });
  if (!decoded) return wrong("a malformed header block");
  if (place != nullptr && block_ends_stream_) finish(*place, sink);
  return {};
}

// The stream has ended.
void Http2Wire::finish(Place& place, AnswerSink& sink) {
  place.id = 0;
  place.blocked = false;
  if (!place.busy) return;
  if (place.status.empty()) place.status = grpc() ? "no grpc-status" : "no status";
  if (keeps_streams() && place.status == "OK") place.status = "stream ended";
  answer(place, sink);
}

void Http2Wire::answer(Place& place, AnswerSink& sink) {
  int code = 0;
  const bool is_number =
      std::from_chars(place.status.data(), place.status.data() + place.status.size(), code).ec == std::errc();
  const bool failed = grpc() ? place.status != "OK" : !is_number || code >= 400;
  place.busy = false;
  --in_flight_;
  free_.push_back(static_cast<std::size_t>(&place - places_.data()));
  sink.answered(place.times, place.status, failed,
                failed ? std::string_view(place.error) : std::string_view());
}

Status Http2Wire::on_settings(const Frame& frame, std::string& out) {
  if ((frame.flags & kAck) != 0) return {};
  if (frame.payload.size() % 6 != 0) return wrong("SETTINGS that are cut short");
  for (std::size_t at = 0; at < frame.payload.size(); at += 6) {
    const std::uint32_t value = number(frame.payload, at + 2, 4);
    switch (number(frame.payload, at, 2)) {
      case kSettingTableSize:
        encoder_.limit_table(std::min<std::uint32_t>(value, 4096));
        break;
      case kSettingMaxStreams:
        max_streams_ = value;
        break;
      case kSettingWindow:
        for (Place& place : places_) place.window += static_cast<std::int64_t>(value) - first_window_;
        first_window_ = value;
        break;
      case kSettingMaxFrame:
        max_frame_ = std::clamp<std::size_t>(value, kMaxFrame, std::size_t{1} << 20U);
        break;
      default:
        break;
    }
  }
  frame_head(out, 0, kSettings, kAck, 0);
  send_blocked(out);
  return {};
}

Status Http2Wire::on_window(const Frame& frame, std::string& out) {
  if (frame.payload.size() != 4) return wrong("a WINDOW_UPDATE of the wrong size");
  const std::int64_t more = number(frame.payload, 0, 4) & 0x7fffffffU;
  if (frame.stream == 0) {
    window_ += more;
  } else if (Place* place = find(frame.stream); place != nullptr) {
    place->window += more;
  }
  send_blocked(out);
  return {};
}

void Http2Wire::on_reset(const Frame& frame, AnswerSink& sink) {
  Place* place = find(frame.stream);
  if (place == nullptr) return;
  place->status = "reset";
  if (frame.payload.size() == 4) place->status += " " + std::to_string(number(frame.payload, 0, 4));
  finish(*place, sink);
}

// Requests after the last that the server takes are not answered: they count as reset.
void Http2Wire::on_goaway(const Frame& frame, AnswerSink& sink) {
  closes_ = true;
  if (frame.payload.size() < 8) return;
  const std::uint32_t last = number(frame.payload, 0, 4) & 0x7fffffffU;
  for (Place& place : places_) {
    if (place.id <= last) continue;
    place.status = "refused by GOAWAY";
    finish(place, sink);
  }
}

class Http2Wires final : public WireFactory {
 public:
  explicit Http2Wires(std::unique_ptr<const Shared> shared) : shared_(std::move(shared)) {}
  std::unique_ptr<Wire> make() override { return std::make_unique<Http2Wire>(*shared_); }

 private:
  std::unique_ptr<const Shared> shared_;
};

std::string with_prefix(std::string_view message) {
  std::string text(1, '\0');
  append_number(text, static_cast<std::uint32_t>(message.size()), 4);
  return text.append(message);
}

}  // namespace

Result<std::unique_ptr<WireFactory>> http2_wires(const LoadOptions& options) {
  auto shared = std::make_unique<Shared>();
  shared->protocol = options.protocol;
  shared->streams = options.streams;
  shared->server = options.endpoint.to_string();
  shared->authority = options.endpoint.is_unix() ? "localhost" : shared->server;
  shared->method = options.method;
  shared->target = options.target;
  shared->requests = options.requests;
  const bool grpc = options.protocol != LoadProtocol::kHttp2;
  for (const LoadRequest& request : shared->requests) {
    if (request.body.size() > 0xffffffffU) return invalid_argument("net.load", "a body has more than 4 GiB");
    Prepared& prepared = shared->prepared.emplace_back();
    prepared.head = {{":method", grpc ? "POST" : std::string_view(shared->method)},
                     {":scheme", options.tls == nullptr ? "http" : "https"},
                     {":path", shared->target},
                     {":authority", shared->authority}};
    if (grpc) {
      prepared.head.insert(prepared.head.end(), {{"te", "trailers"}, {"content-type", "application/grpc"}});
    }
    for (const auto& [name, value] : request.headers) prepared.head.emplace_back(name, value);
    prepared.body = grpc ? with_prefix(request.body) : request.body;
  }
  return std::unique_ptr<WireFactory>(std::make_unique<Http2Wires>(std::move(shared)));
}

}  // namespace slipway::net
