#include "net/chunk_decoder.h"

#include <algorithm>

namespace slipway::net {
namespace {

constexpr std::size_t kMaxExtensionBytes = 256;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

}  // namespace

ChunkDecoder::Verdict ChunkDecoder::next(std::string_view& bytes, std::string_view& data,
                                         const Limits& limits) {
  while (!bytes.empty()) {
    if (state_ == State::kData) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(size_, bytes.size()));
      data = bytes.substr(0, count);
      bytes.remove_prefix(count);
      size_ -= count;
      if (size_ == 0) state_ = State::kDataCr;
      return Verdict::kData;
    }
    const char c = bytes.front();
    bytes.remove_prefix(1);
    if (const Refusal* refusal = step(c, limits)) return refuse(*refusal);
    if (done_) return Verdict::kDone;
  }
  return Verdict::kMore;
}

const Refusal* ChunkDecoder::step(char c, const Limits& limits) {
  const auto expect = [this](bool met, State then) -> const Refusal* {
    state_ = then;
    return met ? nullptr : &refusals::kChunk;
  };
  switch (state_) {
    case State::kSizeFirst:
      if (hex_digit(c) < 0) return &refusals::kChunk;
      size_ = 0;
      [[fallthrough]];
    case State::kSize:
      return step_size(c);
    case State::kExtension:
      if (c == '\r') return expect(true, State::kSizeLf);
      return is_control(c) || ++overhead_ > kMaxExtensionBytes ? &refusals::kChunk : nullptr;
    case State::kSizeLf:
      return c == '\n' ? begin_chunk(limits) : &refusals::kChunk;
    case State::kDataCr:
      return expect(c == '\r', State::kDataLf);
    case State::kDataLf:
      return expect(c == '\n', State::kSizeFirst);
    case State::kData:
      return &refusals::kChunk;  // next() handles it
    case State::kTrailerFirst:
      if (c == '\r') return expect(true, State::kEndLf);
      if (c == ' ' || c == '\t' || c == ':') return &refusals::kFolded;
      state_ = State::kTrailer;
      [[fallthrough]];
    case State::kTrailer:
      return step_trailer(c, limits);
    case State::kTrailerLf:
      return expect(c == '\n', State::kTrailerFirst);
    case State::kEndLf:
      done_ = true;
      return c == '\n' ? nullptr : &refusals::kChunk;
  }
  return &refusals::kChunk;
}

const Refusal* ChunkDecoder::step_size(char c) {
  if (const int digit = hex_digit(c); digit >= 0) {
    if (size_ >> 56U != 0) return &refusals::kChunk;
    size_ = size_ << 4U | static_cast<std::uint64_t>(digit);
    state_ = State::kSize;
    // Leading zeros count, or a size line could be endless.
    return ++overhead_ > kMaxExtensionBytes ? &refusals::kChunk : nullptr;
  }
  if (c == '\r') {
    state_ = State::kSizeLf;
    return nullptr;
  }
  if (c != ';') return &refusals::kChunk;
  state_ = State::kExtension;
  return nullptr;
}

const Refusal* ChunkDecoder::begin_chunk(const Limits& limits) {
  overhead_ = 0;
  if (size_ == 0) {
    state_ = State::kTrailerFirst;
    return nullptr;
  }
  if (++chunks_ > limits.max_chunks) return &refusals::kTooManyChunks;
  if (size_ > limits.max_body_bytes) return &refusals::kBodyTooLarge;
  state_ = State::kData;
  return nullptr;
}

const Refusal* ChunkDecoder::step_trailer(char c, const Limits& limits) {
  if (++overhead_ > limits.max_head_bytes) return &refusals::kHeadTooLarge;
  if (c == '\r') {
    state_ = State::kTrailerLf;
    return nullptr;
  }
  return is_control(c) ? &refusals::kChunk : nullptr;
}

}  // namespace slipway::net
