#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/text.h"
#include "json/writer.h"
#include "package/golden.h"

namespace slipway::package {
namespace {

Comparison different(std::string where, std::string what) {
  return {Verdict::kDifferent, 0, std::move(where), std::move(what)};
}

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  std::string text;
  json::Writer(text).number(value);
  return text;
}

Comparison compare_numbers(const std::string& where, double recorded, double answered,
                           const Tolerance& tolerance) {
  if (recorded == answered || (std::isnan(recorded) && std::isnan(answered))) return {};
  Comparison out;
  out.where = where;
  out.what = number_text(recorded) + " was recorded, " + number_text(answered) + " is answered";
  out.largest_difference = std::abs(recorded - answered);
  const bool near =
      std::isfinite(out.largest_difference) &&
      out.largest_difference <= std::max(tolerance.absolute, tolerance.relative * std::abs(recorded));
  out.verdict = near ? Verdict::kWithinTolerance : Verdict::kDifferent;
  if (!std::isfinite(out.largest_difference)) out.largest_difference = 0;
  return out;
}

bool is_integer(const json::Value& value) {
  return value.type() == json::Type::kInt64 || value.type() == json::Type::kUint64;
}

/// Compares the values of one field. Without a tolerance given for it, numbers that are whole on both sides
/// count as integers.
class AnswerComparer {
 public:
  explicit AnswerComparer(const Tolerance* given)
      : tolerance_(given == nullptr ? default_tolerance(DType::kFp32) : *given),
        integers_exact_(given == nullptr) {}

  void compare(const std::string& where, const json::Value& recorded, const json::Value& answered) {
    if (recorded.is_number() && answered.is_number()) return compare_number(where, recorded, answered);
    if (recorded.type() != answered.type()) return differ(where, recorded, answered);
    if (recorded.is_object()) return compare_objects(where, recorded, answered);
    if (recorded.is_array()) return compare_arrays(where, recorded, answered);
    if (recorded.to_text() != answered.to_text()) differ(where, recorded, answered);
  }
  [[nodiscard]] const Comparison& result() const { return result_; }

 private:
  void differ(const std::string& where, const json::Value& recorded, const json::Value& answered) {
    result_.merge(different(where, printable(recorded.to_text()) + " was recorded, " +
                                       printable(answered.to_text()) + " is answered"));
  }

  void compare_number(const std::string& where, const json::Value& recorded, const json::Value& answered) {
    if (is_integer(recorded) && is_integer(answered)) {
      if (recorded.to_text() == answered.to_text()) return;
      if (integers_exact_ || tolerance_ == Tolerance()) return differ(where, recorded, answered);
    }
    result_.merge(compare_numbers(where, *recorded.as_double(), *answered.as_double(), tolerance_));
  }

  void compare_objects(const std::string& where, const json::Value& recorded, const json::Value& answered) {
    for (const json::Member& member : recorded.object()) {
      const std::string place = where + "." + printable(member.key);
      const auto other = answered.find(member.key);
      other ? compare(place, member.value, *other)
            : result_.merge(different(place, "is missing in the answer"));
    }
    for (const json::Member& member : answered.object()) {
      if (!recorded.find(member.key)) {
        result_.merge(different(where + "." + printable(member.key), "was not recorded, but is answered"));
      }
    }
  }

  void compare_arrays(const std::string& where, const json::Value& recorded, const json::Value& answered) {
    const auto left = recorded.array();
    const auto right = answered.array();
    if (left.size() != right.size()) {
      result_.merge(different(where, std::to_string(left.size()) + " elements were recorded, " +
                                         std::to_string(right.size()) + " are answered"));
      return;
    }
    auto other = right.begin();
    std::size_t index = 0;
    for (const json::Value& value : left) {
      compare(where + "[" + std::to_string(index++) + "]", value, *other);
      ++other;
    }
  }

  Tolerance tolerance_;
  bool integers_exact_;
  Comparison result_;
};

const Tolerance* find_tolerance(const std::vector<OutputTolerance>& tolerances, std::string_view output) {
  const auto found = std::find_if(tolerances.begin(), tolerances.end(),
                                  [output](const OutputTolerance& entry) { return entry.output == output; });
  return found == tolerances.end() ? nullptr : &found->tolerance;
}

Comparison compare_texts(std::string_view name, ByteView recorded, ByteView answered) {
  BytesReader left(recorded);
  BytesReader right(answered);
  std::string_view a;
  std::string_view b;
  for (std::size_t i = 0; left.next(a) && right.next(b); ++i) {
    if (a == b) continue;
    return different(std::string(name) + "[" + std::to_string(i) + "]",
                     "'" + printable(a) + "' was recorded, '" + printable(b) + "' is answered");
  }
  return {};
}

}  // namespace

void Comparison::merge(const Comparison& other) {
  const bool worse = other.verdict > verdict;
  const bool larger = other.verdict == Verdict::kWithinTolerance && verdict == Verdict::kWithinTolerance &&
                      other.largest_difference > largest_difference;
  if (worse || larger) {
    where = other.where;
    what = other.what;
  }
  verdict = std::max(verdict, other.verdict);
  largest_difference = std::max(largest_difference, other.largest_difference);
}

Comparison compare_answers(const json::Value& recorded, const json::Value& answered,
                           const std::vector<OutputTolerance>& tolerances) {
  if (!recorded.is_object() || !answered.is_object()) return different("answer", "is no object");
  Comparison result;
  for (const json::Member& member : recorded.object()) {
    const std::string place = printable(member.key);
    const auto other = answered.find(member.key);
    if (!other) {
      result.merge(different(place, "is missing in the answer"));
      continue;
    }
    AnswerComparer comparer(find_tolerance(tolerances, member.key));
    comparer.compare(place, member.value, *other);
    result.merge(comparer.result());
  }
  for (const json::Member& member : answered.object()) {
    if (!recorded.find(member.key))
      result.merge(different(printable(member.key), "was not recorded, but is answered"));
  }
  return result;
}

Comparison compare_tensors(std::string_view name, const TensorView& recorded, const TensorView& answered,
                           const Tolerance& tolerance) {
  if (recorded.dtype != answered.dtype || !(recorded.shape == answered.shape)) {
    return different(std::string(name), std::string(dtype_name(recorded.dtype)) + recorded.shape.to_string() +
                                            " was recorded, " + std::string(dtype_name(answered.dtype)) +
                                            answered.shape.to_string() + " is answered");
  }
  if (recorded.data.size() == answered.data.size() &&
      (recorded.data.empty() ||
       std::memcmp(recorded.data.data(), answered.data.data(), recorded.data.size()) == 0)) {
    return {};
  }
  if (recorded.dtype == DType::kBytes) return compare_texts(name, recorded.data, answered.data);
  Comparison result;
  const auto elements = static_cast<std::size_t>(recorded.shape.elements().value_or(0));
  const std::size_t size = dtype_size(recorded.dtype);
  for (std::size_t i = 0; i < elements; ++i) {
    if (std::memcmp(recorded.data.data() + i * size, answered.data.data() + i * size, size) == 0) continue;
    const std::string where = std::string(name) + "[" + std::to_string(i) + "]";
    const double left = element_as_double(recorded, i);
    const double right = element_as_double(answered, i);
    // Large 64-bit integers may differ and still be one double.
    if (left == right && !is_float(recorded.dtype))
      return different(where, "is another integer than was recorded");
    result.merge(compare_numbers(where, left, right, tolerance));
  }
  return result;
}

Comparison compare_outputs(const std::vector<NamedTensor>& recorded,
                           std::span<const NamedTensorView> answered,
                           const std::vector<OutputTolerance>& tolerances) {
  Comparison result;
  for (const NamedTensor& named : recorded) {
    const auto other = std::find_if(answered.begin(), answered.end(), [&named](const NamedTensorView& view) {
      return view.name == named.name;
    });
    if (other == answered.end()) {
      result.merge(different(named.name, "is missing in the answer"));
      continue;
    }
    const Tolerance* given = find_tolerance(tolerances, named.name);
    result.merge(compare_tensors(named.name, named.tensor.view(), other->tensor,
                                 given == nullptr ? default_tolerance(named.tensor.dtype) : *given));
  }
  return result;
}

}  // namespace slipway::package
