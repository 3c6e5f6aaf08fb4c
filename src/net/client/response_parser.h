// Answers of a server, parsed as they arrive.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "net/client/client.h"

namespace slipway::net {

class ResponseParser {
 public:
  /// `to_head`: the answer has no body, whatever its headers say.
  ResponseParser(bool to_head, std::size_t max_bytes);
  ~ResponseParser();
  ResponseParser(const ResponseParser&) = delete;
  ResponseParser& operator=(const ResponseParser&) = delete;

  /// Takes the next bytes. Errors: net.bad_response.
  Status feed(std::string_view bytes);
  /// The connection ended. Errors: net.closed, when the answer is not whole.
  Status end_of_input();

  [[nodiscard]] bool done() const;
  [[nodiscard]] bool started() const;     ///< at least one byte came
  [[nodiscard]] bool keep_alive() const;  ///< valid when done
  /// Valid when done.
  [[nodiscard]] ClientResponse take();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::net
