// What the protobuf files of gRPC services hold, by name: for server reflection, and to know which services
// there are.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace slipway::grpc {

/// An index over serialised google.protobuf.FileDescriptorProto. Thread: safe, since it does not change.
class Descriptors {
 public:
  /// Of two files of one name the first counts. Errors: grpc.descriptor (no file descriptor, or an import
  /// that is not among them).
  static Result<Descriptors> create(std::vector<std::string> files);

  /// Full names, sorted.
  [[nodiscard]] const std::set<std::string, std::less<>>& services() const { return services_; }
  [[nodiscard]] bool is_message(std::string_view full_name) const { return messages_.contains(full_name); }

  /// The file of that name, or in which a message, enum, enum value, field, service or method of that full
  /// name is; its imports and theirs behind it, each once. Nothing when it is not known. Borrows: this.
  [[nodiscard]] std::optional<std::vector<std::string_view>> file_named(std::string_view name) const;
  [[nodiscard]] std::optional<std::vector<std::string_view>> file_with(std::string_view full_name) const;

 private:
  struct File {
    std::string bytes;
    std::string name;
    std::vector<std::string> imports;
  };
  class Indexer;

  [[nodiscard]] std::vector<std::string_view> with_imports(std::size_t file) const;

  std::vector<File> files_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  std::map<std::string, std::size_t, std::less<>> by_symbol_;
  std::set<std::string, std::less<>> services_;
  std::set<std::string, std::less<>> messages_;
};

}  // namespace slipway::grpc
