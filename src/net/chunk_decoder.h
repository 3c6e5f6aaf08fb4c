// Takes chunked transfer coding apart while it arrives, without buffering. Chunk extensions and trailers are
// read over and thrown away: nothing here uses them, and they are where requests get smuggled.
//
// Layout (RFC 9112 section 7.1):
//   *( 1*HEXDIG [ ";" extension ] CRLF data CRLF )  1*"0" [ ";" extension ] CRLF  *( trailer CRLF )  CRLF
#pragma once

#include <cstdint>
#include <string_view>

#include "net/limits.h"
#include "net/refusal.h"

namespace slipway::net {

class ChunkDecoder {
 public:
  enum class Verdict : std::uint8_t { kMore, kData, kDone, kRefused };

  /// Looks at the front of `bytes` and takes away what it understood. kData: `data` is the next part of the
  /// body; call again. kDone: the body has ended, `bytes` is what follows it. kMore: `bytes` is empty, more
  /// must come.
  Verdict next(std::string_view& bytes, std::string_view& data, const Limits& limits);
  /// Valid after kRefused.
  [[nodiscard]] const Refusal& refusal() const { return *refusal_; }

 private:
  enum class State : std::uint8_t {
    kSizeFirst,
    kSize,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerFirst,
    kTrailer,
    kTrailerLf,
    kEndLf
  };
  Verdict refuse(const Refusal& refusal) {
    refusal_ = &refusal;
    return Verdict::kRefused;
  }
  const Refusal* step(char c, const Limits& limits);
  const Refusal* step_size(char c);
  const Refusal* step_trailer(char c, const Limits& limits);
  const Refusal* begin_chunk(const Limits& limits);

  State state_ = State::kSizeFirst;
  bool done_ = false;
  std::uint64_t size_ = 0;  ///< left of the current chunk
  std::size_t chunks_ = 0;
  std::size_t overhead_ = 0;  ///< bytes of the current extension, or of all trailers
  const Refusal* refusal_ = nullptr;
};

}  // namespace slipway::net
