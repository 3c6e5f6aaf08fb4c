// What front and worker say to each other on their socket: how a worker starts, loads its model and logs.
// Requests and answers do not come this way; they are in shared memory (channel.h).
//
// Packet: a SOCK_SEQPACKET message, so that one arrives whole or not at all.
//   uint32 magic "SWW1" | uint16 kind | uint16 0 | uint32 bytes of the whole payload | uint32 offset of this
//   part part of the payload, at most kPartBytes; the first packet of a frame carries its descriptors
// The payload of each kind is the struct of the same name, field by field (wire.h). There is one version:
// both sides are the same program.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "tensor/signature.h"
#include "worker/wire/memory.h"

namespace slipway::worker {

enum class FrameKind : std::uint16_t {
  kSetup = 1,   ///< to the worker, first
  kReady,       ///< from the worker: set up
  kLoad,        ///< to the worker; the next one when this is answered
  kFileWanted,  ///< from the worker, while it loads
  kFile,        ///< to the worker, one for each kFileWanted
  kLoaded,      ///< from the worker: requests may come
  kFailed,      ///< from the worker: it could not set up, and ends, or load one model
  kLog,         ///< from the worker, at any time
  kUnload,      ///< to the worker, while it loads nothing
};

inline constexpr std::uint32_t kFrameMagic = 0x31575753;  // "SWW1"
inline constexpr std::size_t kPacketHeaderBytes = 16;
inline constexpr std::size_t kPartBytes = std::size_t{32} << 10U;
inline constexpr std::size_t kMaxFrameBytes = std::size_t{64} << 20U;
inline constexpr std::size_t kMaxFrameDescriptors = 3 + kMaxLanes;

/// Descriptors: requests memory, answers memory, the worker's bell, the bell of each lane.
struct Setup {
  std::uint32_t slots = 0;
  std::uint64_t heap_bytes = 0;
  std::uint32_t lanes = 1;
  std::uint64_t memory_bytes = 0;  ///< 0 = no limit
  std::uint8_t sandbox = 1;        ///< 0: off
  std::int32_t niceness = 0;
  std::vector<std::int32_t> affinity;  ///< empty = any
  std::uint8_t log_level = 0;
  std::string backend;  ///< the one that will be used, so that its library is opened before files are cut off
};

struct Ready {
  std::string confined_by;  ///< for people: what keeps the worker in, or why something does not
};

struct Load {
  std::uint32_t model = 0;         ///< what requests call it; never 0, and never the same twice
  std::uint32_t runs_at_once = 1;  ///< a worker has as many threads as the largest of its models asks for
  std::string main, device;
  std::vector<std::string> names;
  std::int32_t threads = 1;
  std::vector<std::int32_t> affinity;
  std::uint64_t max_output_bytes = 0;
};

struct FileWanted {
  std::string name;
};

/// Descriptor: a sealed memfd, unless there is an error.
struct File {
  std::string name;
  std::uint64_t size_bytes = 0;
  std::optional<Error> error;
};

struct Loaded {
  std::uint32_t model = 0;
  Signature signature;
  std::vector<std::string> labels;
};

struct Failed {
  std::uint32_t model = 0;  ///< 0: the worker itself could not start
  Error error;
};

struct Unload {
  std::uint32_t model = 0;
};

struct LogLine {
  LogLevel level = LogLevel::kInfo;
  std::string event, message;
  std::string detail;  ///< its fields, as "key=value key=value"
};

std::string encode(const Setup& frame);
std::string encode(const Ready& frame);
std::string encode(const Load& frame);
std::string encode(const FileWanted& frame);
std::string encode(const File& frame);
std::string encode(const Loaded& frame);
std::string encode(const Failed& frame);
std::string encode(const LogLine& frame);
std::string encode(const Unload& frame);

/// Errors: worker.protocol when the payload is not exactly one frame of that kind.
Result<Setup> decode_setup(ByteView payload);
Result<Ready> decode_ready(ByteView payload);
Result<Load> decode_load(ByteView payload);
Result<FileWanted> decode_file_wanted(ByteView payload);
Result<File> decode_file(ByteView payload);
Result<Loaded> decode_loaded(ByteView payload);
Result<Failed> decode_failed(ByteView payload);
Result<LogLine> decode_log_line(ByteView payload);
Result<Unload> decode_unload(ByteView payload);

/// An Error as bytes, its faults included; texts are cut to a few KiB. Used in frames and in answers.
std::string encode_error(const Error& error);
/// Nothing when the bytes are not exactly one error.
std::optional<Error> decode_error(ByteView bytes);

/// What a peer that breaks the rules gets.
Error protocol_error(std::string_view what);

}  // namespace slipway::worker
