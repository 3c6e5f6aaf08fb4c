// Header compression by itself, for a client that makes its own frames. RFC 7541.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

struct nghttp2_hd_deflater;
struct nghttp2_hd_inflater;

namespace slipway::net::http2 {

using Field = std::pair<std::string_view, std::string_view>;  ///< the name in lower case, and the value

/// One direction of one connection: what was sent before makes what is sent now shorter. Thread: confined.
class HeaderEncoder {
 public:
  HeaderEncoder();
  /// The largest table that the other side takes (SETTINGS_HEADER_TABLE_SIZE).
  void limit_table(std::uint32_t bytes);
  /// Appends the block of `fields`. False: they are too large to be encoded; the connection is of no use
  /// then.
  bool encode(std::span<const Field> fields, std::string& out);

 private:
  struct Delete {
    void operator()(nghttp2_hd_deflater* encoder) const;
  };
  std::unique_ptr<nghttp2_hd_deflater, Delete> encoder_;
};

/// Thread: confined.
class HeaderDecoder {
 public:
  HeaderDecoder();
  /// Calls `field` for each field of a whole block; names and values live until it returns. False: the block
  /// is malformed, and the connection is of no use any more.
  bool decode(std::string_view block, const std::function<void(std::string_view, std::string_view)>& field);

 private:
  struct Delete {
    void operator()(nghttp2_hd_inflater* decoder) const;
  };
  std::unique_ptr<nghttp2_hd_inflater, Delete> decoder_;
};

}  // namespace slipway::net::http2
