#include "json/writer.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/text.h"

namespace slipway::json {
namespace {

// True for bytes that stand for themselves inside quotes.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x80; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

std::size_t plain_prefix(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && kPlain[static_cast<unsigned char>(text[i])]) ++i;
  return i;
}

// Appends the character at the front of `text`, which is not plain; gives the bytes it took.
std::size_t append_special(std::string& out, std::string_view text) {
  const auto c = static_cast<unsigned char>(text.front());
  if (c >= 0x80) {
    const std::size_t length = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    if (length <= text.size() && is_utf8(text.substr(0, length))) {
      out += text.substr(0, length);
      return length;
    }
    out += "\xEF\xBF\xBD";
    return 1;
  }
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default: {
      constexpr std::string_view kHex = "0123456789abcdef";
      out += "\\u00";
      out += kHex[c >> 4U];
      out += kHex[c & 0xFU];
    }
  }
  return 1;
}

// Room for the longest shortest form of a double ("-2.2250738585072014e-308") and ".0".
constexpr std::size_t kNumberChars = 32;

template <typename T>
void append_float(std::string& out, T value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  std::array<char, kNumberChars> text;
  char* end = std::to_chars(text.data(), text.data() + text.size() - 2, value).ptr;
  // "3" would be read as an integer by others; Python and Triton write 3.0.
  bool is_integer = true;
  for (const char* c = text.data(); c != end; ++c) is_integer = is_integer && *c != '.' && *c != 'e';
  if (is_integer) {
    *end++ = '.';
    *end++ = '0';
  }
  out.append(text.data(), static_cast<std::size_t>(end - text.data()));
}

template <typename T>
void append_integer(std::string& out, T value) {
  std::array<char, kNumberChars> text;
  const char* end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), static_cast<std::size_t>(end - text.data()));
}

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t plain = plain_prefix(text);
    out.append(text.data(), plain);
    text.remove_prefix(plain);
    if (!text.empty()) text.remove_prefix(append_special(out, text));
  }
  out += '"';
}

void Writer::separate() {
  if (need_comma_) out_ += ',';
  need_comma_ = true;
}

void Writer::begin_object() {
  separate();
  out_ += '{';
  need_comma_ = false;
}

void Writer::end_object() {
  out_ += '}';
  need_comma_ = true;
}

void Writer::begin_array() {
  separate();
  out_ += '[';
  need_comma_ = false;
}

void Writer::end_array() {
  out_ += ']';
  need_comma_ = true;
}

void Writer::key(std::string_view name) {
  separate();
  append_quoted(out_, name);
  out_ += ':';
  need_comma_ = false;
}

void Writer::string(std::string_view text) {
  separate();
  append_quoted(out_, text);
}

void Writer::number(std::int64_t value) {
  separate();
  append_integer(out_, value);
}

void Writer::number(std::uint64_t value) {
  separate();
  append_integer(out_, value);
}

void Writer::number(double value) {
  separate();
  append_float(out_, value);
}

void Writer::number(float value) {
  separate();
  append_float(out_, value);
}

void Writer::boolean(bool value) {
  separate();
  out_ += value ? "true" : "false";
}

void Writer::null() {
  separate();
  out_ += "null";
}

void Writer::raw(std::string_view json) {
  separate();
  out_ += json;
}

std::string pretty(std::string_view json) {
  std::string out;
  std::size_t depth = 0;
  bool quoted = false;
  const auto new_line = [&] {
    out += '\n';
    out.append(2 * depth, ' ');
  };
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted) {
      out += c;
      if (c == '\\' && i + 1 < json.size()) out += json[++i];
      quoted = c != '"';
      continue;
    }
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r') continue;
    if (c == '{' || c == '[') {
      const std::size_t next = json.find_first_not_of(" \n\t\r", i + 1);
      out += c;
      if (next != std::string_view::npos && json[next] == (c == '{' ? '}' : ']')) {
        out += json[next];
        i = next;
        continue;
      }
      ++depth;
      new_line();
    } else if (c == '}' || c == ']') {
      depth -= depth > 0 ? 1 : 0;
      new_line();
      out += c;
    } else if (c == ',') {
      out += c;
      new_line();
    } else {
      out += c;
      if (c == ':') out += ' ';
      quoted = c == '"';
    }
  }
  return out;
}

}  // namespace slipway::json
