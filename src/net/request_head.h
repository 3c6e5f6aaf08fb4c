// The head of an HTTP/1 request: found in the received bytes, parsed, and checked as strictly as RFC 9112
// allows, so that no proxy in front can read it otherwise than we do.
//
// Layout (CR LF ends every line; nothing else does):
//   METHOD SP target SP HTTP/1.x CRLF
//   *( name ":" OWS value OWS CRLF )
//   CRLF
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "contracts/dialect/exchange.h"
#include "net/limits.h"
#include "net/refusal.h"

namespace slipway::net {

/// Finds the end of a head while it arrives. Each byte is looked at once.
class HeadScanner {
 public:
  enum class Verdict : std::uint8_t { kMore, kWhole, kRefused };

  /// `bytes` is all that was received of this request; a later call sees the same bytes and more.
  Verdict scan(std::string_view bytes, const Limits& limits);
  /// Valid after kWhole: bytes of the head, with the empty line.
  [[nodiscard]] std::size_t head_size() const { return line_at_; }
  /// Valid after kRefused.
  [[nodiscard]] const Refusal& refusal() const { return *refusal_; }
  void reset() { *this = HeadScanner(); }

 private:
  Verdict refuse(const Refusal& refusal) {
    refusal_ = &refusal;
    return Verdict::kRefused;
  }
  Verdict check_partial(std::string_view bytes, const Limits& limits);

  std::size_t line_at_ = 0;    ///< start of the line that is not yet whole
  std::size_t search_at_ = 0;  ///< no line end before here
  std::size_t lines_ = 0;
  const Refusal* refusal_ = nullptr;
};

/// Where a name and its value stand, counted from the head's first byte.
struct FieldRef {
  std::uint32_t name_at = 0;
  std::uint32_t name_size = 0;
  std::uint32_t value_at = 0;
  std::uint32_t value_size = 0;
};

/// Room for the usual number of fields without allocating.
class FieldList {
 public:
  void add(FieldRef field) {
    if (count_ < inline_.size()) {
      inline_[count_] = field;
    } else {
      more_.push_back(field);
    }
    ++count_;
  }
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] const FieldRef& operator[](std::size_t i) const {
    return i < inline_.size() ? inline_[i] : more_[i - inline_.size()];
  }

 private:
  std::array<FieldRef, 16> inline_;
  std::vector<FieldRef> more_;
  std::size_t count_ = 0;
};

enum class Framing : std::uint8_t { kNone, kLength, kChunked };
enum class Coding : std::uint8_t { kIdentity, kGzip, kDeflate, kUnknown };

struct RequestHead {
  dialect::Method method = dialect::Method::kOther;
  std::uint32_t target_at = 0;
  std::uint32_t target_size = 0;
  bool http11 = true;
  bool keep_alive = true;
  bool expect_continue = false;
  bool accepts_gzip = false;
  Framing framing = Framing::kNone;
  Coding coding = Coding::kIdentity;
  std::uint64_t content_length = 0;
  FieldList fields;
};

/// Parses a whole head, as HeadScanner found it. Gives null, or why it is refused; `out` then holds what was
/// understood.
[[nodiscard]] const Refusal* parse_head(std::string_view text, RequestHead& out);

// What the values of single fields mean.

/// A name or an address, with or without a port (RFC 3986 section 3.2, without user information).
[[nodiscard]] bool is_host(std::string_view value);
/// Of Content-Length: digits alone, and no more of them than any body has.
[[nodiscard]] std::optional<std::uint64_t> content_length(std::string_view value);
/// Of Content-Encoding.
[[nodiscard]] Coding content_coding(std::string_view value);
/// Of Accept-Encoding. "gzip;q=0" is a no; other weights do not matter, since there is one coding to choose.
[[nodiscard]] bool accepts_gzip(std::string_view value);

/// Case-insensitive, ASCII. `lower` is in lower case.
[[nodiscard]] bool equals_lower(std::string_view text, std::string_view lower);

}  // namespace slipway::net
