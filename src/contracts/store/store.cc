#include "contracts/store/store.h"

#include <algorithm>

#include "base/text.h"

namespace slipway::store {
namespace {

bool is_part(std::string_view part) {
  return !part.empty() && part.size() <= 255 && part.front() != '.' &&
         std::all_of(part.begin(), part.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                  c == '_' || c == '-';
         });
}

bool is_key(std::string_view key) {
  if (key.size() > 1024) return false;
  while (true) {
    const std::size_t slash = key.find('/');
    if (!is_part(key.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    key.remove_prefix(slash + 1);
  }
}

}  // namespace

Status check_key(std::string_view key) {
  if (is_key(key)) return {};
  return invalid_argument("store.key", "'" + printable(key) +
                                           "' is no key: parts of letters, digits, '.', '_' and '-' are "
                                           "joined by '/', and none starts with '.'");
}

Result<Object> get_all(Store& store, std::string_view key, std::uint64_t max_bytes) {
  SLIPWAY_ASSIGN_OR_RETURN(const ObjectInfo info, store.stat(key));
  Object object{"", info.etag};
  SLIPWAY_TRY(store.get(key, 0, kWhole, [&](ByteView part) -> Status {
    if (object.content.size() + part.size() > max_bytes) {
      return resource_exhausted("store.too_large", std::string(key) + " in " + store.address() +
                                                       " is larger than " + human_bytes(max_bytes) +
                                                       ", which is the most that is read here");
    }
    object.content += as_text(part);
    return {};
  }));
  return object;
}

Status put_all(Store& store, std::string_view key, ByteView content, const PutOptions& options) {
  SLIPWAY_ASSIGN_OR_RETURN(const auto upload, store.begin_put(key, options));
  SLIPWAY_TRY(upload->write(content));
  return upload->commit();
}

}  // namespace slipway::store
