// A store keeps objects under keys. One folder under plugins/stores/ implements it for one kind of address.
//
// Keys: 1 to 1024 bytes, parts of [A-Za-z0-9._-] joined by "/", none of them "." or "..", none starting with
// ".".
//
// Promises:
//   - an object appears under its key whole, in one step, or not at all; a reader sees the old content or the
//   new one;
//   - of two conditional puts that race, at most one wins, and the other gets store.condition;
//   - what get() and stat() give was put; nothing is made up: a failed call gives an Error and no data;
//   - list() shows a finished put at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "io/filesystem.h"

namespace slipway::store {

/// Errors: store.key.
Status check_key(std::string_view key);

struct ObjectInfo {
  std::string key;
  std::uint64_t size_bytes = 0;
  std::string etag;  ///< changes whenever the content does; opaque
};

/// Takes the next part of an object; an Error ends the call that gives it.
using Sink = std::function<Status(ByteView)>;

struct PutOptions {
  enum class Condition : std::uint8_t {
    kNone,      ///< replaces what is there
    kIfAbsent,  ///< store.condition when the key exists
    kIfMatch    ///< store.condition unless the object has `etag`
  };
  Condition condition = Condition::kNone;
  std::string etag;
  /// Names the content, such as its digest in hexadecimal. An upload that ends without commit() is then kept,
  /// and the next one with the same id goes on behind it. Empty = nothing is kept. Range: a key's part.
  std::string resume_id;
};

/// An object on its way in. Destroyed without commit(): nothing appears. Thread: external lock.
class Upload {
 public:
  virtual ~Upload() = default;
  /// Bytes that an earlier upload left, which come before everything written here.
  [[nodiscard]] virtual std::uint64_t kept_bytes() const = 0;
  /// Hands over the kept bytes, so that the caller can hash them.
  virtual Status read_kept(const Sink& sink) = 0;
  virtual Status write(ByteView bytes) = 0;
  /// Makes the object appear. Once, last. Errors: store.condition, store.incomplete (the store checks what it
  /// is given and misses something that it refers to).
  virtual Status commit() = 0;
  /// Throws away what was written and what was kept.
  virtual void discard() = 0;
};

/// Thread: safe.
class Store {
 public:
  virtual ~Store() = default;
  /// For messages; without secrets.
  [[nodiscard]] virtual const std::string& address() const = 0;

  /// Errors: store.not_found.
  virtual Result<ObjectInfo> stat(std::string_view key) = 0;
  /// Hands over the object's bytes from `offset`, at most `length`, in order and in parts. An offset at its
  /// end gives nothing. Errors: store.not_found, store.range (behind the end); the sink's.
  virtual Status get(std::string_view key, std::uint64_t offset, std::uint64_t length, const Sink& sink) = 0;
  /// Errors: store.read_only, store.full; a condition that cannot hold may be told here or by commit().
  virtual Result<std::unique_ptr<Upload>> begin_put(std::string_view key, const PutOptions& options) = 0;
  /// Objects whose keys start with `prefix` (which may be empty, or end within a part), in the order of their
  /// keys.
  virtual Result<std::vector<ObjectInfo>> list(std::string_view prefix) = 0;
  /// Errors: store.not_found.
  virtual Status remove(std::string_view key) = 0;
};

inline constexpr std::uint64_t kWhole = ~std::uint64_t{0};

struct Object {
  std::string content;
  std::string etag;
};
/// A small object as a whole. Errors: store.too_large; those of stat() and get().
Result<Object> get_all(Store& store, std::string_view key, std::uint64_t max_bytes);
/// begin_put(), write(), commit().
Status put_all(Store& store, std::string_view key, ByteView content, const PutOptions& options = {});

enum class OpenMode : std::uint8_t {
  kRead,   ///< store.not_found where there is no store
  kCreate  ///< makes it where there is none
};

/// Opens stores of one kind. Thread: safe.
class StoreFactory {
 public:
  virtual ~StoreFactory() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// The schemes of its addresses, such as "s3"; "" stands for a plain path.
  [[nodiscard]] virtual std::vector<std::string> schemes() const = 0;
  /// Errors: store.address, store.not_found; the store's own.
  virtual Result<std::unique_ptr<Store>> open(const std::string& address, OpenMode mode) = 0;
};

/// What the program gives each factory. Borrows: all of it, for the factory's life and its stores'.
struct Host {
  const Clock* clock = nullptr;
  Logger* logger = nullptr;
  io::FileSystem* files = nullptr;
};

}  // namespace slipway::store
