// gzip and deflate, as HTTP's Content-Encoding uses them.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "net/body.h"
#include "net/limits.h"
#include "net/refusal.h"
#include "net/request_head.h"

namespace slipway::net {

/// Unfolds a compressed body while it arrives, within the limits of size and ratio.
class Inflater {
 public:
  /// `coding`: kGzip or kDeflate. For deflate both the zlib format and raw deflate are taken, as clients send
  /// either.
  explicit Inflater(Coding coding);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Appends what `bytes` unfold to. Gives null, or why the body is refused.
  [[nodiscard]] const Refusal* feed(std::string_view bytes, BodyBuffer& out, const Limits& limits);
  /// True when the compressed data ended, and nothing was left over.
  [[nodiscard]] bool finished() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The gzip form of `text`, quickly rather than small (level 1).
[[nodiscard]] std::string gzip(std::string_view text);

}  // namespace slipway::net
