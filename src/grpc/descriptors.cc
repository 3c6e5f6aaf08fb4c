#include "grpc/descriptors.h"

#include <utility>

#include "base/text.h"
#include "protobuf/reader.h"

namespace slipway::grpc {
namespace {

constexpr int kMaxNesting = 100;  // as the protobuf library

// Field numbers of google/protobuf/descriptor.proto.
namespace file_field {
constexpr int kName = 1, kPackage = 2, kImport = 3, kMessage = 4, kEnum = 5, kService = 6, kExtension = 7;
}
namespace message_field {
constexpr int kField = 2, kNested = 3, kEnum = 4, kExtension = 6, kOneof = 8;
}
constexpr int kName = 1;  // of everything that has a name
constexpr int kEnumValue = 2;
constexpr int kMethod = 2;

Error damaged() { return internal_error("grpc.descriptor", "a file descriptor is damaged"); }

// The text of a field; of several the last, as protobuf reads them.
Result<std::string> text_of(ByteView message, int number) {
  std::string text;
  protobuf::Reader reader(message);
  for (protobuf::Field field; reader.next(field);) {
    if (field.is_bytes(number)) text = field.text();
  }
  if (!reader.ok()) return damaged();
  return text;
}

std::string joined(std::string_view scope, std::string_view name) {
  std::string out(scope);
  if (!out.empty()) out += '.';
  return out.append(name);
}

}  // namespace

/// Puts one file's names into the index.
class Descriptors::Indexer {
 public:
  Indexer(Descriptors& index, std::size_t file) : index_(index), file_(file) {}

  Status add_file(ByteView bytes) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string package, text_of(bytes, file_field::kPackage));
    protobuf::Reader reader(bytes);
    for (protobuf::Field field; reader.next(field);) {
      if (field.is_bytes(file_field::kImport)) {
        index_.files_[file_].imports.emplace_back(field.text());
      } else if (field.is_bytes(file_field::kMessage)) {
        SLIPWAY_TRY(add_message(field.bytes, package, 0));
      } else if (field.is_bytes(file_field::kEnum)) {
        SLIPWAY_TRY(add_enum(field.bytes, package));
      } else if (field.is_bytes(file_field::kService)) {
        SLIPWAY_TRY(add_service(field.bytes, package));
      } else if (field.is_bytes(file_field::kExtension)) {
        SLIPWAY_TRY(add_name(field.bytes, package).status());
      }
    }
    return reader.ok() ? Status() : Status(damaged());
  }

 private:
  Result<std::string> add_name(ByteView bytes, std::string_view scope) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string name, text_of(bytes, kName));
    std::string full = joined(scope, name);
    index_.by_symbol_.try_emplace(full, file_);
    return full;
  }

  Status add_message(ByteView bytes, std::string_view scope, int depth) {
    if (depth > kMaxNesting) return damaged();
    SLIPWAY_ASSIGN_OR_RETURN(const std::string full, add_name(bytes, scope));
    index_.messages_.insert(full);
    protobuf::Reader reader(bytes);
    for (protobuf::Field field; reader.next(field);) {
      if (field.is_bytes(message_field::kNested)) {
        SLIPWAY_TRY(add_message(field.bytes, full, depth + 1));
      } else if (field.is_bytes(message_field::kEnum)) {
        SLIPWAY_TRY(add_enum(field.bytes, full));
      } else if (field.is_bytes(message_field::kField) || field.is_bytes(message_field::kExtension) ||
                 field.is_bytes(message_field::kOneof)) {
        SLIPWAY_TRY(add_name(field.bytes, full).status());
      }
    }
    return {};  // text_of() has read all of it
  }

  // Values of an enum stand beside it, not in it.
  Status add_enum(ByteView bytes, std::string_view scope) {
    SLIPWAY_TRY(add_name(bytes, scope).status());
    protobuf::Reader reader(bytes);
    for (protobuf::Field field; reader.next(field);) {
      if (field.is_bytes(kEnumValue)) SLIPWAY_TRY(add_name(field.bytes, scope).status());
    }
    return {};
  }

  Status add_service(ByteView bytes, std::string_view scope) {
    SLIPWAY_ASSIGN_OR_RETURN(const std::string full, add_name(bytes, scope));
    index_.services_.insert(full);
    protobuf::Reader reader(bytes);
    for (protobuf::Field field; reader.next(field);) {
      if (field.is_bytes(kMethod)) SLIPWAY_TRY(add_name(field.bytes, full).status());
    }
    return {};
  }

  Descriptors& index_;
  std::size_t file_;
};

Result<Descriptors> Descriptors::create(std::vector<std::string> files) {
  Descriptors out;
  for (std::string& bytes : files) {
    SLIPWAY_ASSIGN_OR_RETURN(std::string name, text_of(as_bytes(bytes), file_field::kName));
    if (!out.by_name_.try_emplace(name, out.files_.size()).second) continue;
    out.files_.push_back({std::move(bytes), std::move(name), {}});
    SLIPWAY_TRY(Indexer(out, out.files_.size() - 1).add_file(as_bytes(out.files_.back().bytes)));
  }
  for (const File& file : out.files_) {
    for (const std::string& import : file.imports) {
      if (out.by_name_.contains(import)) continue;
      return internal_error("grpc.descriptor", printable(file.name) + " imports " + printable(import) +
                                                   ", which is not described");
    }
  }
  return out;
}

std::vector<std::string_view> Descriptors::with_imports(std::size_t file) const {
  std::vector<std::size_t> order{file};
  std::set<std::size_t> known{file};
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (const std::string& import : files_[order[i]].imports) {
      const std::size_t found = by_name_.at(import);
      if (known.insert(found).second) order.push_back(found);
    }
  }
  std::vector<std::string_view> out;
  out.reserve(order.size());
  for (const std::size_t i : order) out.push_back(files_[i].bytes);
  return out;
}

std::optional<std::vector<std::string_view>> Descriptors::file_named(std::string_view name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return std::nullopt;
  return with_imports(found->second);
}

std::optional<std::vector<std::string_view>> Descriptors::file_with(std::string_view full_name) const {
  const auto found = by_symbol_.find(full_name);
  if (found == by_symbol_.end()) return std::nullopt;
  return with_imports(found->second);
}

}  // namespace slipway::grpc
