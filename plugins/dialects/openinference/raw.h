// Raw mode: a body that is the model's one input and nothing else.
// Source: Triton docs/protocol/extension_binary_data.md, "Raw Binary Request".
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "plugins/dialects/openinference/decode.h"

namespace slipway::openinference {

/// The one input of the signature, for one record: a free first dimension of two or more is 1, one other free
/// dimension follows from the size of the body. A BYTES input is one element, the body. All outputs are to be
/// written as binary data. Borrows: body.
/// Errors: v2.raw (another form of model, a body of the wrong size).
Result<Decoded> decode_raw(ByteView body, const DecodeContext& context);

}  // namespace slipway::openinference
