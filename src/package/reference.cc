#include "package/reference.h"

#include <algorithm>

#include "base/text.h"

namespace slipway::package {
namespace {

constexpr std::size_t kMaxReferenceBytes = 4096;

Error bad_reference(std::string_view text, std::string_view why) {
  return invalid_argument("package.reference",
                          "'" + printable(text, 200) + "' names no package: " + std::string(why) +
                              "; write name, name:version, name@sha256:..., a path, or an address such as "
                              "file:///models/wine:1.2.0");
}

/// The position behind "scheme://", or 0. Source: RFC 3986, section 3.1.
std::size_t scheme_end(std::string_view text) {
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos || colon == 0) return 0;
  const std::string_view scheme = text.substr(0, colon);
  const bool fine =
      scheme[0] >= 'a' && scheme[0] <= 'z' && std::all_of(scheme.begin(), scheme.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
      });
  return fine ? colon + 3 : 0;
}

/// Splits "folder/name:version" where the last part, from `begin` on, names a package.
Status take_package(std::string_view text, std::size_t begin, Reference& reference) {
  const std::size_t slash = text.rfind('/');
  const std::size_t last = slash == std::string_view::npos ? 0 : slash + 1;
  // Right behind a scheme stands a host, perhaps with a port.
  if ((begin != 0 && last <= begin) || text.find_first_of(":@", last) == std::string_view::npos) {
    reference.location = text;
    return {};
  }
  SLIPWAY_ASSIGN_OR_RETURN(reference.package, PackageName::parse(text.substr(last)));
  // "file:///x:1" and "/x:1" keep their root.
  reference.location = text.substr(0, slash == begin ? last : slash);
  return {};
}

}  // namespace

Result<PackageName> PackageName::parse(std::string_view text) {
  const std::string_view whole = text;
  PackageName out;
  if (const std::size_t at = text.find('@'); at != std::string_view::npos) {
    const auto digest = crypto::Digest::parse(text.substr(at + 1));
    if (!digest.ok())
      return bad_reference(whole, "what follows '@' is no digest (sha256: and 64 hexadecimal digits)");
    out.digest = *digest;
    text = text.substr(0, at);
  }
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    out.version = text.substr(colon + 1);
    const Status status = check_name("version", out.version);
    if (!status.ok()) return bad_reference(whole, status.error().message());
    text = text.substr(0, colon);
  }
  out.name = text;
  const Status status = check_name("name", out.name);
  if (!status.ok()) return bad_reference(whole, status.error().message());
  return out;
}

std::string PackageName::to_string() const {
  std::string text = name;
  if (!version.empty()) text += ":" + version;
  if (digest) text += "@" + digest->to_string();
  return text;
}

Result<Reference> parse_reference(std::string_view text,
                                  const std::function<bool(const std::string&)>& path_exists) {
  if (text.empty()) return bad_reference(text, "it is empty");
  if (text.size() > kMaxReferenceBytes) return bad_reference(text, "it is too long");
  if (!is_utf8(text) || std::any_of(text.begin(), text.end(), [](char c) { return c >= 0 && c < 0x20; })) {
    return bad_reference(text, "it holds control characters or broken UTF-8");
  }
  Reference reference;
  if (const std::size_t begin = scheme_end(text); begin != 0) {
    if (begin == text.size()) return bad_reference(text, "nothing follows the scheme");
    reference.kind = Reference::Kind::kStore;
    SLIPWAY_TRY(take_package(text, begin, reference));
    return reference;
  }
  if (path_exists(std::string(text))) {
    reference.kind = Reference::Kind::kPath;
    reference.location = text;
    return reference;
  }
  if (text.find('/') != std::string_view::npos) {
    reference.kind = Reference::Kind::kPath;
    SLIPWAY_TRY(take_package(text, 0, reference));
    return reference;
  }
  SLIPWAY_ASSIGN_OR_RETURN(reference.package, PackageName::parse(text));
  return reference;
}

}  // namespace slipway::package
