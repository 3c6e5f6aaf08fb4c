// Writing JSON into a growing string; commas and quotes are the writer's business.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace slipway::json {

/// `Writer w(out); w.begin_object(); w.key("id"); w.string("a"); w.end_object();`
/// Numbers are the shortest text that reads back to the same value; NaN and the infinities, which JSON lacks,
/// become null. Broken UTF-8 in strings becomes U+FFFD. Borrows: out. Thread: external lock.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void begin_object();
  void end_object();
  void begin_array();
  void end_array();
  void key(std::string_view name);

  void string(std::string_view text);
  void number(std::int64_t value);
  void number(std::uint64_t value);
  void number(double value);
  void number(float value);
  void boolean(bool value);
  void null();
  /// Text that is JSON already.
  void raw(std::string_view json);

  // A key and its value in one go.
  void field(std::string_view name, std::string_view text) { key(name), string(text); }
  void field(std::string_view name, const char* text) { key(name), string(text); }
  void field(std::string_view name, std::int64_t value) { key(name), number(value); }
  void field(std::string_view name, std::uint64_t value) { key(name), number(value); }
  void field(std::string_view name, double value) { key(name), number(value); }
  void field(std::string_view name, bool value) { key(name), boolean(value); }

 private:
  /// Whether a comma goes in front of the value that comes now.
  bool take_comma() {
    const bool comma = need_comma_;
    need_comma_ = true;
    return comma;
  }

  std::string& out_;
  bool need_comma_ = false;
};

/// `text` as a JSON string with its quotes, appended.
void append_quoted(std::string& out, std::string_view text);

/// Breaks compact JSON over lines with two spaces of indent, for people. Precondition: valid JSON.
std::string pretty(std::string_view json);

}  // namespace slipway::json
