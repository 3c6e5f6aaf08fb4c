#include "plugins/dialects/openinference_grpc/descriptor.h"

#include "base/check.h"
#include "protobuf/reader.h"

namespace slipway::openinference_grpc {

std::vector<std::string> descriptor_files() {
  constexpr int kFile = 1;
  std::vector<std::string> files;
  protobuf::Reader reader(descriptor_set());
  protobuf::Field field;
  while (reader.next(field)) {
    if (field.is_bytes(kFile)) files.emplace_back(field.text());
  }
  SLIPWAY_CHECK(reader.ok());
  return files;
}

}  // namespace slipway::openinference_grpc
