// From a method and a path to the dialect that answers there.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "contracts/dialect/dialect.h"

namespace slipway::serving {

/// The routes of one listener. Built once, then read only. Thread: route() is safe.
class Router {
 public:
  enum class Listener : std::uint8_t {
    kInference,  ///< control routes answer callers on loopback only
    kAdmin  ///< control routes answer everybody; inference routes are there too only if they are also control
            ///< routes
  };
  explicit Router(Listener listener);
  ~Router();

  /// Adds a dialect's routes. Borrows: the dialect.
  /// Errors: router.pattern (a malformed pattern), router.conflict (two dialects claim one method and
  /// pattern).
  Status add(dialect::Dialect& dialect);

  /// Answers through the dialect that owns the path; a gRPC call that nobody owns ends as unimplemented; 404
  /// and 403 in the words of the dialect that owns the path's first segment, 405 with Allow, 204 with Allow
  /// for OPTIONS. HEAD goes where GET goes. Cost: linear in the path.
  void route(std::unique_ptr<dialect::Exchange> exchange) const;

  /// True when the route there wants its request's body in pieces. Cost: linear in the path.
  [[nodiscard]] bool streams(dialect::Method method, std::string_view path) const;

  /// Answers with an error in the words of the dialect that owns the exchange's path, else plainly; a gRPC
  /// call by its status.
  void refuse(const Error& error, std::unique_ptr<dialect::Exchange> exchange) const;

 private:
  struct Target {
    dialect::Dialect* dialect = nullptr;
    int route_id = 0;
    dialect::Reach reach = dialect::Reach::kInference;
    bool streaming = false;
  };
  struct Node;
  [[nodiscard]] const Node* walk(std::string_view path, std::vector<std::string_view>& values) const;

  const Listener listener_;
  std::unique_ptr<Node> root_;
  std::map<std::string, dialect::Dialect*, std::less<>> owners_;  // by the first segment
};

}  // namespace slipway::serving
