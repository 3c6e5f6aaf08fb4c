#include "serving/router.h"

#include <optional>
#include <utility>

#include "base/text.h"
#include "grpc/call.h"
#include "json/writer.h"
#include "serving/control_guard.h"

namespace slipway::serving {

/// One segment of the paths that are known. A text child is tried before the {name} child.
struct Router::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
  std::unique_ptr<Node> any;  // a {name}
  std::map<dialect::Method, Target> targets;
};

namespace {

// Takes the next segment off `path` ("/v2/models" -> "v2", leaving "/models"); nothing at the end.
std::optional<std::string_view> next_segment(std::string_view& path) {
  if (path.empty() || path.front() != '/') return std::nullopt;
  path.remove_prefix(1);
  const std::size_t end = path.find('/');
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end == std::string_view::npos ? path.size() : end);
  return segment;
}

std::string_view first_segment(std::string_view path) { return next_segment(path).value_or(""); }

// Errors of the router itself, in the shape that is common to the dialects: {"error": "..."}.
void answer_plainly(dialect::Exchange& exchange, int status, std::span<const dialect::Header> headers,
                    std::string_view message) {
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  writer.field("error", message);
  writer.end_object();
  std::vector<dialect::Header> all(headers.begin(), headers.end());
  all.push_back({"Content-Type", "application/json"});
  exchange.respond(status, all, std::move(body));
}

}  // namespace

Router::Router(Listener listener) : listener_(listener), root_(std::make_unique<Node>()) {}
Router::~Router() = default;

Status Router::add(dialect::Dialect& dialect) {
  for (const dialect::Route& route : dialect.routes()) {
    if (listener_ == Listener::kAdmin && route.reach != dialect::Reach::kControl) continue;
    Node* node = root_.get();
    std::string_view rest = route.pattern;
    while (const auto segment = next_segment(rest)) {
      const bool names_value = segment->size() > 2 && segment->front() == '{' && segment->back() == '}';
      auto& child = names_value ? node->any : node->children[std::string(*segment)];
      if (child == nullptr) child = std::make_unique<Node>();
      node = child.get();
    }
    if (!rest.empty() || node == root_.get()) {
      return internal_error("router.pattern", "the route \"" + route.pattern + "\" does not start with '/'");
    }
    if (!node->targets.try_emplace(route.method, Target{&dialect, route.id, route.reach, route.streaming})
             .second) {
      return internal_error(
          "router.conflict",
          "two routes are " + std::string(dialect::method_name(route.method)) + " " + route.pattern);
    }
    owners_.try_emplace(std::string(first_segment(route.pattern)), &dialect);
  }
  return {};
}

const Router::Node* Router::walk(std::string_view path, std::vector<std::string_view>& values) const {
  const Node* node = root_.get();
  while (const auto segment = next_segment(path)) {
    const auto child = node->children.find(*segment);
    if (child != node->children.end()) {
      node = child->second.get();
    } else if (node->any != nullptr && !segment->empty()) {
      values.push_back(*segment);
      node = node->any.get();
    } else {
      return nullptr;
    }
  }
  return path.empty() ? node : nullptr;
}

bool Router::streams(dialect::Method method, std::string_view path) const {
  std::vector<std::string_view> values;
  const Node* node = walk(path, values);
  if (node == nullptr) return false;
  const auto target = node->targets.find(method);
  return target != node->targets.end() && target->second.streaming;
}

void Router::refuse(const Error& error, std::unique_ptr<dialect::Exchange> exchange) const {
  if (dialect::is_grpc(exchange->header("content-type").value_or(""))) {
    grpc::refuse(error, *exchange);
    return;
  }
  const auto owner = owners_.find(first_segment(exchange->path()));
  if (owner != owners_.end()) {
    owner->second->refuse(error, std::move(exchange));
  } else {
    answer_plainly(*exchange, dialect::http_status(error.code()), {}, error.message());
  }
}

void Router::route(std::unique_ptr<dialect::Exchange> exchange) const {
  std::vector<std::string_view> values;
  const std::string_view path = exchange->path();
  const Node* node = walk(path, values);
  const bool is_call = dialect::is_grpc(exchange->header("content-type").value_or(""));
  if (is_call && (node == nullptr || !node->targets.contains(exchange->method()))) {
    grpc::refuse(unimplemented("grpc.no_method", "there is no method " + printable(path)), *exchange);
    return;
  }
  if (node == nullptr || node->targets.empty()) {
    refuse(not_found("http.no_route", "there is nothing at " + printable(path)), std::move(exchange));
    return;
  }
  const dialect::Method method =
      exchange->method() == dialect::Method::kHead ? dialect::Method::kGet : exchange->method();
  const auto target = node->targets.find(method);
  if (target == node->targets.end()) {
    std::string allow = "OPTIONS";
    for (const auto& [known, unused] : node->targets) {
      allow += ", " + std::string(dialect::method_name(known));
      if (known == dialect::Method::kGet) allow += ", HEAD";
    }
    const dialect::Header header{"Allow", allow};
    if (method == dialect::Method::kOptions) {
      exchange->respond(204, {&header, 1}, "");
    } else {
      answer_plainly(*exchange, 405, {&header, 1}, "this path answers " + allow);
    }
    return;
  }
  if (target->second.reach == dialect::Reach::kControl) {
    Status allowed = check_control(*exchange);
    if (listener_ == Listener::kInference && !exchange->local()) {
      allowed = permission_denied(
          "http.control",
          "loading and unloading is for the admin listener, or for callers on the same machine");
    }
    if (!allowed.ok()) {
      refuse(allowed.error(), std::move(exchange));
      return;
    }
  }
  target->second.dialect->handle(target->second.route_id, values, std::move(exchange));
}

}  // namespace slipway::serving
