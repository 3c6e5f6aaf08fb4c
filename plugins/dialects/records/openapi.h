// The OpenAPI document of what is served. Source: OpenAPI Specification 3.1.0.
#pragma once

#include <span>
#include <string_view>

#include "contracts/dialect/dialect.h"
#include "json/writer.h"

namespace slipway::records {

/// Paths for each of `models` (one version per name), without and with a version.
void write_openapi(std::span<const dialect::ModelLease> models, std::string_view server_version,
                   json::Writer& out);

}  // namespace slipway::records
