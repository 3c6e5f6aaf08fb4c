// The part of schema.h that is free of templates. Include config/schema.h instead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "config/units.h"

namespace slipway::config {

/// What a person is told about a setting, and whether it must be given.
struct Setting {
  std::string text;       ///< one plain sentence
  std::string example{};  ///< YAML for the template, where the default is of no help
  bool required = false;
};

/// Bounds, both included, with the reason that a refused value is told.
template <typename V>
struct Range {
  std::optional<V> min{};
  std::optional<V> max{};
  std::string reason{};
};

struct TextRule {
  std::size_t min_bytes = 0;
  std::size_t max_bytes = 4096;
  std::string what = "text";                        ///< "a name", "an address such as 127.0.0.1:8080"
  std::function<Status(std::string_view)> check{};  ///< its error's message becomes the fault's
};

struct ListRule {
  std::size_t min_items = 0;
  std::size_t max_items = 10'000;
  bool or_one = false;  ///< one element may stand there without a list; for elements that are no lists
};

struct MapRule {
  std::string key = "NAME";  ///< what a key is, for documents
  std::function<Status(std::string_view)> check_key{};
  std::size_t max_entries = 10'000;
};

/// Where each setting of a decoded file stands, for faults that show only later.
class SourceMap {
 public:
  /// "file:12:3" of "inputs[2].name", else of the nearest thing around it; the file's name when nothing is
  /// known.
  [[nodiscard]] std::string where(std::string_view path) const;
  void set(std::string path, std::string place) { places_[std::move(path)] = std::move(place); }

 private:
  std::map<std::string, std::string, std::less<>> places_;
};

namespace internal {
class AnyType;
class Report;
struct Node;
using TypePtr = std::shared_ptr<const AnyType>;
}  // namespace internal

/// Takes the faults that a rule over several settings finds.
class Problems {
 public:
  Problems(const internal::Node& object, internal::Report& report) : object_(object), report_(report) {}
  /// `field` is the setting to point at; one that is not in the file, or empty: the whole part.
  void add(std::string_view field, std::string message, std::string fix = {});

 private:
  const internal::Node& object_;
  internal::Report& report_;
};

namespace internal {

struct ListAccess {
  void (*clear)(void* list);
  void* (*add)(void* list);
  std::size_t (*size)(const void* list);
  const void* (*at)(const void* list, std::size_t i);
};

struct MapAccess {
  void (*clear)(void* map);
  void* (*add)(void* map, const std::string& key);
  void (*visit)(const void* map, const std::function<void(const std::string&, const void*)>& visit);
};

struct FieldSpec {
  std::string name;
  TypePtr type;
  Setting setting;
  std::function<void*(void* object)> access;
};

struct ObjectSpec {
  std::string title;
  std::string text;
  std::vector<FieldSpec> fields;
  std::shared_ptr<const void> defaults;
  std::vector<std::function<void(const void*, Problems&)>> checks;
};

TypePtr text_type(TextRule rule);
TypePtr boolean_type();
TypePtr number_type(Range<double> range);
TypePtr duration_type(Range<Duration> range);
TypePtr bytes_type(Range<ByteSize> range);
TypePtr integer_type(Range<std::int64_t> range, void (*store)(void*, std::int64_t),
                     std::int64_t (*load)(const void*));
/// `load` gives the position of the value among the names, or their number when it has none.
TypePtr choice_type(std::vector<std::string> names, std::function<void(void*, std::size_t)> store,
                    std::function<std::size_t(const void*)> load);
TypePtr list_type(TypePtr element, ListRule rule, ListAccess access);
TypePtr map_type(TypePtr element, MapRule rule, MapAccess access);
TypePtr optional_type(TypePtr inner, void* (*emplace)(void*), const void* (*get)(const void*));
TypePtr object_type(ObjectSpec spec);

Status decode_into(const AnyType& type, std::string_view text, std::string_view file_name, void* value,
                   SourceMap* places);
std::string json_schema(const AnyType& type);
std::string to_yaml(const AnyType& type, const void* value);
std::string reference(const AnyType& type);

}  // namespace internal
}  // namespace slipway::config
