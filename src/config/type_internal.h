// What every kind of setting can do, behind erased.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/erased.h"
#include "config/node_internal.h"
#include "json/writer.h"

namespace slipway::config::internal {

/// Collects the faults of one file and knows at which setting the decoder is.
class Report {
 public:
  Report(std::string_view file_name, SourceMap* places) : file_name_(file_name), places_(places) {}

  void fault(Mark mark, std::string_view message, std::string fix = {});
  /// Goes into a member (".name") or an element ("[3]") and remembers its place; leave() goes back out.
  void enter(std::string_view name, Mark mark);
  void enter(std::size_t index, Mark mark);
  void leave();
  [[nodiscard]] std::size_t fault_count() const { return count_; }
  /// Errors: config.invalid with the faults in the order of the file.
  [[nodiscard]] Status status();

 private:
  static constexpr std::size_t kMaxFaults = 100;
  void note(Mark mark);

  struct Placed {
    Mark mark;
    Fault fault;
  };
  std::string file_name_;
  SourceMap* places_;
  std::string path_;
  std::vector<std::size_t> lengths_;  // of path_ before each enter()
  std::vector<Placed> faults_;
  std::size_t count_ = 0;
};

/// A line of YAML being written.
struct YamlLine {
  std::size_t indent = 0;
  std::string text;
  bool comment = false;
};
using YamlLines = std::vector<YamlLine>;

/// A row of the reference page.
struct ReferenceRow {
  std::string name;
  std::string takes;
  std::string fallback;
  std::string text;
};

class AnyType {
 public:
  virtual ~AnyType() = default;
  /// Writes *value, or tells the report why not.
  virtual void decode(const Node& node, void* value, Report& report) const = 0;
  /// What it takes, for people: "an integer from 0 to 1024", "true or false".
  [[nodiscard]] virtual std::string takes() const = 0;
  /// The keywords of its JSON Schema, inside an object that the caller opened.
  virtual void schema(json::Writer& out) const = 0;
  /// The value on one line: `5`, `[a, b]`, `{name: x}`. Members that hold their default are left out.
  [[nodiscard]] virtual std::string flow(const void* value) const = 0;
  /// Lines below "key:" when one line does not do; empty = write flow() behind the key.
  [[nodiscard]] virtual YamlLines block(const void* /*value*/, bool /*comments*/) const { return {}; }
  /// What an absent value of this kind means, to tell an empty section from a forgotten one.
  [[nodiscard]] virtual bool may_be_null() const { return false; }
  /// Rows for the settings inside, under `prefix`.
  virtual void reference(const std::string& /*prefix*/, std::vector<ReferenceRow>& /*rows*/) const {}
  /// The defaults of an object; null for everything else.
  [[nodiscard]] virtual const void* defaults() const { return nullptr; }
};

/// "the text "x"", "a list": what was found, for faults.
std::string found(const Node& node);
/// A scalar of YAML that reads back as this text everywhere, in quotes where needed.
std::string yaml_text(std::string_view text);
/// Spaces, comment marks and line ends.
std::string render(const YamlLines& lines);

}  // namespace slipway::config::internal
