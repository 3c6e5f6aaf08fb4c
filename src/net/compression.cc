#include "net/compression.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace slipway::net {
namespace {

constexpr int kGzipWindow = 15 + 16;
constexpr int kZlibWindow = 15;
constexpr int kRawWindow = -15;
constexpr std::size_t kRatioFreeBytes = std::size_t{64} << 10U;
constexpr std::size_t kStepBytes = std::size_t{16} << 10U;

// zlib's API is not const-correct and counts in unsigned int.
Bytef* input_of(std::string_view text) { return reinterpret_cast<Bytef*>(const_cast<char*>(text.data())); }

}  // namespace

struct Inflater::State {
  z_stream stream{};
  Coding coding;
  bool started = false;
  bool ended = false;
  bool overrun = false;  ///< bytes came after the end
  std::size_t received = 0;
};

Inflater::Inflater(Coding coding) : state_(std::make_unique<State>()) { state_->coding = coding; }

Inflater::~Inflater() {
  if (state_->started) ::inflateEnd(&state_->stream);
}

const Refusal* Inflater::feed(std::string_view bytes, BodyBuffer& out, const Limits& limits) {
  State& state = *state_;
  if (bytes.empty()) return nullptr;
  if (!state.started) {
    // A zlib header has 8 in the low half of its first byte; raw deflate practically never does. Source: RFC
    // 1950.
    const bool raw = state.coding == Coding::kDeflate && (static_cast<unsigned char>(bytes[0]) & 0x0fU) != 8;
    const int window = state.coding == Coding::kGzip ? kGzipWindow : raw ? kRawWindow : kZlibWindow;
    SLIPWAY_CHECK(::inflateInit2(&state.stream, window) == Z_OK);
    state.started = true;
  }
  if (state.ended) {
    state.overrun = true;
    return &refusals::kCompressed;
  }
  state.received += bytes.size();
  state.stream.next_in = input_of(bytes);
  state.stream.avail_in =
      static_cast<uInt>(std::min<std::size_t>(bytes.size(), std::numeric_limits<uInt>::max()));
  for (;;) {
    if (out.free_bytes() == 0) {
      const std::size_t room = std::min(std::max(kStepBytes, out.size() * 2), limits.max_body_bytes + 1);
      if (!out.reserve(room)) return &refusals::kHeldBytes;
      if (out.free_bytes() == 0) return &refusals::kBodyTooLarge;
    }
    const std::size_t room = std::min<std::size_t>(out.free_bytes(), std::numeric_limits<uInt>::max());
    state.stream.next_out = reinterpret_cast<Bytef*>(out.free_space());
    state.stream.avail_out = static_cast<uInt>(room);
    const int result = ::inflate(&state.stream, Z_NO_FLUSH);
    out.grow_size(room - state.stream.avail_out);
    if (out.size() > limits.max_body_bytes) return &refusals::kBodyTooLarge;
    if (out.size() > kRatioFreeBytes && out.size() / limits.max_inflate_ratio > state.received)
      return &refusals::kRatio;
    if (result == Z_STREAM_END) {
      state.ended = true;
      state.overrun = state.stream.avail_in > 0;
      return state.overrun ? &refusals::kCompressed : nullptr;
    }
    if (result != Z_OK && result != Z_BUF_ERROR) return &refusals::kCompressed;
    if (state.stream.avail_in == 0 && state.stream.avail_out > 0) return nullptr;
  }
}

bool Inflater::finished() const { return state_->ended && !state_->overrun; }

std::string gzip(std::string_view text) {
  z_stream stream{};
  SLIPWAY_CHECK(::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) ==
                Z_OK);
  std::string out(::deflateBound(&stream, text.size()), '\0');
  stream.next_in = input_of(text);
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  SLIPWAY_CHECK(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

}  // namespace slipway::net
