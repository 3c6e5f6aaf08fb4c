#include "net/target.h"

#include <algorithm>

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

bool is_forbidden(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f || c == '\\' || c == ';' || c == '#';
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
  bool plain = true;
  bool has_dot = false;
  for (const char c : raw) {
    if (is_forbidden(c)) return false;
    plain = plain && c != '%' && static_cast<unsigned char>(c) < 0x80;
    has_dot = has_dot || c == '.';
  }
  if (plain) return !has_dot || !has_dot_segment(raw);
  if (!decode(raw, out.decoded)) return false;
  out.path = out.decoded;
  return std::none_of(out.path.begin(), out.path.end(), is_forbidden) && is_utf8(out.path) &&
         !has_dot_segment(out.path);
}

}  // namespace slipway::net
