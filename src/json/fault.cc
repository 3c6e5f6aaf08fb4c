#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "base/text.h"
#include "json/fault_internal.h"

namespace slipway::json::internal {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class Checker {
 public:
  Checker(std::string_view text, std::size_t max_depth) : text_(text), max_depth_(max_depth) {}

  TextFault run() {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
    check_utf8();
    if (!failed()) document();
    return std::move(fault_);
  }

 private:
  [[nodiscard]] bool failed() const { return fault_.kind != FaultKind::kNone; }
  [[nodiscard]] bool end() const { return at_ >= text_.size(); }
  [[nodiscard]] char peek() const { return end() ? '\0' : text_[at_]; }

  void fail(FaultKind kind, std::string message) {
    if (!failed()) fault_ = {kind, at_, std::move(message)};
  }
  void fail(std::string message) { fail(FaultKind::kSyntax, std::move(message)); }
  void fail_wanted(std::string_view wanted) {
    fail(std::string(wanted) + " is wanted, not " +
         (end() ? "the end of the text" : "\"" + printable(text_.substr(at_, 1)) + "\""));
  }

  void check_utf8() {
    if (is_utf8(text_)) return;
    const std::size_t start = at_;
    for (std::size_t length = sequence(); length > 0; length = sequence()) at_ += length;
    fail(FaultKind::kUtf8, "the text is not UTF-8");
    at_ = start;
  }
  // The length of the UTF-8 sequence at at_; 0 when it is broken.
  [[nodiscard]] std::size_t sequence() const {
    const auto lead = static_cast<unsigned char>(peek());
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    return is_utf8(text_.substr(at_, length)) && at_ + length <= text_.size() ? length : 0;
  }

  void skip_space() {
    while (!end() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) ++at_;
  }

  // Iterative: open_ holds the closing brackets that are awaited.
  void document() {
    skip_space();
    if (end()) return fail("the text is empty");
    value_start();
    while (!failed() && !open_.empty()) after_value();
    skip_space();
    if (!failed() && !end()) fail("text follows after the end of the document");
  }

  void value_start() {
    skip_space();
    switch (peek()) {
      case '{':
      case '[':
        return open();
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        if (peek() == '-' || is_digit(peek())) return number();
        return fail_wanted("a value");
    }
  }

  void open() {
    const char close = peek() == '{' ? '}' : ']';
    const std::size_t here = at_++;
    skip_space();
    if (peek() == close && !end()) {
      ++at_;
      return;
    }
    if (open_.size() >= max_depth_) {
      at_ = here;
      return fail(FaultKind::kDepth,
                  "arrays and objects are nested deeper than " + std::to_string(max_depth_));
    }
    open_.push_back(close);
    if (close == '}') return member();
    value_start();
  }

  void member() {
    skip_space();
    if (peek() != '"' || end()) return fail_wanted("a key in quotes");
    string();
    skip_space();
    if (failed()) return;
    if (peek() != ':') return fail_wanted("a colon");
    ++at_;
    value_start();
  }

  void after_value() {
    skip_space();
    if (!end() && peek() == open_.back()) {
      ++at_;
      open_.pop_back();
      return;
    }
    if (peek() != ',' || end()) return fail_wanted(open_.back() == '}' ? "a comma or }" : "a comma or ]");
    ++at_;
    if (open_.back() == '}') return member();
    value_start();
  }

  void word(std::string_view wanted) {
    if (text_.substr(at_, wanted.size()) != wanted) return fail_wanted("a value");
    at_ += wanted.size();
    after_atom();
  }
  // "truex" and "1x" are one wrong token, not two.
  void after_atom() {
    if (end() || std::string_view(" \t\n\r,:]}[{").find(peek()) != std::string_view::npos) return;
    fail_wanted("a comma or a closing bracket");
  }

  void string() {
    const std::size_t start = at_++;
    while (!end() && peek() != '"') {
      if (static_cast<unsigned char>(peek()) < 0x20)
        return fail("a control character in a string must be escaped");
      if (peek() == '\\') {
        escape();
        if (failed()) return;
      } else {
        ++at_;
      }
    }
    if (end()) {
      at_ = start;
      return fail("a string has no end");
    }
    ++at_;
  }

  void escape() {
    const std::size_t start = at_++;
    if (end()) return fail("a string has no end");
    if (std::string_view("\"\\/bfnrt").find(peek()) != std::string_view::npos) {
      ++at_;
      return;
    }
    if (peek() != 'u') return fail("an unknown escape in a string");
    const int first = unit();
    if (failed()) return;
    const bool high = first >= 0xD800 && first < 0xDC00;
    const bool low = first >= 0xDC00 && first < 0xE000;
    bool paired = !high && !low;
    if (high && text_.substr(at_, 2) == "\\u") {
      ++at_;
      const int second = unit();
      paired = second >= 0xDC00 && second < 0xE000;
    }
    if (failed() || paired) return;
    at_ = start;
    fail("half of a surrogate pair in a string");
  }

  // The four digits after \u. at_ is at the 'u'.
  int unit() {
    ++at_;
    int value = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const int digit = hex_value(peek());
      if (digit < 0) {
        fail("four hexadecimal digits are wanted after \\u");
        return 0;
      }
      value = value * 16 + digit;
    }
    return value;
  }

  void digits() {
    if (!is_digit(peek())) return fail_wanted("a digit");
    while (is_digit(peek())) ++at_;
  }

  void number() {
    const std::size_t start = at_;
    bool whole = true;
    if (peek() == '-') ++at_;
    if (peek() == '0' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1])) {
      return fail("a number does not start with 0 before other digits");
    }
    digits();
    if (!failed() && peek() == '.') {
      whole = false;
      ++at_;
      digits();
    }
    if (!failed() && (peek() == 'e' || peek() == 'E')) {
      whole = false;
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      digits();
    }
    if (failed()) return;
    after_atom();
    if (!failed()) check_range(start, whole);
  }

  void check_range(std::size_t start, bool whole) {
    const std::string token(text_.substr(start, at_ - start));
    std::int64_t negative = 0;
    std::uint64_t positive = 0;
    const char* last = token.data() + token.size();
    const bool fits =
        whole ? (token[0] == '-' ? std::from_chars(token.data(), last, negative).ec == std::errc()
                                 : std::from_chars(token.data(), last, positive).ec == std::errc())
              : !std::isinf(std::strtod(token.c_str(), nullptr));
    if (fits) return;
    at_ = start;
    fail(FaultKind::kNumber,
         whole ? "an integer beyond 64 bits (a float is written with a point or an exponent)"
               : "a number beyond the range of a double");
  }

  std::string_view text_;
  std::size_t max_depth_;
  std::size_t at_ = 0;
  std::vector<char> open_;
  TextFault fault_;
};

std::string_view fault_id(FaultKind kind) {
  switch (kind) {
    case FaultKind::kDepth:
      return "json.depth";
    case FaultKind::kUtf8:
      return "json.utf8";
    case FaultKind::kNumber:
      return "json.number";
    default:
      return "json.syntax";
  }
}

}  // namespace

TextFault find_fault(std::string_view text, std::size_t max_depth) { return Checker(text, max_depth).run(); }

Error explain_fault(std::string_view text, std::size_t max_depth, std::string_view otherwise) {
  const TextFault fault = find_fault(text, max_depth);
  if (fault.kind == FaultKind::kNone)
    return invalid_argument("json.syntax", "not JSON: " + std::string(otherwise));
  const std::string_view before = text.substr(0, fault.offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t newline = before.rfind('\n');
  const std::size_t column = newline == std::string_view::npos ? before.size() + 1 : before.size() - newline;
  return invalid_argument(fault_id(fault.kind), "not JSON at line " + std::to_string(line) + ", column " +
                                                    std::to_string(column) + ": " + fault.message);
}

}  // namespace slipway::json::internal
