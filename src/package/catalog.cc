#include "package/catalog.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "package/media_types.h"
#include "package/version.h"

namespace slipway::package {
namespace {

std::vector<StoredPackage> in_version_order(std::vector<StoredPackage> packages) {
  std::vector<DatedVersion> versions;
  for (const StoredPackage& package : packages) versions.push_back({package.version, package.packed});
  std::vector<StoredPackage> out;
  for (const std::size_t i : order_versions(versions)) out.push_back(std::move(packages[i]));
  return out;
}

Error no_such_name(const std::string& root, const PackageName& wanted,
                   const std::vector<StoredPackage>& packages) {
  std::vector<std::string> names;
  for (const StoredPackage& package : packages) names.push_back(package.name);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const std::string near = nearest(wanted.name, names);
  const std::string hint = !near.empty()   ? "; did you mean " + near + "?"
                           : names.empty() ? "; the store is empty: pack or copy a package first"
                                           : "; 'slipway list' shows those there are";
  return not_found("package.not_found", "no package '" + printable(wanted.name) + "' in " + root + hint);
}

}  // namespace

std::optional<StoredPackage> stored_package(const IndexEntry& entry) {
  const auto name = PackageName::parse(entry.manifest.annotation(kRefNameAnnotation));
  if (!name.ok() || name->version.empty() || name->digest) return std::nullopt;
  StoredPackage out;
  out.name = name->name;
  out.version = name->version;
  out.digest = entry.manifest.digest;
  out.packed = parse_time(entry.manifest.annotation(kCreatedAnnotation)).value_or(WallTime{});
  return out;
}

std::vector<StoredPackage> packages_of(const std::vector<IndexEntry>& entries) {
  std::map<std::string, std::vector<StoredPackage>> by_name;
  for (const IndexEntry& entry : entries) {
    if (auto package = stored_package(entry)) by_name[package->name].push_back(std::move(*package));
  }
  std::vector<StoredPackage> out;
  for (auto& [name, packages] : by_name) {
    for (StoredPackage& package : in_version_order(std::move(packages))) out.push_back(std::move(package));
  }
  return out;
}

Result<std::vector<StoredPackage>> select(const std::string& root, const PackageName& wanted,
                                          const std::vector<StoredPackage>& packages) {
  std::vector<StoredPackage> named;
  std::set<std::string> names;
  for (const StoredPackage& package : packages) {
    if (!wanted.name.empty() && package.name != wanted.name) continue;
    names.insert(package.name);
    named.push_back(package);
  }
  if (named.empty()) return no_such_name(root, wanted, packages);
  if (names.size() > 1) {
    const std::vector<std::string> list(names.begin(), names.end());
    return invalid_argument("package.ambiguous",
                            root + " holds several packages: " + join_words(list) + "; name one");
  }
  std::vector<StoredPackage> out;
  std::vector<std::string> versions;
  for (const StoredPackage& package : named) {
    versions.push_back(package.version);
    if (wanted.version.empty() || package.version == wanted.version) out.push_back(package);
  }
  if (out.empty()) {
    return not_found("package.version_not_found", "no version '" + printable(wanted.version) + "' of " +
                                                      named.front().name + " in " + root + "; there are " +
                                                      join_words(versions));
  }
  if (!wanted.digest) return out;
  std::erase_if(out, [&wanted](const StoredPackage& package) { return package.digest != *wanted.digest; });
  if (!out.empty()) return out;
  return not_found("package.digest_not_found",
                   "no " + wanted.to_string() + " in " + root + ": the name stands for another digest there");
}

Status add_package(std::vector<IndexEntry>& entries, StoredPackage& package, const Descriptor& manifest,
                   IfTaken if_taken) {
  IndexEntry entry{manifest, ""};
  entry.manifest.annotations.clear();
  entry.manifest.annotations.emplace(kRefNameAnnotation, package.to_string());
  entry.manifest.annotations.emplace(kCreatedAnnotation, format_time(package.packed));
  const auto same_name = std::find_if(entries.begin(), entries.end(), [&package](const IndexEntry& each) {
    return each.manifest.annotation(kRefNameAnnotation) == package.to_string();
  });
  if (same_name == entries.end()) {
    entries.push_back(std::move(entry));
  } else if (same_name->manifest.digest == manifest.digest) {
    package.packed = parse_time(same_name->manifest.annotation(kCreatedAnnotation)).value_or(package.packed);
  } else if (if_taken == IfTaken::kReplace) {
    *same_name = std::move(entry);
  } else {
    return already_exists("package.version_taken", package.to_string() +
                                                       " is another package there already (" +
                                                       same_name->manifest.digest.to_string() +
                                                       "); give this one another version, or replace it");
  }
  return {};
}

}  // namespace slipway::package
