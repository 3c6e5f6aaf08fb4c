// What a file that no backend takes really is, and the way to a model that can be packed.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace slipway::packing {

struct FileKind {
  std::string_view what;     ///< "a Python pickle"; empty = unknown
  std::string_view way_out;  ///< what to do instead
};

/// Tells by content, never by suffix. Cost: the first bytes, and a search of 64 KiB at each end.
[[nodiscard]] FileKind recognise(ByteView file);

/// Errors: packing.pickle for anything that would execute code when it is loaded, packing.unknown_model
/// otherwise.
[[nodiscard]] Error refuse_file(std::string_view name, ByteView file);

}  // namespace slipway::packing
