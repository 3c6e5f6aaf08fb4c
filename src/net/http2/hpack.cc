#include "net/http2/hpack.h"

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <vector>

#include "base/check.h"

namespace slipway::net::http2 {
namespace {

constexpr std::size_t kTableBytes = 4096;  // RFC 9113 section 6.5.2, the initial value

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

// nghttp2 takes mutable pointers and does not write through them.
nghttp2_nv pair_of(const Field& field) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(field.first), bytes(field.second), field.first.size(), field.second.size(),
          NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

void HeaderEncoder::Delete::operator()(nghttp2_hd_deflater* encoder) const {
  nghttp2_hd_deflate_del(encoder);
}

HeaderEncoder::HeaderEncoder() {
  nghttp2_hd_deflater* encoder = nullptr;
  SLIPWAY_CHECK(nghttp2_hd_deflate_new(&encoder, kTableBytes) == 0);  // fails without memory only
  encoder_.reset(encoder);
}

void HeaderEncoder::limit_table(std::uint32_t bytes) {
  SLIPWAY_CHECK(nghttp2_hd_deflate_change_table_size(encoder_.get(), bytes) == 0);
}

bool HeaderEncoder::encode(std::span<const Field> fields, std::string& out) {
  std::vector<nghttp2_nv> pairs;
  pairs.reserve(fields.size());
  for (const Field& field : fields) pairs.push_back(pair_of(field));
  const std::size_t at = out.size();
  out.resize(at + nghttp2_hd_deflate_bound(encoder_.get(), pairs.data(), pairs.size()));
  const auto used = nghttp2_hd_deflate_hd(encoder_.get(), reinterpret_cast<std::uint8_t*>(out.data()) + at,
                                          out.size() - at, pairs.data(), pairs.size());
  out.resize(at + (used > 0 ? static_cast<std::size_t>(used) : 0));
  return used >= 0;
}

void HeaderDecoder::Delete::operator()(nghttp2_hd_inflater* decoder) const {
  nghttp2_hd_inflate_del(decoder);
}

HeaderDecoder::HeaderDecoder() {
  nghttp2_hd_inflater* decoder = nullptr;
  SLIPWAY_CHECK(nghttp2_hd_inflate_new(&decoder) == 0);
  decoder_.reset(decoder);
}

bool HeaderDecoder::decode(std::string_view block,
                           const std::function<void(std::string_view, std::string_view)>& field) {
  for (;;) {
    nghttp2_nv pair{};
    int flags = 0;
    const auto used = nghttp2_hd_inflate_hd2(decoder_.get(), &pair, &flags,
                                             reinterpret_cast<const std::uint8_t*>(block.data()),
                                             block.size(), /*in_final=*/1);
    if (used < 0) return false;
    block.remove_prefix(static_cast<std::size_t>(used));
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      field(text_of(pair.name, pair.namelen), text_of(pair.value, pair.valuelen));
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
      nghttp2_hd_inflate_end_headers(decoder_.get());
      return block.empty();
    }
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && block.empty()) return false;
  }
}

}  // namespace slipway::net::http2
