#include "config/units.h"

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "base/text.h"

namespace slipway::config {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

// From small to large.
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::array<Unit, 7> kTimes = {{{"ns", 1},
                                         {"us", 1'000},
                                         {"ms", 1'000'000},
                                         {"s", kSecond},
                                         {"m", 60 * kSecond},
                                         {"h", 3600 * kSecond},
                                         {"d", 86400 * kSecond}}};
constexpr std::array<Unit, 5> kSizes = {{{"B", 1},
                                         {"KiB", std::int64_t{1} << 10},
                                         {"MiB", std::int64_t{1} << 20},
                                         {"GiB", std::int64_t{1} << 30},
                                         {"TiB", std::int64_t{1} << 40}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "12.5" * factor, exactly; nothing when it is no number, overflows or is no whole number of the base unit.
std::optional<std::int64_t> scaled(std::string_view number, std::int64_t factor) {
  constexpr std::size_t kMaxDigits = 24;  // times the largest factor, below 2^127
  __int128 digits = 0;
  __int128 scale = 1;
  std::size_t count = 0;
  bool in_fraction = false;
  for (std::size_t i = 0; i < number.size(); ++i) {
    if (number[i] == '.' && !in_fraction && i > 0 && i + 1 < number.size()) {
      in_fraction = true;
      continue;
    }
    if (!is_digit(number[i]) || ++count > kMaxDigits) return std::nullopt;
    digits = digits * 10 + (number[i] - '0');
    if (in_fraction) scale *= 10;
  }
  if (count == 0) return std::nullopt;
  const __int128 total = digits * factor;
  if (total % scale != 0 || total / scale > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  return static_cast<std::int64_t>(total / scale);
}

std::string unit_names(std::span<const Unit> units) {
  std::vector<std::string> names;
  for (const Unit& unit : units) names.emplace_back(unit.name);
  return join_words(names);
}

Result<std::int64_t> parse(std::string_view text, std::span<const Unit> units, std::string_view what) {
  std::size_t split = 0;
  while (split < text.size() && (is_digit(text[split]) || text[split] == '.')) ++split;
  const std::string_view number = text.substr(0, split);
  std::string_view name = text.substr(split);
  const std::string shown = "\"" + printable(text) + "\"";
  if (number.empty()) {
    return invalid_argument("config.value",
                            shown + " is no " + std::string(what) + ": a number and a unit are wanted");
  }
  if (name.starts_with(' ')) name.remove_prefix(1);
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    if (const auto value = scaled(number, unit.factor)) return *value;
    return invalid_argument("config.value", shown + " is too large, too fine or no number");
  }
  return invalid_argument("config.unit", shown + (name.empty() ? " has no unit" : " has an unknown unit") +
                                             ": use " + unit_names(units));
}

std::string format(std::int64_t value, std::span<const Unit> units) {
  std::size_t best = 0;
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (value != 0 && value % units[i].factor == 0) best = i;
  }
  return std::to_string(value / units[best].factor) + std::string(units[best].name);
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::int64_t value, parse(text, kTimes, "duration"));
  return Duration(value);
}

std::string format_duration(Duration value) {
  return value.count() == 0 ? "0s" : format(value.count(), kTimes);
}

Result<ByteSize> parse_bytes(std::string_view text) {
  SLIPWAY_ASSIGN_OR_RETURN(const std::int64_t value, parse(text, kSizes, "size"));
  return ByteSize{static_cast<std::uint64_t>(value)};
}

std::string format_bytes(ByteSize value) { return format(static_cast<std::int64_t>(value.bytes), kSizes); }

}  // namespace slipway::config
