#include "grpc/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <memory>

#include "base/check.h"

namespace slipway::grpc {
namespace {

constexpr int kGzipWindow = 15 + 16;
constexpr std::size_t kRatioFreeBytes = std::size_t{64} << 10U;
constexpr std::size_t kStepBytes = std::size_t{16} << 10U;

// zlib's API is not const-correct. Sizes fit its unsigned int, since messages are below 4 GiB by their
// prefix.
Bytef* bytes_of(std::string_view text) { return reinterpret_cast<Bytef*>(const_cast<char*>(text.data())); }

}  // namespace

void gzip(std::string_view text, std::string& out) {
  z_stream stream{};
  SLIPWAY_CHECK(::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) ==
                Z_OK);
  const std::size_t from = out.size();
  out.resize(from + ::deflateBound(&stream, text.size()));
  stream.next_in = bytes_of(text);
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = bytes_of(out) + from;
  stream.avail_out = static_cast<uInt>(out.size() - from);
  SLIPWAY_CHECK(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(from + stream.total_out);
  ::deflateEnd(&stream);
}

Status gunzip(std::string_view packed, const Limits& limits, std::string& out) {
  z_stream stream{};
  SLIPWAY_CHECK(::inflateInit2(&stream, kGzipWindow) == Z_OK);
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, ::inflateEnd);
  stream.next_in = bytes_of(packed);
  stream.avail_in = static_cast<uInt>(packed.size());
  const std::size_t from = out.size();
  const std::size_t allowed = std::max(kRatioFreeBytes, packed.size() * limits.max_inflate_ratio);
  const std::size_t most = std::min(limits.max_message_bytes, allowed);
  std::size_t size = 0;
  int result = Z_OK;
  while (result == Z_OK) {
    const std::size_t room = std::min(std::max(kStepBytes, size), most + 1 - size);
    if (room == 0) {
      return resource_exhausted("grpc.message_too_large", "a message unfolds to more than is taken");
    }
    out.resize(from + size + room);
    stream.next_out = bytes_of(out) + from + size;
    stream.avail_out = static_cast<uInt>(room);
    result = ::inflate(&stream, Z_NO_FLUSH);
    size += room - stream.avail_out;
    if (result == Z_OK && stream.avail_in == 0 && stream.avail_out > 0) break;  // cut short
  }
  if (result != Z_STREAM_END || stream.avail_in > 0) {
    return invalid_argument("grpc.message_compression", "a compressed message is damaged or cut short");
  }
  if (size > most)
    return resource_exhausted("grpc.message_too_large", "a message unfolds to more than is taken");
  out.resize(from + size);
  return {};
}

}  // namespace slipway::grpc
