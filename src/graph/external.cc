#include <onnx/onnx.pb.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "graph/external_internal.h"
#include "graph/types_internal.h"
#include "protobuf/reader.h"

namespace slipway::graph {
namespace {

constexpr std::size_t kMaxLocationBytes = 1024;

Error refused(std::string_view location, std::string_view why) {
  return permission_denied("graph.external_data",
                           "the model keeps weights in '" + printable(location) + "', which " +
                               std::string(why) +
                               "; weights outside the model must be plain files beside it");
}

bool is_plain(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && c != '\\' && c != ':' && c != '*' && c != 0x7F;
}

// Runtimes take more than file names here: drive letters, and markers for addresses in their own memory.
Status check_location(std::string_view location) {
  if (location.empty()) return refused(location, "is empty");
  if (location.size() > kMaxLocationBytes || !is_utf8(location)) return refused(location, "is no sound name");
  if (location.front() == '/') return refused(location, "is an absolute path");
  if (!std::all_of(location.begin(), location.end(), is_plain)) return refused(location, "is no plain name");
  for (std::string_view rest = location; !rest.empty();) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (part == "..") return refused(location, "leaves the model's folder");
    if (part.empty() || part == ".") return refused(location, "is no plain name");
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
    if (rest.empty()) return refused(location, "names a folder");
  }
  return {};
}

Result<std::uint64_t> read_number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size() || value > INT64_MAX) {
    return damaged("the place of a weight outside the model is no number");
  }
  return value;
}

}  // namespace

Result<std::optional<ExternalTensor>> read_external(ByteView tensor) {
  bool external = false;
  bool has_location = false;
  ExternalTensor found;
  std::vector<ByteView> entries;
  protobuf::Reader reader(tensor);
  protobuf::Field field;
  while (reader.next(field)) {
    if (field.is_varint(onnx::TensorProto::kDataLocationFieldNumber)) {
      external = external || field.value == onnx::TensorProto::EXTERNAL;
    }
    if (field.is_bytes(onnx::TensorProto::kExternalDataFieldNumber)) entries.push_back(field.bytes);
    if (entries.size() > 16) return above_limit("facts about one external weight", 16);
  }
  if (!reader.ok()) return damaged("a weight is cut short");
  if (!external) return std::optional<ExternalTensor>();
  for (const ByteView bytes : entries) {
    onnx::StringStringEntryProto entry;
    if (!entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
      return damaged("a weight is damaged");
    if (entry.key() == "location") {
      if (has_location) return damaged("a weight lies in two places");
      SLIPWAY_TRY(check_location(entry.value()));
      found.location = entry.value();
      has_location = true;
    } else if (entry.key() == "offset") {
      SLIPWAY_ASSIGN_OR_RETURN(found.offset, read_number(entry.value()));
    } else if (entry.key() == "length") {
      SLIPWAY_ASSIGN_OR_RETURN(found.length, read_number(entry.value()));
    }
  }
  if (!has_location) return damaged("a weight outside the model has no location");
  return std::optional<ExternalTensor>(std::move(found));
}

}  // namespace slipway::graph
