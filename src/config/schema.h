// Settings are declared once: name, text for people, type, unit, bounds with their reason, default. From the
// declaration come strict decoding with all faults at once, the JSON Schema that editors use, commented YAML
// and the reference page.
//
//   struct Server { std::string listen = "127.0.0.1:8080"; int threads = 0; Duration timeout = 30s; };
//
//   config::Schema<Server> schema("server", "How the server runs.");
//   schema.field("listen", &Server::listen, {.text = "Address and port for clients."})
//       .field("threads", &Server::threads, config::integer<int>({.min = 0, .max = 1024, .reason = "..."}),
//              {.text = "Event loops; 0 is one per core."})
//       .field("timeout", &Server::timeout, {.text = "Longest time for one request."});
//   Result<Server> server = config::decode(schema, text, "server.yaml");
//
// The default of a setting is what a default-constructed struct holds. Lists and maps in a file replace the
// default.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "config/erased.h"
#include "config/units.h"

namespace slipway::config {

/// How values of V are read, checked, described and written. Immutable, cheap to copy. Thread: safe.
template <typename V>
class Type {
 public:
  explicit Type(internal::TypePtr erased) : erased_(std::move(erased)) {}
  [[nodiscard]] const internal::TypePtr& erased() const { return erased_; }

 private:
  internal::TypePtr erased_;
};

/// Text is taken as written: a bare 1.10 stays "1.10". A path is text that must not be empty.
inline Type<std::string> text(TextRule rule = {}) {
  return Type<std::string>(internal::text_type(std::move(rule)));
}
inline Type<std::string> path() { return text({.min_bytes = 1, .what = "a path"}); }
/// true or false, nothing else.
inline Type<bool> boolean() { return Type<bool>(internal::boolean_type()); }
/// A duration or size with its unit; a bare number is refused.
inline Type<Duration> duration(Range<Duration> range = {}) {
  return Type<Duration>(internal::duration_type(range));
}
inline Type<ByteSize> byte_size(Range<ByteSize> range = {}) {
  return Type<ByteSize>(internal::bytes_type(range));
}
inline Type<double> number(Range<double> range = {}) { return Type<double>(internal::number_type(range)); }

/// Range: that of V, at most that of a signed 64-bit integer.
template <std::integral V>
Type<V> integer(Range<V> range = {}) {
  using Limits = std::numeric_limits<V>;
  constexpr auto kMax = std::in_range<std::int64_t>(Limits::max()) ? static_cast<std::int64_t>(Limits::max())
                                                                   : std::numeric_limits<std::int64_t>::max();
  Range<std::int64_t> wide;
  wide.min = range.min ? static_cast<std::int64_t>(*range.min) : static_cast<std::int64_t>(Limits::min());
  wide.max = range.max ? static_cast<std::int64_t>(*range.max) : kMax;
  wide.reason = range.reason;
  return Type<V>(internal::integer_type(
      wide, [](void* to, std::int64_t value) { *static_cast<V*>(to) = static_cast<V>(value); },
      [](const void* from) { return static_cast<std::int64_t>(*static_cast<const V*>(from)); }));
}

/// One of the named values of an enumeration.
template <typename E>
Type<E> choice(std::vector<std::pair<std::string, E>> values) {
  std::vector<std::string> names;
  for (const auto& [name, value] : values) names.push_back(name);
  auto shared = std::make_shared<const std::vector<std::pair<std::string, E>>>(std::move(values));
  return Type<E>(internal::choice_type(
      std::move(names), [shared](void* to, std::size_t i) { *static_cast<E*>(to) = (*shared)[i].second; },
      [shared](const void* from) {
        std::size_t i = 0;
        while (i < shared->size() && (*shared)[i].second != *static_cast<const E*>(from)) ++i;
        return i;
      }));
}

/// One of a few words, kept as text.
inline Type<std::string> one_of(const std::vector<std::string>& words) {
  std::vector<std::pair<std::string, std::string>> values;
  for (const std::string& word : words) values.emplace_back(word, word);
  return choice(std::move(values));
}

template <typename V>
Type<std::vector<V>> list(const Type<V>& element, ListRule rule = {}) {
  using List = std::vector<V>;
  internal::ListAccess access;
  access.clear = [](void* list) { static_cast<List*>(list)->clear(); };
  access.add = [](void* list) -> void* { return &static_cast<List*>(list)->emplace_back(); };
  access.size = [](const void* list) { return static_cast<const List*>(list)->size(); };
  access.at = [](const void* list, std::size_t i) -> const void* {
    return &(*static_cast<const List*>(list))[i];
  };
  return Type<List>(internal::list_type(element.erased(), rule, access));
}

/// A map from names that the user chooses.
template <typename V>
Type<std::map<std::string, V>> map(const Type<V>& element, MapRule rule = {}) {
  using Map = std::map<std::string, V>;
  internal::MapAccess access;
  access.clear = [](void* map) { static_cast<Map*>(map)->clear(); };
  access.add = [](void* map, const std::string& key) -> void* { return &(*static_cast<Map*>(map))[key]; };
  access.visit = [](const void* map, const std::function<void(const std::string&, const void*)>& visit) {
    for (const auto& [key, value] : *static_cast<const Map*>(map)) visit(key, &value);
  };
  return Type<Map>(internal::map_type(element.erased(), std::move(rule), access));
}

/// A value that may be absent.
template <typename V>
Type<std::optional<V>> optional(const Type<V>& inner) {
  using Optional = std::optional<V>;
  return Type<Optional>(internal::optional_type(
      inner.erased(), [](void* value) -> void* { return &static_cast<Optional*>(value)->emplace(); },
      [](const void* value) -> const void* {
        const auto& optional = *static_cast<const Optional*>(value);
        return optional ? &*optional : nullptr;
      }));
}

namespace internal {
template <typename V>
struct PlainType;
template <>
struct PlainType<std::string> {
  static Type<std::string> get() { return text(); }
};
template <>
struct PlainType<bool> {
  static Type<bool> get() { return boolean(); }
};
template <>
struct PlainType<double> {
  static Type<double> get() { return number(); }
};
template <>
struct PlainType<Duration> {
  static Type<Duration> get() { return duration(); }
};
template <>
struct PlainType<ByteSize> {
  static Type<ByteSize> get() { return byte_size(); }
};
template <std::integral V>
struct PlainType<V> {
  static Type<V> get() { return integer<V>(); }
};
template <typename V>
struct PlainType<std::vector<V>> {
  static Type<std::vector<V>> get() { return list(PlainType<V>::get()); }
};
template <typename V>
struct PlainType<std::map<std::string, V>> {
  static Type<std::map<std::string, V>> get() { return map(PlainType<V>::get()); }
};
template <typename V>
struct PlainType<std::optional<V>> {
  static Type<std::optional<V>> get() { return optional(PlainType<V>::get()); }
};
}  // namespace internal

/// The settings of one struct. Thread: external lock while it is built, safe afterwards.
template <typename T>
class Schema {
 public:
  Schema(std::string_view title, std::string_view text) {
    spec_.title = title;
    spec_.text = text;
    spec_.defaults = std::make_shared<const T>();
  }

  /// A setting whose type says all: text, booleans, numbers, durations, sizes, lists and maps of them.
  template <typename V>
  Schema& field(std::string_view name, V T::*member, Setting setting) {
    return field(name, member, internal::PlainType<V>::get(), std::move(setting));
  }
  template <typename V>
  Schema& field(std::string_view name, V T::*member, const Type<V>& type, Setting setting) {
    spec_.fields.push_back({std::string(name), type.erased(), std::move(setting),
                            [member](void* object) -> void* { return &(static_cast<T*>(object)->*member); }});
    return *this;
  }
  template <typename V>
  Schema& field(std::string_view name, std::optional<V> T::*member, const Type<V>& type, Setting setting) {
    return field(name, member, optional(type), std::move(setting));
  }
  /// A part of the settings with its own schema. Copies it.
  template <typename V>
  Schema& field(std::string_view name, V T::*member, const Schema<V>& schema, Setting setting) {
    return field(name, member, schema.type(), std::move(setting));
  }

  /// A rule over several settings; called when each of them was sound on its own.
  Schema& check(std::function<void(const T&, Problems&)> rule) {
    spec_.checks.push_back([rule = std::move(rule)](const void* object, Problems& problems) {
      rule(*static_cast<const T*>(object), problems);
    });
    return *this;
  }

  [[nodiscard]] Type<T> type() const { return Type<T>(internal::object_type(spec_)); }

 private:
  internal::ObjectSpec spec_;
};

/// Reads YAML strictly. `file_name` is for messages; `places`, when given, learns where each setting stands.
/// Errors: config.syntax (no YAML, or YAML that settings do not use), config.invalid with every fault: where
/// is "file:line:column", message names the setting, fix says what to write.
template <typename T>
Result<T> decode(const Schema<T>& schema, std::string_view text, std::string_view file_name,
                 SourceMap* places = nullptr) {
  T value{};
  SLIPWAY_TRY(internal::decode_into(*schema.type().erased(), text, file_name, &value, places));
  return value;
}

/// A JSON Schema (draft 2020-12) that accepts what decode accepts, as far as it can be said there.
template <typename T>
std::string json_schema(const Schema<T>& schema) {
  return internal::json_schema(*schema.type().erased());
}

/// Commented YAML: each setting under its text; settings that hold their default stand commented out.
/// decode() of the result gives `value` again. With a default-constructed value this is a template to start
/// from.
template <typename T>
std::string to_yaml(const Schema<T>& schema, const T& value) {
  return internal::to_yaml(*schema.type().erased(), &value);
}

/// A Markdown table of all settings: dotted name, what it takes, default, text.
template <typename T>
std::string reference(const Schema<T>& schema) {
  return internal::reference(*schema.type().erased());
}

}  // namespace slipway::config
