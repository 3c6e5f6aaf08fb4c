#include "shared_memory/regions_testing.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/check.h"

namespace slipway::shared_memory::testing {

ObjectFolder::ObjectFolder() : path_((std::filesystem::temp_directory_path() / "objects-XXXXXX").string()) {
  SLIPWAY_CHECK(::mkdtemp(path_.data()) != nullptr);
}

ObjectFolder::~ObjectFolder() {
  std::error_code ignored;  // what stays behind is in the folder for what may be removed
  std::filesystem::remove_all(path_, ignored);
}

void ObjectFolder::put(std::string_view key, std::string_view bytes) const {
  std::ofstream file(path_of(key), std::ios::binary);
  file << bytes;
  SLIPWAY_CHECK(file.good());
}

std::string ObjectFolder::content(std::string_view key) const {
  std::ifstream file(path_of(key), std::ios::binary);
  SLIPWAY_CHECK(file.good());
  return {std::istreambuf_iterator<char>(file), {}};
}

std::unique_ptr<dialect::SharedMemory> ObjectFolder::regions(Options options) const {
  options.unsafe_by_name = true;
  options.folder = path_;
  return make_regions(std::move(options));
}

}  // namespace slipway::shared_memory::testing
