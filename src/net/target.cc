#include "net/target.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace slipway::net {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// "http://host/x" to "/x". An empty authority or another scheme is no target of ours.
bool strip_authority(std::string_view& text) {
  if (text.starts_with('/')) return true;
  static constexpr std::string_view kScheme = "http://";
  static constexpr std::string_view kTlsScheme = "https://";
  if (text.starts_with(kScheme)) {
    text.remove_prefix(kScheme.size());
  } else if (text.starts_with(kTlsScheme)) {
    text.remove_prefix(kTlsScheme.size());
  } else {
    return false;
  }
  const std::size_t end = std::min(text.find_first_of("/?#"), text.size());
  if (end == 0) return false;
  text.remove_prefix(end);
  if (text.empty()) text = "/";
  return text.starts_with('/');
}

bool decode(std::string_view raw, std::string& out) {
  out.clear();
  out.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '%') {
      out.push_back(raw[i]);
      continue;
    }
    if (i + 2 >= raw.size()) return false;
    const int high = hex_digit(raw[i + 1]);
    const int low = hex_digit(raw[i + 2]);
    if (high < 0 || low < 0) return false;
    const char decoded = static_cast<char>(high * 16 + low);
    if (decoded == '/' || decoded == '%') return false;
    out.push_back(decoded);
    i += 2;
  }
  return true;
}

bool has_dot_segment(std::string_view path) {
  std::size_t from = 0;
  while (from <= path.size()) {
    const std::size_t end = std::min(path.find('/', from), path.size());
    const std::string_view segment = path.substr(from, end - from);
    if (segment == "." || segment == "..") return true;
    from = end + 1;
  }
  return false;
}

// What the bytes of a path say about it, as bits.
constexpr unsigned char kForbidden = 1;
constexpr unsigned char kEncoded = 2;  // to be decoded, or to be checked as UTF-8
constexpr unsigned char kDot = 4;

constexpr std::array<unsigned char, 256> make_byte_table() {
  std::array<unsigned char, 256> table{};
  for (unsigned byte = 0; byte < 0x20; ++byte) table[byte] = kForbidden;
  for (unsigned byte = 0x80; byte < 0x100; ++byte) table[byte] = kEncoded;
  for (const char c : std::string_view("\x7f\\;#")) table[static_cast<unsigned char>(c)] = kForbidden;
  table['%'] = kEncoded;
  table['.'] = kDot;
  return table;
}
constexpr std::array<unsigned char, 256> kBytes = make_byte_table();

unsigned char bits_of(std::string_view path) {
  unsigned char bits = 0;
  for (const char c : path) bits |= kBytes[static_cast<unsigned char>(c)];
  return bits;
}

}  // namespace

bool parse_target(std::string_view text, Target& out) {
  if (text == "*") {
    out.path = text;
    out.query = {};
    return true;
  }
  if (!strip_authority(text)) return false;
  const std::size_t question = text.find('?');
  out.query = question == std::string_view::npos ? std::string_view() : text.substr(question + 1);
  if (out.query.find('#') != std::string_view::npos) return false;
  const std::string_view raw = text.substr(0, question);
  out.path = raw;
  const unsigned char bits = bits_of(raw);
  if ((bits & kForbidden) != 0) return false;
  if ((bits & kEncoded) == 0) return (bits & kDot) == 0 || !has_dot_segment(raw);
  if (!decode(raw, out.decoded)) return false;
  out.path = out.decoded;
  return (bits_of(out.path) & kForbidden) == 0 && is_utf8(out.path) && !has_dot_segment(out.path);
}

}  // namespace slipway::net
