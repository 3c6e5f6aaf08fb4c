// Models that lie in folders as other servers keep them: NAME/VERSION/model.onnx, or one bare file.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "io/filesystem.h"
#include "serving/source.h"

namespace slipway::serving {

/// One model file as version "1". Files beside it are found by the model's own references (external data), by
/// plain name. The content is read into memory while it loads, since a file outside a store may be
/// overwritten in place. Borrows: files.
std::unique_ptr<ModelSource> make_file_source(io::FileSystem& files, std::string path);

/// The folder NAME of a model repository: each folder in it that holds model files is a version. In a
/// version's folder the model is `model.onnx` (or whatever `model.*` is the only one), else the only file.
/// Triton's config.pbtxt and files beside the version folders are left alone. Borrows: files.
std::unique_ptr<ModelSource> make_folder_source(io::FileSystem& files, std::string folder);

/// A folder of such folders. Links are not followed. Borrows: files.
std::unique_ptr<ModelRepository> make_folder_repository(io::FileSystem& files, std::string root);

}  // namespace slipway::serving
