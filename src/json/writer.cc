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

constexpr std::uint64_t every_byte(unsigned char byte) { return 0x0101010101010101U * byte; }

// The top bit of every byte below `limit` (up to 0x80), and of none below the first such byte.
// Source: S. E. Anderson, Bit Twiddling Hacks, "Determine if a word has a byte less than n".
constexpr std::uint64_t below(std::uint64_t word, unsigned char limit) {
  return (word - every_byte(limit)) & ~word & every_byte(0x80);
}

// True when all eight bytes stand for themselves.
bool are_plain(std::uint64_t word) {
  const std::uint64_t special = below(word, 0x20) | below(word ^ every_byte('"'), 1) |
                                below(word ^ every_byte('\\'), 1) | (word & every_byte(0x80));
  return special == 0;
}

std::size_t plain_prefix(std::string_view text) {
  std::size_t i = 0;
  for (std::uint64_t word = 0; i + sizeof(word) <= text.size(); i += sizeof(word)) {
    std::memcpy(&word, text.data() + i, sizeof(word));
    if (!are_plain(word)) break;
  }
  while (i < text.size() && kPlain[static_cast<unsigned char>(text[i])]) ++i;
  return i;
}

// plain_prefix(text) == text.size(). The last words overlap those before, so that no byte is looked at alone.
bool is_plain(std::string_view text) {
  const std::size_t size = text.size();
  std::uint64_t word = 0;
  if (size >= sizeof(word)) {
    for (std::size_t i = 0; i + sizeof(word) < size; i += sizeof(word)) {
      std::memcpy(&word, text.data() + i, sizeof(word));
      if (!are_plain(word)) return false;
    }
    std::memcpy(&word, text.data() + size - sizeof(word), sizeof(word));
    return are_plain(word);
  }
  if (size < sizeof(std::uint32_t)) return plain_prefix(text) == size;
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::memcpy(&first, text.data(), sizeof(first));
  std::memcpy(&last, text.data() + size - sizeof(last), sizeof(last));
  return are_plain(std::uint64_t{first} << 32U | last);
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

// Room for a comma, the longest shortest form of a double ("-2.2250738585072014e-308") and ".0".
constexpr std::size_t kNumberChars = 32;

// One growth of the text per token: the comma in front, the token, and what ends it.
void append_string(std::string& out, bool comma, std::string_view text, bool colon) {
  std::size_t at = out.size();
  if (!is_plain(text)) {
    if (comma) out += ',';
    append_quoted(out, text);
    if (colon) out += ':';
    return;
  }
  out.resize(at + text.size() + 2 + (comma ? 1 : 0) + (colon ? 1 : 0));
  if (comma) out[at++] = ',';
  out[at++] = '"';
  text.copy(out.data() + at, text.size());
  at += text.size();
  out[at++] = '"';
  if (colon) out[at] = ':';
}

template <typename T>
void append_float(std::string& out, bool comma, T value) {
  std::array<char, kNumberChars> text;
  text[0] = ',';
  char* const begin = text.data() + 1;
  if (!std::isfinite(value)) {
    out += comma ? ",null" : "null";
    return;
  }
  char* end = std::to_chars(begin, text.data() + text.size() - 2, value).ptr;
  // "3" would be read as an integer by others; Python and Triton write 3.0.
  bool is_integer = true;
  for (const char* c = begin; c != end; ++c) is_integer = is_integer && *c != '.' && *c != 'e';
  if (is_integer) {
    *end++ = '.';
    *end++ = '0';
  }
  out.append(comma ? text.data() : begin, end);
}

template <typename T>
void append_integer(std::string& out, bool comma, T value) {
  std::array<char, kNumberChars> text;
  text[0] = ',';
  char* const begin = text.data() + 1;
  char* const end = std::to_chars(begin, text.data() + text.size(), value).ptr;
  out.append(comma ? text.data() : begin, end);
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

void Writer::begin_object() {
  out_.append(need_comma_ ? ",{" : "{", need_comma_ ? 2 : 1);
  need_comma_ = false;
}

void Writer::end_object() {
  out_ += '}';
  need_comma_ = true;
}

void Writer::begin_array() {
  out_.append(need_comma_ ? ",[" : "[", need_comma_ ? 2 : 1);
  need_comma_ = false;
}

void Writer::end_array() {
  out_ += ']';
  need_comma_ = true;
}

void Writer::key(std::string_view name) {
  append_string(out_, need_comma_, name, true);
  need_comma_ = false;
}

void Writer::string(std::string_view text) { append_string(out_, take_comma(), text, false); }

void Writer::number(std::int64_t value) { append_integer(out_, take_comma(), value); }

void Writer::number(std::uint64_t value) { append_integer(out_, take_comma(), value); }

void Writer::number(double value) { append_float(out_, take_comma(), value); }

void Writer::number(float value) { append_float(out_, take_comma(), value); }

void Writer::boolean(bool value) { raw(value ? "true" : "false"); }

void Writer::null() { raw("null"); }

void Writer::raw(std::string_view json) {
  if (take_comma()) out_ += ',';
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
