// The tree that a settings file is read into: every value and key with its place. yaml-cpp is known to
// yaml.cc alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace slipway::config::internal {

/// Units: lines and columns count from 1; columns count bytes.
struct Mark {
  int line = 1;
  int column = 1;
};

struct Node {
  enum class Kind : std::uint8_t { kNull, kScalar, kList, kMap };
  struct Member;

  Node();
  Node(Kind kind, Mark mark);

  Kind kind = Kind::kNull;
  Mark mark;
  bool quoted = false;          ///< a scalar written in quotes or as a block
  std::string text;             ///< of a scalar, as written
  std::vector<Node> items;      ///< of a list
  std::vector<Member> members;  ///< of a map, in the order written, duplicates included
};

struct Node::Member {
  std::string key;
  Mark mark;
  Node value;
};

// Only here is a vector of members something that the compiler can make; clang looks.
inline Node::Node() = default;
inline Node::Node(Kind the_kind, Mark the_mark) : kind(the_kind), mark(the_mark) {}

inline constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20U;
inline constexpr std::size_t kMaxDepth = 32;
inline constexpr std::size_t kMaxNodes = 100'000;

/// Reads one YAML document. Refuses what settings have no use for and attackers have: anchors, aliases, tags,
/// several documents, and anything above the caps. An empty text is a null node. Errors: config.syntax, with
/// one fault that names the place.
Result<Node> read_yaml(std::string_view text, std::string_view file_name);

/// "file:line:column".
std::string place(std::string_view file_name, Mark mark);

}  // namespace slipway::config::internal
