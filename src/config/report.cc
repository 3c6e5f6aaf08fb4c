#include <algorithm>

#include "base/text.h"
#include "config/type_internal.h"

namespace slipway::config {

std::string SourceMap::where(std::string_view path) const {
  for (;;) {
    if (const auto it = places_.find(path); it != places_.end()) return it->second;
    if (path.empty()) return {};
    const std::size_t cut = path.find_last_of(".[");
    path = path.substr(0, cut == std::string_view::npos ? 0 : cut);
  }
}

void Problems::add(std::string_view field, std::string message, std::string fix) {
  for (const internal::Node::Member& member : object_.members) {
    if (member.key != field) continue;
    report_.enter(field, member.value.mark);
    report_.fault(member.value.mark, message, std::move(fix));
    return report_.leave();
  }
  report_.fault(object_.mark, message, std::move(fix));
}

namespace internal {

void Report::fault(Mark mark, std::string_view message, std::string fix) {
  if (++count_ > kMaxFaults) return;
  std::string text = path_.empty() ? "" : path_ + ": ";
  text += message;
  faults_.push_back({mark, {place(file_name_, mark), std::move(text), std::move(fix)}});
}

void Report::note(Mark mark) {
  if (places_ != nullptr) places_->set(path_, place(file_name_, mark));
}

void Report::enter(std::string_view name, Mark mark) {
  lengths_.push_back(path_.size());
  if (!path_.empty()) path_ += '.';
  path_ += printable(name, 64);
  note(mark);
}

void Report::enter(std::size_t index, Mark mark) {
  lengths_.push_back(path_.size());
  path_ += "[" + std::to_string(index) + "]";
  note(mark);
}

void Report::leave() {
  path_.resize(lengths_.back());
  lengths_.pop_back();
}

Status Report::status() {
  if (count_ == 0) return {};
  std::stable_sort(faults_.begin(), faults_.end(), [](const Placed& a, const Placed& b) {
    return std::pair(a.mark.line, a.mark.column) < std::pair(b.mark.line, b.mark.column);
  });
  std::string message =
      file_name_ + (count_ == 1 ? " has a fault" : " has " + std::to_string(count_) + " faults");
  if (count_ > faults_.size()) message += "; the first " + std::to_string(faults_.size()) + " are shown";
  std::vector<Fault> faults;
  faults.reserve(faults_.size());
  for (Placed& placed : faults_) faults.push_back(std::move(placed.fault));
  return invalid_argument("config.invalid", std::move(message)).with_faults(std::move(faults));
}

std::string found(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return "nothing";
    case Node::Kind::kList:
      return "a list";
    case Node::Kind::kMap:
      return "keys and values";
    case Node::Kind::kScalar:
      break;
  }
  return (node.quoted ? "the text \"" : "\"") + printable(node.text) + "\"";
}

Status decode_into(const AnyType& type, std::string_view text, std::string_view file_name, void* value,
                   SourceMap* places) {
  SLIPWAY_ASSIGN_OR_RETURN(Node root, read_yaml(text, file_name));
  if (root.kind == Node::Kind::kNull) root.kind = Node::Kind::kMap;
  if (places != nullptr) places->set("", std::string(file_name));
  Report report(file_name, places);
  type.decode(root, value, report);
  return report.status();
}

}  // namespace internal
}  // namespace slipway::config
