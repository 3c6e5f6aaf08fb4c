#include "serving/control_guard.h"

#include <algorithm>
#include <string>

#include "base/text.h"

namespace slipway::serving {
namespace {

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

bool changes_nothing(dialect::Method method) {
  return method == dialect::Method::kGet || method == dialect::Method::kHead ||
         method == dialect::Method::kOptions;
}

}  // namespace

bool is_local_host(std::string_view host) {
  const std::string_view name = without_port(host);
  if (name == "localhost" || name == "[::1]") return true;
  return name.starts_with("127.") && std::count(name.begin(), name.end(), '.') == 3 &&
         name.find_first_not_of("0123456789.") == std::string_view::npos;
}

Status check_control(const dialect::Exchange& exchange) {
  if (changes_nothing(exchange.method())) return {};
  const std::string_view host = exchange.header("host").value_or("");
  // HTTP/1.0 may leave the Host out; browsers do not.
  if (!host.empty() && !is_local_host(host)) {
    return permission_denied("http.host",
                             "control requests are taken for this machine's own names only, not for \"" +
                                 printable(host) + "\"; call 127.0.0.1 or localhost");
  }
  const auto origin = exchange.header("origin");
  if (!origin) return {};
  const std::size_t scheme = origin->find("://");
  if (!host.empty() && scheme != std::string_view::npos && origin->substr(scheme + 3) == host) return {};
  return permission_denied("http.origin",
                           "a page of \"" + printable(*origin) + "\" may not load or unload models here");
}

}  // namespace slipway::serving
