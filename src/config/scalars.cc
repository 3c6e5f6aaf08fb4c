#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "config/type_internal.h"

namespace slipway::config::internal {
namespace {

void wrong(const Node& node, std::string_view wanted, Report& report, std::string fix = {}) {
  report.fault(node.mark, std::string(wanted) + " is wanted, not " + found(node), std::move(fix));
}

bool is_plain(const Node& node) { return node.kind == Node::Kind::kScalar && !node.quoted; }

// "from 1 to 64", "of at least 1", or nothing.
template <typename V, typename Show>
std::string bounds(const Range<V>& range, Show show) {
  if (range.min && range.max) return " from " + show(*range.min) + " to " + show(*range.max);
  if (range.min) return " of at least " + show(*range.min);
  if (range.max) return " of at most " + show(*range.max);
  return {};
}

template <typename V, typename Show>
bool check_range(const Range<V>& range, const V& value, const Node& node, Report& report, Show show) {
  const bool low = range.min && value < *range.min;
  const bool high = range.max && *range.max < value;
  if (!low && !high) return true;
  std::string message =
      printable(node.text) + (low ? " is below " + show(*range.min) : " is above " + show(*range.max));
  if (!range.reason.empty()) message += " (" + range.reason + ")";
  report.fault(node.mark, message, "use a value" + bounds(range, show));
  return false;
}

class TextType final : public AnyType {
 public:
  explicit TextType(TextRule rule) : rule_(std::move(rule)) {}

  void decode(const Node& node, void* value, Report& report) const override {
    if (node.kind != Node::Kind::kScalar) {
      const bool null = node.kind == Node::Kind::kNull;
      return wrong(node, rule_.what, report, null ? "give it a value, or remove the line" : "");
    }
    if (node.text.size() < rule_.min_bytes) return wrong(node, rule_.what, report);
    if (node.text.size() > rule_.max_bytes) {
      return report.fault(node.mark, "the text has " + std::to_string(node.text.size()) + " bytes; at most " +
                                         std::to_string(rule_.max_bytes) + " are allowed");
    }
    if (rule_.check) {
      if (const Status status = rule_.check(node.text); !status.ok()) {
        return report.fault(node.mark, status.error().message());
      }
    }
    *static_cast<std::string*>(value) = node.text;
  }
  [[nodiscard]] std::string takes() const override { return rule_.what; }
  // An editor's YAML reader sees a bare 1.10 or true before it becomes text.
  void schema(json::Writer& out) const override {
    out.key("type");
    out.raw(R"(["string","number","boolean"])");
    if (rule_.min_bytes > 0) out.field("minLength", std::int64_t{1});
  }
  [[nodiscard]] std::string flow(const void* value) const override {
    return yaml_text(*static_cast<const std::string*>(value));
  }

 private:
  TextRule rule_;
};

class BooleanType final : public AnyType {
 public:
  void decode(const Node& node, void* value, Report& report) const override {
    if (is_plain(node) && (node.text == "true" || node.text == "false")) {
      *static_cast<bool*>(value) = node.text == "true";
      return;
    }
    const bool yes = node.text == "yes" || node.text == "on" || node.text == "True" || node.text == "1";
    const bool no = node.text == "no" || node.text == "off" || node.text == "False" || node.text == "0";
    const bool quoted = node.text == "true" || node.text == "false";
    wrong(node, "true or false", report,
          quoted ? "remove the quotes"
          : yes  ? "write true"
          : no   ? "write false"
                 : "");
  }
  [[nodiscard]] std::string takes() const override { return "true or false"; }
  void schema(json::Writer& out) const override { out.field("type", "boolean"); }
  [[nodiscard]] std::string flow(const void* value) const override {
    return *static_cast<const bool*>(value) ? "true" : "false";
  }
};

class IntegerType final : public AnyType {
 public:
  IntegerType(Range<std::int64_t> range, void (*store)(void*, std::int64_t),
              std::int64_t (*load)(const void*))
      : range_(std::move(range)), store_(store), load_(load) {}

  void decode(const Node& node, void* value, Report& report) const override {
    std::int64_t number = 0;
    const std::string_view digits = node.text;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const std::size_t sign = digits.starts_with('-') ? 1 : 0;
    const bool leading_zero = digits.size() > sign + 1 && digits[sign] == '0';
    const bool whole = !digits.empty() && end == digits.data() + digits.size() && !leading_zero;
    if (!is_plain(node) || !whole || error == std::errc::invalid_argument) {
      return wrong(node, "an integer", report, node.quoted && whole ? "remove the quotes" : "");
    }
    if (error == std::errc::result_out_of_range) {
      return report.fault(node.mark, printable(node.text) + " does not fit 64 bits");
    }
    if (check_range(range_, number, node, report, show)) store_(value, number);
  }
  [[nodiscard]] std::string takes() const override {
    const bool any = *range_.min<-kManyIsAny&& * range_.max> kManyIsAny;
    if (any) return "an integer";
    if (*range_.max > kManyIsAny) return "an integer of at least " + show(*range_.min);
    return "an integer" + bounds(range_, show);
  }
  void schema(json::Writer& out) const override {
    out.field("type", "integer");
    out.field("minimum", *range_.min);
    out.field("maximum", *range_.max);
  }
  [[nodiscard]] std::string flow(const void* value) const override { return show(load_(value)); }

 private:
  static constexpr std::int64_t kManyIsAny = 1'000'000'000;
  static std::string show(std::int64_t value) { return std::to_string(value); }
  Range<std::int64_t> range_;
  void (*store_)(void*, std::int64_t);
  std::int64_t (*load_)(const void*);
};

std::string show_number(double value) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

class NumberType final : public AnyType {
 public:
  explicit NumberType(Range<double> range) : range_(std::move(range)) {}

  void decode(const Node& node, void* value, Report& report) const override {
    double number = 0;
    const std::string_view text = node.text;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = !text.empty() && end == text.data() + text.size() && error == std::errc();
    if (!is_plain(node) || !whole || !std::isfinite(number)) {
      return wrong(node, "a number", report, node.quoted && whole ? "remove the quotes" : "");
    }
    if (check_range(range_, number, node, report, show_number)) *static_cast<double*>(value) = number;
  }
  [[nodiscard]] std::string takes() const override { return "a number" + bounds(range_, show_number); }
  void schema(json::Writer& out) const override {
    out.field("type", "number");
    if (range_.min) out.field("minimum", *range_.min);
    if (range_.max) out.field("maximum", *range_.max);
  }
  [[nodiscard]] std::string flow(const void* value) const override {
    return show_number(*static_cast<const double*>(value));
  }

 private:
  Range<double> range_;
};

struct DurationUnit {
  using Value = Duration;
  static constexpr std::string_view kWhat = "a duration";
  static constexpr std::string_view kExample = "such as 250ms, 10s or 5m";
  static constexpr std::string_view kPattern = "^[0-9]+(\\.[0-9]+)? ?(ns|us|ms|s|m|h|d)$";
  static constexpr std::string_view kCommon[2] = {"ms", "s"};
  static Result<Value> parse(std::string_view text) { return parse_duration(text); }
  static std::string show(Value value) { return format_duration(value); }
};

struct BytesUnit {
  using Value = ByteSize;
  static constexpr std::string_view kWhat = "a size";
  static constexpr std::string_view kExample = "such as 64MiB or 2GiB";
  static constexpr std::string_view kPattern = "^[0-9]+(\\.[0-9]+)? ?(B|KiB|MiB|GiB|TiB)$";
  static constexpr std::string_view kCommon[2] = {"B", "MiB"};
  static Result<Value> parse(std::string_view text) { return parse_bytes(text); }
  static std::string show(Value value) { return format_bytes(value); }
};

template <typename Unit>
class UnitType final : public AnyType {
 public:
  using Value = typename Unit::Value;
  explicit UnitType(Range<Value> range) : range_(std::move(range)) {}

  void decode(const Node& node, void* value, Report& report) const override {
    if (node.kind != Node::Kind::kScalar) return wrong(node, takes(), report);
    const auto parsed = Unit::parse(node.text);
    if (!parsed.ok())
      return report.fault(node.mark, parsed.error().message(), fix(node.text, parsed.error()));
    if (check_range(range_, *parsed, node, report, Unit::show)) *static_cast<Value*>(value) = *parsed;
  }
  [[nodiscard]] std::string takes() const override {
    const std::string limits = bounds(range_, Unit::show);
    return std::string(Unit::kWhat) + (limits.empty() ? " " + std::string(Unit::kExample) : limits);
  }
  void schema(json::Writer& out) const override {
    out.field("type", "string");
    out.field("pattern", Unit::kPattern);
  }
  [[nodiscard]] std::string flow(const void* value) const override {
    return Unit::show(*static_cast<const Value*>(value));
  }

 private:
  static std::string fix(const std::string& text, const Error& error) {
    const bool bare =
        error.id() == "config.unit" && text.find_first_not_of("0123456789.") == std::string::npos;
    if (!bare) return "write " + std::string(Unit::kWhat) + " " + std::string(Unit::kExample);
    return "write " + text + std::string(Unit::kCommon[0]) + " or " + text + std::string(Unit::kCommon[1]);
  }
  Range<Value> range_;
};

class ChoiceType final : public AnyType {
 public:
  ChoiceType(std::vector<std::string> names, std::function<void(void*, std::size_t)> store,
             std::function<std::size_t(const void*)> load)
      : names_(std::move(names)), store_(std::move(store)), load_(std::move(load)) {}

  void decode(const Node& node, void* value, Report& report) const override {
    for (std::size_t i = 0; i < names_.size() && node.kind == Node::Kind::kScalar; ++i) {
      if (names_[i] == node.text) return store_(value, i);
    }
    const std::string near = nearest(node.text, names_);
    wrong(node, takes(), report, near.empty() ? "" : "did you mean \"" + near + "\"?");
  }
  [[nodiscard]] std::string takes() const override { return "one of " + join_words(names_); }
  void schema(json::Writer& out) const override {
    out.key("enum");
    out.begin_array();
    for (const std::string& name : names_) out.string(name);
    out.end_array();
  }
  [[nodiscard]] std::string flow(const void* value) const override {
    const std::size_t i = load_(value);
    return i < names_.size() ? yaml_text(names_[i]) : "\"\"";
  }

 private:
  std::vector<std::string> names_;
  std::function<void(void*, std::size_t)> store_;
  std::function<std::size_t(const void*)> load_;
};

}  // namespace

TypePtr text_type(TextRule rule) { return std::make_shared<TextType>(std::move(rule)); }
TypePtr boolean_type() { return std::make_shared<BooleanType>(); }
TypePtr number_type(Range<double> range) { return std::make_shared<NumberType>(std::move(range)); }
TypePtr duration_type(Range<Duration> range) {
  return std::make_shared<UnitType<DurationUnit>>(std::move(range));
}
TypePtr bytes_type(Range<ByteSize> range) { return std::make_shared<UnitType<BytesUnit>>(std::move(range)); }
TypePtr integer_type(Range<std::int64_t> range, void (*store)(void*, std::int64_t),
                     std::int64_t (*load)(const void*)) {
  return std::make_shared<IntegerType>(std::move(range), store, load);
}
TypePtr choice_type(std::vector<std::string> names, std::function<void(void*, std::size_t)> store,
                    std::function<std::size_t(const void*)> load) {
  return std::make_shared<ChoiceType>(std::move(names), std::move(store), std::move(load));
}

}  // namespace slipway::config::internal
