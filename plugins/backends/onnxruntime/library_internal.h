// Finds and opens the ONNX Runtime library.
#pragma once

#include <onnxruntime_c_api.h>

#include <cstdint>
#include <span>
#include <string>

#include "base/error.h"

namespace slipway::onnxruntime {

/// An opened library. It stays in the process until its end: ONNX Runtime keeps thread-local state that does
/// not survive an unload.
struct Library {
  const OrtApi* api = nullptr;
  std::uint32_t api_version = 0;  ///< functions of later versions must not be called
  std::string version;            ///< "1.31.1"
  std::string where;              ///< its file
};

/// The first usable one in `dirs` (the program gives $SLIPWAY_HOME/backends), beside the program, in
/// ../lib/slipway from there, and where the loader looks. In a folder with several, the highest version.
/// Errors: backend.unavailable with every place that was looked at and what to do.
Result<Library> open_library(std::span<const std::string> dirs);

/// Opens this file. Errors: backend.unavailable when it is no ONNX Runtime or an old one.
Result<Library> open_file(const std::string& file);

}  // namespace slipway::onnxruntime
