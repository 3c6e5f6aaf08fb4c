// The other end of an HTTP/2 connection, for tests: nghttp2's client, without a socket.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::net::http2::testing {

using Fields = std::vector<std::pair<std::string, std::string>>;

/// What came back on one stream.
struct Reply {
  int status = 0;
  Fields headers;
  std::string body;
  Fields trailers;
  std::vector<int> informed;  ///< status of informational heads
  bool ended = false;         ///< END_STREAM came
  bool closed = false;
  std::uint32_t error = 0;  ///< of the RST_STREAM that closed it

  /// The first value of a header or trailer; empty when absent.
  [[nodiscard]] std::string header(std::string_view name) const;
  [[nodiscard]] std::string trailer(std::string_view name) const;
};

class Client {
 public:
  struct Options {
    bool automatic_windows = true;  ///< else the test calls open_window()
    std::uint32_t stream_window = 65535;
  };
  Client() : Client(Options{}) {}
  explicit Client(const Options& options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// A whole request. Gives its stream.
  std::int32_t ask(std::string_view method, std::string_view path, std::string_view body = {},
                   const Fields& more = {});
  /// A request whose body comes by send().
  std::int32_t open(std::string_view method, std::string_view path, const Fields& more = {});
  /// Exactly these fields.
  std::int32_t ask_raw(const Fields& fields, bool ended = true);
  void send(std::int32_t stream, std::string_view bytes, bool end);
  void reset(std::int32_t stream, std::uint32_t code);
  void open_window(std::int32_t stream, std::size_t bytes);
  void ping();

  /// What the client has to send.
  std::string output();
  /// Takes what the server sent. False: the server's bytes are not HTTP/2.
  bool feed(std::string_view bytes);

  [[nodiscard]] Reply& reply(std::int32_t stream) { return replies_[stream]; }
  /// The error code of GOAWAY, and the last stream that it names.
  std::optional<std::uint32_t> goaway;
  std::int32_t goaway_stream = 0;
  std::map<int, std::uint32_t> settings;  ///< the server's
  int pongs = 0;

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::map<std::int32_t, Reply> replies_;
};

/// One frame as it goes on the wire, however wrong. Layout: length (24 bits), type, flags, stream (31 bits).
std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload);
/// The client's preface and an empty SETTINGS.
std::string preface();

}  // namespace slipway::net::http2::testing
