// Any bytes: reading gives an answer or an Error, and what an edit writes can be read again.

#include <cstdint>

#include "base/check.h"
#include "graph/compose.h"
#include "graph/onnx.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const slipway::ByteView file(reinterpret_cast<const std::byte*>(data), size);
  const auto info = slipway::graph::inspect(file);
  const auto edited = slipway::graph::flatten_maps(file);
  if (info.ok()) SLIPWAY_CHECK(slipway::graph::looks_like_onnx(file));
  if (info.ok() && edited.ok() && edited->has_value()) {
    const auto again = slipway::graph::inspect(slipway::as_bytes((*edited)->file));
    SLIPWAY_CHECK(again.ok());
    SLIPWAY_CHECK(again->inputs.size() == info->inputs.size());
    SLIPWAY_CHECK(again->outputs.size() == info->outputs.size());
  }
  if (info.ok() && slipway::graph::value_names(file).ok()) {
    slipway::graph::Composition nothing;
    for (const auto& output : info->outputs) nothing.outputs.emplace_back(output.name);
    const auto composed = slipway::graph::compose(file, nothing);
    SLIPWAY_CHECK(composed.ok());
    const auto again = slipway::graph::inspect(slipway::as_bytes(*composed));
    SLIPWAY_CHECK(again.ok() && again->nodes == info->nodes);
  }
  return 0;
}
