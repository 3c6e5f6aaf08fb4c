#include "net/http2/testing/client.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>

#include "base/check.h"

namespace slipway::net::http2::testing {
namespace {

std::string text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

std::string value_in(const Fields& fields, std::string_view name) {
  for (const auto& [key, value] : fields) {
    if (key == name) return value;
  }
  return {};
}

std::vector<nghttp2_nv> array_of(const Fields& fields) {
  std::vector<nghttp2_nv> out;
  const auto bytes = [](const std::string& text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  for (const auto& [name, value] : fields) {
    out.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  return out;
}

struct Upload {
  std::string bytes;
  bool end = false;
};

}  // namespace

std::string Reply::header(std::string_view name) const { return value_in(headers, name); }
std::string Reply::trailer(std::string_view name) const { return value_in(trailers, name); }

struct Client::State {
  explicit State(Client& client) : client(client) {}

  static Client& of(void* user) { return *static_cast<Client*>(user); }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                    void* user) {
    Reply& reply = of(user).replies_[frame->hd.stream_id];
    const std::string key = text_of(name, name_size);
    const std::string text = text_of(value, value_size);
    if (key == ":status") {
      const int status = std::stoi(text);
      if (status < 200) {
        reply.informed.push_back(status);
      } else {
        reply.status = status;
      }
    } else if (frame->headers.cat == NGHTTP2_HCAT_HEADERS && !reply.headers.empty()) {
      reply.trailers.emplace_back(key, text);
    } else {
      reply.headers.emplace_back(key, text);
    }
    return 0;
  }

  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Client& self = of(user);
    switch (frame->hd.type) {
      case NGHTTP2_GOAWAY:
        self.goaway = frame->goaway.error_code;
        self.goaway_stream = frame->goaway.last_stream_id;
        break;
      case NGHTTP2_SETTINGS:
        for (std::size_t i = 0; i < frame->settings.niv; ++i) {
          self.settings[frame->settings.iv[i].settings_id] = frame->settings.iv[i].value;
        }
        break;
      case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) ++self.pongs;
        break;
      case NGHTTP2_DATA:
      case NGHTTP2_HEADERS:
        if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) self.replies_[frame->hd.stream_id].ended = true;
        break;
      default:
        break;
    }
    return 0;
  }

  static int data_chunk(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                        std::size_t size, void* user) {
    of(user).replies_[id].body.append(text_of(bytes, size));
    return 0;
  }

  static int stream_closed(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
    Reply& reply = of(user).replies_[id];
    reply.closed = true;
    reply.error = code;
    return 0;
  }

  static ssize_t read_upload(nghttp2_session*, std::int32_t id, std::uint8_t* to, std::size_t most,
                             std::uint32_t* flags, nghttp2_data_source*, void* user) {
    Upload& upload = of(user).state_->uploads[id];
    const std::size_t size = std::min(most, upload.bytes.size());
    if (size == 0 && !upload.end) return NGHTTP2_ERR_DEFERRED;
    std::copy_n(upload.bytes.begin(), size, to);
    upload.bytes.erase(0, size);
    if (upload.end && upload.bytes.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  }

  Client& client;
  nghttp2_session* session = nullptr;
  std::map<std::int32_t, Upload> uploads;
};

Client::Client(const Options& options) : state_(std::make_unique<State>(*this)) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* library = nullptr;
  SLIPWAY_CHECK(::nghttp2_session_callbacks_new(&callbacks) == 0 && ::nghttp2_option_new(&library) == 0);
  ::nghttp2_session_callbacks_set_on_header_callback(callbacks, State::header);
  ::nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, State::frame_received);
  ::nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, State::data_chunk);
  ::nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, State::stream_closed);
  ::nghttp2_option_set_no_auto_window_update(library, options.automatic_windows ? 0 : 1);
  ::nghttp2_option_set_peer_max_concurrent_streams(library, 1000);
  SLIPWAY_CHECK(::nghttp2_session_client_new2(&state_->session, callbacks, this, library) == 0);
  ::nghttp2_option_del(library);
  ::nghttp2_session_callbacks_del(callbacks);
  const std::array<nghttp2_settings_entry, 1> settings{
      {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.stream_window}}};
  ::nghttp2_submit_settings(state_->session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
}

Client::~Client() { ::nghttp2_session_del(state_->session); }

std::int32_t Client::ask(std::string_view method, std::string_view path, std::string_view body,
                         const Fields& more) {
  if (!body.empty()) {
    const std::int32_t stream = open(method, path, more);
    send(stream, body, true);
    return stream;
  }
  Fields fields{{":method", std::string(method)},
                {":scheme", "http"},
                {":authority", "a"},
                {":path", std::string(path)}};
  fields.insert(fields.end(), more.begin(), more.end());
  return ask_raw(fields);
}

std::int32_t Client::open(std::string_view method, std::string_view path, const Fields& more) {
  Fields fields{{":method", std::string(method)},
                {":scheme", "http"},
                {":authority", "a"},
                {":path", std::string(path)}};
  fields.insert(fields.end(), more.begin(), more.end());
  return ask_raw(fields, false);
}

std::int32_t Client::ask_raw(const Fields& fields, bool ended) {
  const std::vector<nghttp2_nv> array = array_of(fields);
  nghttp2_data_provider provider{};
  provider.read_callback = State::read_upload;
  const std::int32_t stream = ::nghttp2_submit_request(state_->session, nullptr, array.data(), array.size(),
                                                       ended ? nullptr : &provider, nullptr);
  SLIPWAY_CHECK(stream > 0);
  return stream;
}

void Client::send(std::int32_t stream, std::string_view bytes, bool end) {
  Upload& upload = state_->uploads[stream];
  upload.bytes.append(bytes);
  upload.end = upload.end || end;
  ::nghttp2_session_resume_data(state_->session, stream);
}

void Client::reset(std::int32_t stream, std::uint32_t code) {
  ::nghttp2_submit_rst_stream(state_->session, NGHTTP2_FLAG_NONE, stream, code);
}

void Client::open_window(std::int32_t stream, std::size_t bytes) {
  ::nghttp2_session_consume(state_->session, stream, bytes);
}

void Client::ping() { ::nghttp2_submit_ping(state_->session, NGHTTP2_FLAG_NONE, nullptr); }

std::string Client::output() {
  std::string out;
  for (;;) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = ::nghttp2_session_mem_send(state_->session, &bytes);
    if (size <= 0) return out;
    out.append(text_of(bytes, static_cast<std::size_t>(size)));
  }
}

bool Client::feed(std::string_view bytes) {
  return ::nghttp2_session_mem_recv(state_->session, reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                    bytes.size()) >= 0;
}

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
  std::string out;
  for (int shift = 16; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(payload.size() >> shift & 0xffU));
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(stream >> shift & 0xffU));
  return out.append(payload);
}

std::string preface() { return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(NGHTTP2_SETTINGS, 0, 0, {}); }

}  // namespace slipway::net::http2::testing
