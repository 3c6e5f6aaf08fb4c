#include <algorithm>
#include <istream>
#include <optional>
#include <streambuf>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "base/text.h"
#include "config/node_internal.h"

namespace slipway::config::internal {
namespace {

// The first thing that the builder would not take. It ignores what follows.
struct Refusal {
  Mark mark;
  std::string message;
  std::string fix;
};

Mark from_yaml(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

// Builds the tree from yaml-cpp's events; open_ holds the lists and maps that are not closed yet.
class Builder final : public YAML::EventHandler {
 public:
  Node take() { return std::move(root_); }
  [[nodiscard]] const std::optional<Refusal>& refusal() const { return refusal_; }
  [[nodiscard]] const std::optional<YAML::Mark>& last_quoted() const { return last_quoted_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (started_)
      return refuse({from_yaml(mark), "a second document starts here", "keep one document in the file"});
    started_ = true;
  }
  void OnDocumentEnd() override {}
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse_anchor(mark); }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override { refuse_anchor(mark); }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { add({Node::Kind::kNull, from_yaml(mark)}); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& text) override {
    if (tag != "?" && tag != "!" && !tag.empty()) refuse_tag(mark, tag);
    Node node{Node::Kind::kScalar, from_yaml(mark)};
    node.quoted = tag == "!";
    if (node.quoted) last_quoted_ = mark;
    node.text = text;
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::kList, mark, tag);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::kMap, mark, tag);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    std::optional<Node::Member> member;  // a key that waits for its value
  };

  void refuse(Refusal refusal) {
    if (!refusal_) refusal_ = std::move(refusal);
  }
  void refuse_anchor(const YAML::Mark& mark) {
    return refuse(
        {from_yaml(mark), "anchors and aliases (& and *) are not read", "write the value out; quote text"});
  }
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    return refuse({from_yaml(mark), "the tag " + printable(tag) + " is not read", "remove it; quote text"});
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag) {
    if (tag != "?" && tag != "!" && !tag.empty()) refuse_tag(mark, tag);
    if (open_.size() >= kMaxDepth) {
      return refuse({from_yaml(mark), "values are nested deeper than " + std::to_string(kMaxDepth), ""});
    }
    if (!open_.empty() && open_.back().node.kind == Node::Kind::kMap && !open_.back().member)
      refuse_key(from_yaml(mark));
    if (refusal_) return;
    open_.push_back({Node{kind, from_yaml(mark)}, std::nullopt});
  }

  void close() {
    if (refusal_) return;
    Node node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }

  void refuse_key(Mark mark) {
    return refuse({mark, "a key must be plain text", "quote it where it has special characters"});
  }

  void add(Node node) {
    if (refusal_) return;
    if (++nodes_ > kMaxNodes) {
      return refuse({node.mark, "the file has more than " + std::to_string(kMaxNodes) + " values", ""});
    }
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == Node::Kind::kList) {
      parent.node.items.push_back(std::move(node));
    } else if (parent.member) {
      // yaml-cpp places an absent value at whatever follows.
      if (node.kind == Node::Kind::kNull) node.mark = parent.member->mark;
      parent.member->value = std::move(node);
      parent.node.members.push_back(std::move(*parent.member));
      parent.member.reset();
    } else {
      if (node.kind != Node::Kind::kScalar) return refuse_key(node.mark);
      parent.member = Node::Member{std::move(node.text), node.mark, {}};
    }
  }

  std::optional<Refusal> refusal_;
  Node root_;
  std::optional<YAML::Mark> last_quoted_;
  std::vector<Open> open_;
  std::size_t nodes_ = 0;
  bool started_ = false;
};

// A stream over text without a copy.
class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }
};

// The first byte that cannot be in a settings file: yaml-cpp would guess an encoding or stop in silence.
std::optional<std::size_t> forbidden_byte(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F) return i;
  }
  return std::nullopt;
}

Mark mark_at(std::string_view text, std::size_t offset) {
  Mark mark;
  for (std::size_t i = 0; i < offset && i < text.size(); ++i) {
    ++mark.column;
    if (text[i] == '\n') mark = {mark.line + 1, 1};
  }
  return mark;
}

// yaml-cpp takes the end of the file for a closing quote. Only the last quoted text can have none.
bool has_no_end(std::string_view text, const YAML::Mark& mark) {
  const auto start = static_cast<std::size_t>(mark.pos);
  if (start >= text.size() || (text[start] != '"' && text[start] != '\'')) return false;
  const char quote = text[start];
  for (std::size_t i = start + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      return false;
    }
  }
  return true;
}

// yaml-cpp's words say what it met, not what a person did.
std::string likely_fix(std::string_view text, int line) {
  for (int i = 1; i < line; ++i) text.remove_prefix(std::min(text.size(), text.find('\n') + 1));
  const std::string_view indent = text.substr(0, text.find_first_not_of(" \t"));
  if (indent.find('\t') != std::string_view::npos) return "indent with spaces; YAML takes no tabs there";
  return "look at the indentation, colons and quotes of this line and the one before";
}

Error syntax_error(std::string_view file_name, Mark mark, std::string message, std::string fix) {
  return invalid_argument("config.syntax", std::string(file_name) + " cannot be read")
      .with_fault({place(file_name, mark), std::move(message), std::move(fix)});
}

}  // namespace

std::string place(std::string_view file_name, Mark mark) {
  return std::string(file_name) + ":" + std::to_string(mark.line) + ":" + std::to_string(mark.column);
}

Result<Node> read_yaml(std::string_view text, std::string_view file_name) {
  if (text.size() > kMaxFileBytes) {
    return syntax_error(file_name, {},
                        "the file has " + human_bytes(text.size()) + "; settings may have 1 MiB",
                        "is this the right file?");
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (!is_utf8(text)) {
    return syntax_error(file_name, {}, "the file is not UTF-8 text",
                        "save it as UTF-8; is this the right file?");
  }
  if (const auto offset = forbidden_byte(text)) {
    return syntax_error(file_name, mark_at(text, *offset), "a control character",
                        "remove it; is this the right file?");
  }
  Builder builder;
  std::optional<Refusal> stopped;
  try {
    ViewBuffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    while (!builder.refusal() && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    const Mark mark = error.mark.is_null() ? Mark{} : from_yaml(error.mark);
    stopped = {mark, error.msg, likely_fix(text, mark.line)};
  } catch (const std::exception& error) {
    stopped = {{}, error.what(), ""};
  }
  if (builder.refusal()) stopped = builder.refusal();
  if (!stopped && builder.last_quoted() && has_no_end(text, *builder.last_quoted())) {
    stopped = {from_yaml(*builder.last_quoted()), "a quoted text has no end", "close the quotes"};
  }
  if (stopped) return syntax_error(file_name, stopped->mark, stopped->message, stopped->fix);
  return builder.take();
}

}  // namespace slipway::config::internal
