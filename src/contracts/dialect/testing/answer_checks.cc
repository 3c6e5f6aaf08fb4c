#include "contracts/dialect/testing/answer_checks.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "base/text.h"
#include "json/json.h"

namespace slipway::dialect::testing {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// Source: RFC 9110, section 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || kMarks.find(c) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) != 0x7f);
  });
}

std::string header_faults(const Answer& answer) {
  static const std::set<std::string> kTransports = {"connection", "content-length",    "date",   "keep-alive",
                                                    "trailer",    "transfer-encoding", "upgrade"};
  std::string faults;
  std::set<std::string> seen;
  for (const auto& [name, value] : answer.headers) {
    const std::string key = lower(name);
    if (!is_token(name)) faults += "the header name \"" + printable(name) + "\" is no token\n";
    if (!is_field_value(value)) faults += name + " holds control characters: " + printable(value) + "\n";
    if (kTransports.contains(key)) faults += name + " is the transport's\n";
    if (!seen.insert(key).second) faults += name + " is there twice\n";
  }
  return faults;
}

bool is_json(std::string_view type) { return type == "application/json" || type.ends_with("+json"); }

std::string body_faults(const Answer& answer) {
  const std::string content_type = lower(answer.header("content-type"));
  const std::string type = content_type.substr(0, content_type.find(';'));
  if (answer.status == 204 || answer.status == 304)
    return answer.body.empty() ? "" : "this status has no body\n";
  if (type.empty()) return answer.body.empty() ? "" : "a body without Content-Type\n";
  if (is_json(type)) {
    json::Parser parser;
    if (const auto document = parser.parse(answer.body); !document.ok())
      return "no JSON: " + document.error().message() + ": " + printable(answer.body, 200) + "\n";
  } else if (type.starts_with("text/") && !is_utf8(answer.body)) {
    return "text that is no UTF-8\n";
  }
  return "";
}

// "/package.Service/Method", as gRPC writes its methods.
bool is_grpc_method(std::string_view pattern) {
  constexpr std::string_view kName = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  const std::size_t slash = pattern.find('/', 1);
  if (slash == std::string_view::npos || pattern.front() != '/') return false;
  std::string_view service = pattern.substr(1, slash - 1);
  const std::string_view method = pattern.substr(slash + 1);
  if (method.empty() || method.find_first_not_of(kName) != std::string_view::npos) return false;
  if (service.find('.') == std::string_view::npos) return false;
  for (std::size_t dot = 0; dot != std::string_view::npos;) {
    dot = service.find('.');
    const std::string_view part = service.substr(0, dot);
    if (part.empty() || part.find_first_not_of(kName) != std::string_view::npos) return false;
    service.remove_prefix(dot == std::string_view::npos ? 0 : dot + 1);
  }
  return true;
}

std::string pattern_faults(const std::string& pattern, std::string& shape) {
  if (is_grpc_method(pattern)) return shape = pattern, "";
  if (pattern == "/") return shape = "/", "";
  if (!pattern.starts_with('/') || pattern.ends_with('/')) return "starts with '/' and does not end with it";
  std::set<std::string> names;
  for (std::size_t at = 0; at < pattern.size();) {
    const std::size_t end = std::min(pattern.find('/', at + 1), pattern.size());
    const std::string segment = pattern.substr(at + 1, end - at - 1);
    at = end;
    const bool named = segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
    const std::string text = named ? segment.substr(1, segment.size() - 2) : segment;
    const bool plain = !text.empty() &&
                       text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-._") == std::string::npos;
    if (!plain || text == "." || text == "..") return "has the segment \"" + printable(segment) + "\"";
    if (named && !names.insert(text).second) return "has the name {" + text + "} twice";
    shape += named ? "/{}" : "/" + text;
  }
  return "";
}

}  // namespace

std::string answer_faults(const Answer& answer) {
  if (answer.answers != 1)
    return std::to_string(answer.answers) + " answers" + (answer.dropped ? ", dropped\n" : "\n");
  std::string faults;
  if (!answer.finished) faults += "begun, but not finished\n";
  if (!answer.let_go) faults += "answered, but the exchange is kept\n";
  if (answer.status < 200 || answer.status > 599)
    faults += "the status " + std::to_string(answer.status) + " is not final\n";
  return faults + header_faults(answer) + body_faults(answer);
}

std::string error_faults(const Answer& answer) {
  std::string faults = answer_faults(answer);
  if (answer.answers != 1) return faults;
  if (answer.status < 400) faults += "the status " + std::to_string(answer.status) + " is no error\n";
  const std::string type = lower(answer.header("content-type"));
  if (!is_json(type.substr(0, type.find(';')))) faults += "an error of the type \"" + type + "\"\n";
  if (answer.body.empty()) faults += "an error without words\n";
  if (answer.body.size() > kMaxErrorBytes)
    faults += "an error of " + std::to_string(answer.body.size()) + " bytes\n";
  return faults;
}

std::string leak_faults(const std::string& body) {
  std::string faults;
  for (const char* word :
       {"slipway::", "std::", ".cc", ".h:", "what()", "0x", "(anonymous", "src/", "terminate"}) {
    if (body.find(word) != std::string::npos)
      faults += "\"" + std::string(word) + "\" in " + printable(body, 200) + "\n";
  }
  return faults;
}

std::string route_faults(const std::vector<Route>& routes) {
  std::string faults;
  std::set<std::string> seen;
  if (routes.empty()) faults += "no routes\n";
  for (const Route& route : routes) {
    const std::string title = std::string(method_name(route.method)) + " " + printable(route.pattern);
    std::string shape;
    if (const std::string fault = pattern_faults(route.pattern, shape); !fault.empty())
      faults += title + " " + fault + "\n";
    if (!seen.insert(std::string(method_name(route.method)) + shape).second)
      faults += title + " is there twice\n";
    if (route.method == Method::kHead || route.method == Method::kOptions || route.method == Method::kOther)
      faults += title + " is the router's\n";
  }
  return faults;
}

}  // namespace slipway::dialect::testing
