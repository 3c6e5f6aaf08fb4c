// Which dimensions of a model are free, and what a person declares about them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "tensor/signature.h"

namespace slipway::packing {

using DeclaredShapes = std::map<std::string, Shape>;

/// True when every input starts with a free dimension, which is then taken for the batch.
[[nodiscard]] bool starts_with_batch(const Signature& signature);

/// The signature with declared input shapes in place of free dimensions; the batch dimension stays free.
/// Errors: packing.shape with all faults: an unknown input (did you mean), another rank, a fixed dimension
/// contradicted, a dimension below 1.
Result<Signature> apply_shapes(const Signature& signature, const DeclaredShapes& shapes);

/// Errors: packing.shape_ambiguous when an input has a free dimension besides the batch, naming each with the
/// model's own name for it (`model` is the file, for those) and saying how to declare it.
Status check_unambiguous(const Signature& signature, ByteView model);

/// "input=1,3,224,224" as on the command line. Errors: packing.shape.
Result<std::pair<std::string, Shape>> parse_shape(std::string_view text);

}  // namespace slipway::packing
