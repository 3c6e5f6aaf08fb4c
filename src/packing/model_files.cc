#include "packing/model_files.h"

#include <algorithm>

#include "graph/onnx.h"
#include "io/file_helpers.h"

namespace slipway::packing {

Result<std::unique_ptr<FolderModelFiles>> FolderModelFiles::open(io::FileSystem& fs, std::string folder,
                                                                 std::string main) {
  std::unique_ptr<FolderModelFiles> files(new FolderModelFiles(fs, std::move(folder), std::move(main)));
  SLIPWAY_ASSIGN_OR_RETURN(const ByteView content, files->read(files->main()));
  if (graph::looks_like_onnx(content)) {
    // A model that cannot be read is the backend's to refuse.
    const auto info = graph::inspect(content);
    for (const graph::ExternalTensor& tensor :
         info.ok() ? info->external : std::vector<graph::ExternalTensor>()) {
      auto& names = files->names_;
      if (std::find(names.begin(), names.end(), tensor.location) == names.end())
        names.push_back(tensor.location);
    }
  }
  return files;
}

Result<ByteView> FolderModelFiles::read(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  if (const auto found = contents_.find(name); found != contents_.end()) return as_bytes(found->second);
  if (std::find(names_.begin(), names_.end(), name) == names_.end()) {
    return not_found("model.file_missing", "the model has no file '" + std::string(name) + "'");
  }
  auto file = fs_.open_beneath(folder_, name);
  if (!file.ok() && file.code() == Code::kNotFound) {
    return not_found("model.file_missing", "there is no file '" + io::join_path(folder_, name) + "'");
  }
  if (!file.ok()) return file.error();
  SLIPWAY_ASSIGN_OR_RETURN(std::string content, io::read_all(**file, name, kMaxFileBytes));
  return as_bytes(contents_.emplace(std::string(name), std::move(content)).first->second);
}

void FolderModelFiles::replace_main(std::string content) {
  const std::lock_guard lock(mutex_);
  contents_.insert_or_assign(names_.front(), std::move(content));
}

}  // namespace slipway::packing
