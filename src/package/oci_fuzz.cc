// The first byte chooses the document: a store's index, a package's manifest, a model config.

#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "package/catalog.h"
#include "package/oci.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::package;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 'm') {
    const auto manifest = decode_oci_manifest(text);
    if (manifest.ok()) SLIPWAY_CHECK(decode_oci_manifest(encode_oci_manifest(*manifest)).ok());
  } else if (data[0] == 'c') {
    const auto config = decode_model_config(text);
    if (config.ok()) SLIPWAY_CHECK(decode_model_config(encode_model_config(*config)).ok());
  } else {
    const auto index = decode_index(text);
    if (!index.ok()) return 0;
    const auto again = decode_index(encode_index(*index));
    SLIPWAY_CHECK(again.ok() && again->size() == index->size());
    SLIPWAY_CHECK(packages_of(*again).size() == packages_of(*index).size());
  }
  return 0;
}
