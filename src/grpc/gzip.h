// gzip of single messages.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "grpc/message.h"

namespace slipway::grpc {

/// Appends the gzip form of `text` to `out`; quickly rather than small (level 1).
void gzip(std::string_view text, std::string& out);

/// Appends what `packed` unfolds to. Errors: grpc.message_compression (damaged, cut short, or something
/// behind it), grpc.message_too_large (beyond the limits of size or ratio).
Status gunzip(std::string_view packed, const Limits& limits, std::string& out);

}  // namespace slipway::grpc
