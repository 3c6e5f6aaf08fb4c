#include "package/version.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <utility>

namespace slipway::package {
namespace {

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// No sign, no leading zero, any length.
bool is_number(std::string_view text) { return is_digits(text) && (text == "0" || text.front() != '0'); }

std::strong_ordering compare_numbers(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return a.size() <=> b.size();
  return a <=> b;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

struct Semantic {
  std::vector<std::string_view> numbers;      ///< three
  std::vector<std::string_view> pre_release;  ///< empty for a release
};

bool is_identifier(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  });
}

std::optional<Semantic> parse_semantic(std::string_view text) {
  if (const std::size_t plus = text.find('+'); plus != std::string_view::npos) {
    for (const std::string_view part : split(text.substr(plus + 1), '.')) {
      if (!is_identifier(part)) return std::nullopt;
    }
    text = text.substr(0, plus);
  }
  Semantic version;
  if (const std::size_t dash = text.find('-'); dash != std::string_view::npos) {
    version.pre_release = split(text.substr(dash + 1), '.');
    for (const std::string_view part : version.pre_release) {
      if (!is_identifier(part) || (is_digits(part) && !is_number(part))) return std::nullopt;
    }
    text = text.substr(0, dash);
  }
  version.numbers = split(text, '.');
  if (version.numbers.size() != 3) return std::nullopt;
  for (const std::string_view number : version.numbers) {
    if (!is_number(number)) return std::nullopt;
  }
  return version;
}

std::strong_ordering compare_identifiers(std::string_view a, std::string_view b) {
  if (is_digits(a) != is_digits(b))
    return is_digits(a) ? std::strong_ordering::less : std::strong_ordering::greater;
  return is_digits(a) ? compare_numbers(a, b) : a <=> b;
}

std::strong_ordering compare_parsed(const Semantic& a, const Semantic& b) {
  for (std::size_t i = 0; i < 3; ++i) {
    const auto order = compare_numbers(a.numbers[i], b.numbers[i]);
    if (order != 0) return order;
  }
  if (a.pre_release.empty() || b.pre_release.empty()) return b.pre_release.size() <=> a.pre_release.size();
  for (std::size_t i = 0; i < std::min(a.pre_release.size(), b.pre_release.size()); ++i) {
    const auto order = compare_identifiers(a.pre_release[i], b.pre_release[i]);
    if (order != 0) return order;
  }
  return a.pre_release.size() <=> b.pre_release.size();
}

std::optional<std::int64_t> read_number(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size() || !is_digits(text.substr(at, count))) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : text.substr(at, count)) value = value * 10 + (c - '0');
  return value;
}

}  // namespace

std::optional<std::strong_ordering> compare_semantic(std::string_view a, std::string_view b) {
  const auto left = parse_semantic(a);
  const auto right = parse_semantic(b);
  if (!left || !right) return std::nullopt;
  return compare_parsed(*left, *right);
}

std::vector<std::size_t> order_versions(const std::vector<DatedVersion>& versions) {
  const auto all = [&versions](auto predicate) {
    return std::all_of(versions.begin(), versions.end(), predicate);
  };
  const bool semantic = all([](const DatedVersion& v) { return parse_semantic(v.version).has_value(); });
  const bool integers = !semantic && all([](const DatedVersion& v) { return is_number(v.version); });
  std::vector<std::size_t> order(versions.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) {
    const DatedVersion& a = versions[i];
    const DatedVersion& b = versions[j];
    auto by = std::strong_ordering::equal;
    if (semantic) by = *compare_semantic(a.version, b.version);
    if (integers) by = compare_numbers(a.version, b.version);
    if (by == 0) by = a.packed <=> b.packed;
    if (by == 0) by = a.version <=> b.version;
    return by < 0;
  });
  return order;
}

std::string format_time(WallTime time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss<Duration> clock(time - days);
  char text[64];
  std::snprintf(text, sizeof(text), "%04d-%02u-%02uT%02d:%02d:%02d.%09lldZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()),
                static_cast<long long>(clock.subseconds().count()));
  return text;
}

std::optional<WallTime> parse_time(std::string_view text) {
  if (text.size() < 20 || text.back() != 'Z' || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
      text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  const auto year = read_number(text, 0, 4);
  const auto month = read_number(text, 5, 2);
  const auto day = read_number(text, 8, 2);
  const auto hour = read_number(text, 11, 2);
  const auto minute = read_number(text, 14, 2);
  const auto second = read_number(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  if (*year < 1970 || *year > 2261 || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  std::int64_t nanoseconds = 0;
  if (text[19] != 'Z') {
    std::string digits(text.substr(20, text.size() - 21));
    if (text[19] != '.' || !is_digits(digits) || digits.size() > 9) return std::nullopt;
    digits.resize(9, '0');
    nanoseconds = *read_number(digits, 0, 9);
  } else if (text.size() != 20) {
    return std::nullopt;
  }
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second) + Duration(nanoseconds);
}

}  // namespace slipway::package
