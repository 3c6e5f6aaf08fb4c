#include "net/http2/session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "base/check.h"

namespace slipway::net::http2 {
namespace {

constexpr double kEarnedByHead = 4;  // a request may bring pings and window updates with it
constexpr double kEarnedByData = 2;
constexpr double kEarnedBySent = 4;         // a client answers DATA with updates of two windows
constexpr std::size_t kFieldOverhead = 32;  // of a field in a header list. Source: RFC 9113 section 6.5.2
constexpr std::uint16_t kNoRfc7540Priorities = 9;  // Source: RFC 9218 section 2.1
constexpr std::size_t kUsualFields = 30;
constexpr std::uint32_t kRemembered =
    64;  // streams before the last of which it is known whether they were opened

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

nghttp2_nv field_of(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

// The fields of an answer, "name: value\r\n" each, as the library wants them: it copies them and writes the
// names in lower case.
class FieldArray {
 public:
  FieldArray(std::string_view status, std::string_view lines) {
    if (!status.empty()) add(field_of(":status", status));
    while (!lines.empty()) {
      const std::size_t end = std::min(lines.find('\n'), lines.size() - 1);
      const std::string_view line = lines.substr(0, end);
      const std::size_t colon = line.find(':');
      if (colon != std::string_view::npos && colon + 3 <= end) {
        add(field_of(line.substr(0, colon), line.substr(colon + 2, end - colon - 3)));
      }
      lines.remove_prefix(end + 1);
    }
  }
  FieldArray(const FieldArray&) = delete;
  FieldArray& operator=(const FieldArray&) = delete;

  [[nodiscard]] const nghttp2_nv* data() const { return many_.empty() ? usual_.data() : many_.data(); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  void add(const nghttp2_nv& field) {
    if (size_ < usual_.size()) {
      usual_[size_] = field;
    } else {
      if (many_.empty()) many_.assign(usual_.begin(), usual_.end());
      many_.push_back(field);
    }
    ++size_;
  }

  std::array<nghttp2_nv, kUsualFields> usual_;
  std::vector<nghttp2_nv> many_;  ///< all of them, once there are more than usual
  std::size_t size_ = 0;
};

class StatusText {
 public:
  explicit StatusText(int status) {
    const int shown = status < 100 || status > 999 ? 500 : status;
    text_ = {static_cast<char>('0' + shown / 100), static_cast<char>('0' + shown / 10 % 10),
             static_cast<char>('0' + shown % 10)};
  }
  [[nodiscard]] std::string_view view() const { return {text_.data(), text_.size()}; }

 private:
  std::array<char, 3> text_{};
};

void append_number(std::string& out, std::uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift & 0xffU));
}

// Layout: length (24 bits) 8, type 7, flags 0, stream 0, last stream, error code. Source: RFC 9113
// section 6.8.
std::string go_away_frame(std::uint32_t last_stream, ErrorCode code) {
  std::string frame("\0\0\x08\x07\0\0\0\0\0", 9);
  append_number(frame, last_stream);
  append_number(frame, static_cast<std::uint32_t>(code));
  return frame;
}

}  // namespace

// What the library calls. `user` is the session.
struct Session::Callbacks {
  static Session& of(void* user) { return *static_cast<Session*>(user); }
  static Stream* stream_of(nghttp2_session* session, std::int32_t id) {
    return static_cast<Stream*>(::nghttp2_session_get_stream_user_data(session, id));
  }

  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) {
    Session& self = of(user);
    if (head->type != NGHTTP2_CONTINUATION) self.in_head_ = head->type == NGHTTP2_HEADERS;
    if (self.over_limit(head->type, head->flags, head->length)) {
      self.give_up(ErrorCode::kEnhanceYourCalm);
    } else if (const auto fault = self.misplaced(head->type, head->stream_id)) {
      self.give_up(*fault);
    }
    return self.broken_ ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
  }

  static int begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    Session& self = of(user);
    self.head_bytes_ = 0;
    self.current_ = nullptr;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    const std::int32_t id = frame->hd.stream_id;
    self.note_opened(id);
    Stream* stream = self.events_.opened(id);
    if (stream == nullptr) {
      return ::nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
    }
    stream->id_ = id;
    self.current_ = stream;
    return ::nghttp2_session_set_stream_user_data(session, id, stream);
  }

  static int header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name, std::size_t name_size,
                    const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    Session& self = of(user);
    self.head_bytes_ += name_size + value_size + kFieldOverhead;
    // The owner refuses a head beyond its limit; one far beyond it is not even read to its end.
    if (self.head_bytes_ > std::size_t{4} * self.limits_.max_head_bytes) {
      self.give_up(ErrorCode::kEnhanceYourCalm);
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    if (self.current_ != nullptr) {
      self.events_.field(*self.current_, text_of(name, name_size), text_of(value, value_size));
    }
    return 0;
  }

  // A field that is not HTTP: the library would leave it out, but then we and a proxy would read two
  // requests.
  static int invalid_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*, std::size_t,
                            const std::uint8_t*, std::size_t, std::uint8_t, void*) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int frame_received(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    Session& self = of(user);
    const bool ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
      case NGHTTP2_SETTINGS:
        self.greeted_ = true;
        break;
      case NGHTTP2_HEADERS:
        self.in_head_ = false;
        if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
          if (Stream* stream = std::exchange(self.current_, nullptr); stream != nullptr) {
            stream->request_ended_ = ended;
            self.events_.head(*stream, ended);
          }
          break;
        }
        [[fallthrough]];
      case NGHTTP2_DATA:
        if (!ended) break;
        if (Stream* stream = stream_of(session, frame->hd.stream_id); stream != nullptr) {
          stream->request_ended_ = true;
          self.events_.ended(*stream);
        }
        break;
      default:
        break;
    }
    return 0;
  }

  static int data_chunk(nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                        std::size_t size, void* user) {
    if (Stream* stream = stream_of(session, id); stream != nullptr) {
      of(user).events_.data(*stream, text_of(bytes, size));
    }
    // What one stream's handler does not take holds back that stream alone.
    return ::nghttp2_session_consume_connection(session, size);
  }

  static int stream_closed(nghttp2_session* session, std::int32_t id, std::uint32_t, void* user) {
    Session& self = of(user);
    Stream* stream = stream_of(session, id);
    if (stream == nullptr) return 0;
    if (self.current_ == stream) self.current_ = nullptr;
    const bool whole = stream->end_sent_;
    const bool taken_back = !whole && !stream->reset_here_;
    self.events_.closed(*stream, whole);
    if (!taken_back || self.resets_.spend(self.now_)) return 0;
    self.give_up(ErrorCode::kEnhanceYourCalm);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_RST_STREAM) of(user).reset_any_ = true;
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    if (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS) return 0;
    Stream* stream = stream_of(session, frame->hd.stream_id);
    if (stream == nullptr) return 0;
    stream->end_sent_ = true;
    of(user).resets_.earn(1);
    if (stream->request_ended_) return 0;
    // Answered before the request was whole: the rest is not wanted. Source: RFC 9113 section 8.1.
    return ::nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
  }

  static ssize_t read_body(nghttp2_session* session, std::int32_t id, std::uint8_t*, std::size_t most,
                           std::uint32_t* flags, nghttp2_data_source* source, void*) {
    Stream& stream = *static_cast<Stream*>(source->ptr);
    const std::size_t size = std::min(most, stream.out_.front_bytes());
    if (size == 0 && !stream.ended_) {
      stream.deferred_ = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (stream.ended_ && size == stream.out_.bytes()) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (!stream.trailers_.empty()) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        const FieldArray fields({}, stream.trailers_);
        if (::nghttp2_submit_trailer(session, id, fields.data(), fields.size()) != 0) {
          return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        }
      }
    }
    return static_cast<ssize_t>(size);
  }

  static int send_data(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* head, std::size_t size,
                       nghttp2_data_source* source, void* user) {
    Session& self = of(user);
    if (self.out_->bytes() >= self.out_most_) return NGHTTP2_ERR_WOULDBLOCK;
    Stream& stream = *static_cast<Stream*>(source->ptr);
    static_cast<void>(frame);
    constexpr std::size_t kFrameHead = 9;
    stream.out_.move_to(*self.out_, text_of(head, kFrameHead), size);
    self.control_.earn(kEarnedBySent);
    if (size > 0) self.events_.sent(stream, size);
    return 0;
  }

  // The library's memory.
  static void* allocate(std::size_t size, void* user) { return static_cast<FreeLists*>(user)->take(size); }
  static void* allocate_zeroed(std::size_t count, std::size_t size, void* user) {
    if (size != 0 && count > SIZE_MAX / size) return nullptr;
    void* memory = static_cast<FreeLists*>(user)->take(count * size);
    if (memory != nullptr) std::memset(memory, 0, count * size);
    return memory;
  }
  static void* reallocate(void* memory, std::size_t size, void* user) {
    return static_cast<FreeLists*>(user)->resize(memory, size);
  }
  static void free(void* memory, void* user) { static_cast<FreeLists*>(user)->give(memory); }

  static nghttp2_session* make_session(Session& self, FreeLists& memory);
};

nghttp2_session* Session::Callbacks::make_session(Session& self, FreeLists& memory) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* options = nullptr;
  nghttp2_session* session = nullptr;
  SLIPWAY_CHECK(::nghttp2_session_callbacks_new(&callbacks) == 0 && ::nghttp2_option_new(&options) == 0);
  ::nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, begin_frame);
  ::nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, begin_headers);
  ::nghttp2_session_callbacks_set_on_header_callback(callbacks, header);
  ::nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, invalid_header);
  ::nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame_received);
  ::nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, data_chunk);
  ::nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_closed);
  ::nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frame_sent);
  ::nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
  ::nghttp2_option_set_no_auto_window_update(options, 1);
  ::nghttp2_option_set_no_closed_streams(options, 1);
  // The library's own limits do not know which streams were answered, and count one continuation for each
  // piece that its frame's header arrives in; ours know better.
  ::nghttp2_option_set_max_continuations(options, 1000);
  ::nghttp2_option_set_stream_reset_rate_limit(options, 1'000'000, 1'000'000);
  nghttp2_mem allocator{&memory, allocate, free, allocate_zeroed, reallocate};
  SLIPWAY_CHECK(::nghttp2_session_server_new3(&session, callbacks, &self, options, &allocator) == 0);
  ::nghttp2_option_del(options);
  ::nghttp2_session_callbacks_del(callbacks);
  return session;
}

Session::Session(const SessionLimits& limits, Events& events, FreeLists& memory)
    : limits_(limits),
      events_(events),
      control_(limits.control_frames, limits.control_frames_per_second),
      resets_(limits.resets, limits.resets_per_second) {
  session_ = Callbacks::make_session(*this, memory);
  const std::array<nghttp2_settings_entry, 4> settings{{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.max_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.max_head_bytes},
      {kNoRfc7540Priorities, 1},
  }};
  SLIPWAY_CHECK(::nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) ==
                0);
  SLIPWAY_CHECK(
      ::nghttp2_session_set_local_window_size(
          session_, NGHTTP2_FLAG_NONE, 0, static_cast<std::int32_t>(limits.connection_window_bytes)) == 0);
}

Session::~Session() { ::nghttp2_session_del(session_); }

bool Session::over_limit(std::uint8_t type, std::uint8_t flags, std::size_t length) {
  if (type == NGHTTP2_HEADERS) {
    control_.earn(kEarnedByHead);
    return false;
  }
  if (type == NGHTTP2_DATA && (length > 0 || (flags & NGHTTP2_FLAG_END_STREAM) != 0)) {
    control_.earn(kEarnedByData);
    return false;
  }
  return !control_.spend(now_);
}

// The library takes a frame of a request that it knows no more for one that crossed our reset, since it does
// not remember; where we never reset any, the client has lost its way. Source: RFC 9113 section 5.1
// and 5.1.1.
std::optional<ErrorCode> Session::misplaced(std::uint8_t type, std::int32_t id) const {
  if (type == NGHTTP2_PRIORITY && id == 0) return ErrorCode::kProtocolError;
  if (type != NGHTTP2_HEADERS && type != NGHTTP2_DATA) return std::nullopt;
  if (reset_any_ || id <= 0 || id > last_opened_ || id % 2 == 0) return std::nullopt;
  if (Callbacks::stream_of(session_, id) != nullptr) return std::nullopt;
  const auto back = static_cast<std::uint32_t>(last_opened_ - id) / 2;
  const bool was_open = back >= kRemembered || (opened_ >> back & 1U) != 0;
  return was_open ? ErrorCode::kStreamClosed : ErrorCode::kProtocolError;
}

void Session::note_opened(std::int32_t id) {
  const auto by = static_cast<std::uint32_t>(id - last_opened_) / 2;
  opened_ = (by < kRemembered ? opened_ << by : 0U) | 1U;
  last_opened_ = id;
}

void Session::give_up(ErrorCode code) {
  broken_ = true;
  goodbye_ = true;
  goodbye_code_ = code;
}

bool Session::feed(std::string_view bytes, MonoTime now) {
  now_ = now;
  if (broken_) return false;
  const ssize_t used =
      ::nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (used < 0 && !broken_) {
    give_up(used == NGHTTP2_ERR_BAD_CLIENT_MAGIC ? ErrorCode::kProtocolError
            : used == NGHTTP2_ERR_FLOODED        ? ErrorCode::kEnhanceYourCalm
                                                 : ErrorCode::kInternalError);
  }
  return !broken_;
}

void Session::produce(OutQueue& out, std::size_t most) {
  out_ = &out;
  out_most_ = most;
  while (!broken_ && out.bytes() < most) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = ::nghttp2_session_mem_send(session_, &bytes);
    if (size < 0 && !broken_) give_up(ErrorCode::kInternalError);
    if (size <= 0) break;
    out.append(text_of(bytes, static_cast<std::size_t>(size)));
  }
  out_ = nullptr;
  if (!std::exchange(goodbye_, false)) return;
  out.append(go_away_frame(static_cast<std::uint32_t>(::nghttp2_session_get_last_proc_stream_id(session_)),
                           goodbye_code_));
}

void Session::start_answer(Stream& stream, int status, std::string_view fields, bool ended) {
  if (broken_ || stream.started_) return;
  stream.started_ = true;
  stream.ended_ = ended;
  const StatusText text(status);
  const FieldArray array(text.view(), fields);
  nghttp2_data_provider provider{};
  provider.source.ptr = &stream;
  provider.read_callback = Callbacks::read_body;
  ::nghttp2_submit_response(session_, stream.id_, array.data(), array.size(), ended ? nullptr : &provider);
}

void Session::inform(Stream& stream, int status) {
  if (broken_ || stream.started_) return;
  const StatusText text(status);
  const FieldArray array(text.view(), {});
  ::nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id_, nullptr, array.data(), array.size(),
                           nullptr);
}

void Session::add_body(Stream& stream, std::string&& piece) {
  if (broken_ || stream.ended_) return;
  stream.out_.add(std::move(piece));
  if (std::exchange(stream.deferred_, false)) ::nghttp2_session_resume_data(session_, stream.id_);
}

void Session::end_answer(Stream& stream, std::string_view trailers) {
  if (broken_ || stream.ended_) return;
  stream.ended_ = true;
  stream.trailers_.assign(trailers);
  if (std::exchange(stream.deferred_, false)) ::nghttp2_session_resume_data(session_, stream.id_);
}

void Session::reset(Stream& stream, ErrorCode code) {
  if (broken_) return;
  stream.reset_here_ = true;
  ::nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, static_cast<std::uint32_t>(code));
}

void Session::consume(Stream& stream, std::size_t bytes) {
  if (!broken_) ::nghttp2_session_consume_stream(session_, stream.id_, bytes);
}

void Session::announce_shutdown() {
  if (!broken_) ::nghttp2_submit_shutdown_notice(session_);
}

void Session::go_away() {
  if (broken_) return;
  ::nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, ::nghttp2_session_get_last_proc_stream_id(session_),
                          NGHTTP2_NO_ERROR, nullptr, 0);
}

bool Session::finished() const {
  if (broken_) return !goodbye_;
  return ::nghttp2_session_want_read(session_) == 0 && ::nghttp2_session_want_write(session_) == 0;
}

bool Session::wants_to_send() const {
  return broken_ ? goodbye_ : ::nghttp2_session_want_write(session_) != 0;
}

std::size_t Session::queued_frames() const { return ::nghttp2_session_get_outbound_queue_size(session_); }

}  // namespace slipway::net::http2
