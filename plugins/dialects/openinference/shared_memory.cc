#include "plugins/dialects/openinference/shared_memory.h"

#include <string>
#include <utility>
#include <vector>

#include "contracts/dialect/shared_memory.h"
#include "json/json.h"
#include "json/writer.h"
#include "openinference/shared_tensors.h"
#include "plugins/dialects/openinference/fields.h"
#include "plugins/dialects/openinference/wire.h"

namespace slipway::openinference {
namespace {

using dialect::SharedRegion;

std::string write_status(const std::vector<SharedRegion>& regions) {
  std::string body;
  json::Writer out(body);
  out.begin_array();
  for (const SharedRegion& region : regions) {
    out.begin_object();
    out.field("name", std::string_view(region.name));
    out.field("key", std::string_view(region.key));
    out.field("offset", region.offset);
    out.field("byte_size", region.byte_size);
    out.end_object();
  }
  out.end_array();
  return body;
}

Result<SharedRegion> read_region(std::string_view name, const dialect::Exchange& exchange) {
  json::Parser parser;
  SLIPWAY_ASSIGN_OR_RETURN(const json::Value document, parser.parse_padded(as_text(exchange.body())));
  SLIPWAY_ASSIGN_OR_RETURN(const Fields fields, Fields::of(document, "the request"));
  SharedRegion region;
  region.name = name;
  SLIPWAY_ASSIGN_OR_RETURN(const std::string_view key, fields.text("key"));
  region.key = key;
  SLIPWAY_ASSIGN_OR_RETURN(region.byte_size, fields.count("byte_size"));
  if (fields.find("offset")) {
    SLIPWAY_ASSIGN_OR_RETURN(region.offset, fields.count("offset"));
  }
  return region;
}

Status add_region(const dialect::Host& host, std::string_view name, const dialect::Exchange& exchange) {
  SLIPWAY_ASSIGN_OR_RETURN(SharedRegion region, read_region(name, exchange));
  return host.shared_memory->add(std::move(region));
}

/// False, and answered, where shared memory is not allowed.
bool allowed(const dialect::Host& host, dialect::Exchange& exchange) {
  if (host.shared_memory != nullptr) return true;
  respond_error(no_shared_memory("shared memory"), exchange);
  return false;
}

}  // namespace

void shared_memory_status(const dialect::Host& host, std::string_view name, dialect::Exchange& exchange) {
  if (!allowed(host, exchange)) return;
  const auto regions = host.shared_memory->list(name);
  if (!regions.ok()) return respond_error(regions.error(), exchange);
  respond_json(200, write_status(*regions), exchange);
}

void register_shared_memory(const dialect::Host& host, std::string_view name, dialect::Exchange& exchange) {
  if (!allowed(host, exchange)) return;
  const Status added = add_region(host, name, exchange);
  if (!added.ok()) return respond_error(added.error(), exchange);
  respond_json(200, "{}", exchange);
}

void unregister_shared_memory(const dialect::Host& host, std::string_view name, dialect::Exchange& exchange) {
  if (!allowed(host, exchange)) return;
  host.shared_memory->remove(name);
  respond_json(200, "{}", exchange);
}

}  // namespace slipway::openinference
