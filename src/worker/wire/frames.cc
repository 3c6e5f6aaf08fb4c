#include "worker/wire/frames.h"

#include <algorithm>
#include <utility>

#include "worker/wire/wire.h"

namespace slipway::worker {
namespace {

constexpr std::size_t kMaxNameBytes = 4096;
constexpr std::size_t kMaxMessageBytes = 4096;
constexpr std::size_t kMaxFaults = 64;
constexpr std::size_t kMaxLabelBytes = std::size_t{1} << 20U;

std::string_view cut(std::string_view text, std::size_t max_bytes) { return text.substr(0, max_bytes); }

void put_error(WireWriter& writer, const Error& error) {
  writer.put(error.code());
  writer.put(error.reach());
  writer.put_text(cut(error.id(), kMaxNameBytes));
  writer.put_text(cut(error.message(), kMaxMessageBytes));
  const std::size_t faults = std::min(error.faults().size(), kMaxFaults);
  writer.put(static_cast<std::uint32_t>(faults));
  for (std::size_t i = 0; i < faults; ++i) {
    writer.put_text(cut(error.faults()[i].where, kMaxMessageBytes));
    writer.put_text(cut(error.faults()[i].message, kMaxMessageBytes));
    writer.put_text(cut(error.faults()[i].fix, kMaxMessageBytes));
  }
}

Error get_error(WireReader& reader) {
  const Code code = reader.get_enum(Code::kUnauthenticated);
  const Reach reach = reader.get_enum(Reach::kProcess);
  std::string id = reader.get_text(kMaxNameBytes);
  std::string message = reader.get_text(kMaxMessageBytes);
  const std::size_t count = reader.get_count(3 * sizeof(std::uint32_t));
  std::vector<Fault> faults;
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    Fault fault;
    fault.where = reader.get_text(kMaxMessageBytes);
    fault.message = reader.get_text(kMaxMessageBytes);
    fault.fix = reader.get_text(kMaxMessageBytes);
    faults.push_back(std::move(fault));
  }
  // "No error" is no error that a peer may give.
  const Error error(code == Code::kOk ? Code::kInternal : code, id, std::move(message));
  return (faults.empty() ? error : error.with_faults(std::move(faults))).with_reach(reach);
}

void put_numbers(WireWriter& writer, const std::vector<std::int32_t>& numbers) {
  writer.put(static_cast<std::uint32_t>(numbers.size()));
  for (const std::int32_t number : numbers) writer.put(number);
}

std::vector<std::int32_t> get_numbers(WireReader& reader) {
  std::vector<std::int32_t> numbers(reader.get_count(sizeof(std::int32_t)));
  for (std::int32_t& number : numbers) number = reader.get<std::int32_t>();
  return numbers;
}

void put_texts(WireWriter& writer, const std::vector<std::string>& texts) {
  writer.put(static_cast<std::uint32_t>(texts.size()));
  for (const std::string& text : texts) writer.put_text(text);
}

std::vector<std::string> get_texts(WireReader& reader, std::size_t max_bytes) {
  std::vector<std::string> texts(reader.get_count(sizeof(std::uint32_t)));
  for (std::string& text : texts) text = reader.get_text(max_bytes);
  return texts;
}

void put_specs(WireWriter& writer, const std::vector<TensorSpec>& specs) {
  writer.put(static_cast<std::uint32_t>(specs.size()));
  for (const TensorSpec& spec : specs) {
    writer.put_text(spec.name);
    writer.put(spec.dtype);
    writer.put(static_cast<std::uint8_t>(spec.shape.rank()));
    for (const std::int64_t dim : spec.shape.dims()) writer.put(dim);
  }
}

// Gives false when a shape is none.
bool get_specs(WireReader& reader, std::vector<TensorSpec>& specs) {
  const std::size_t count = reader.get_count(sizeof(std::uint32_t) + 2);
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    TensorSpec spec;
    spec.name = reader.get_text(kMaxLabelBytes);
    spec.dtype = reader.get_enum(DType::kBytes);
    const auto rank = reader.get<std::uint8_t>();
    if (rank > Shape::kMaxRank) return false;
    std::int64_t dims[Shape::kMaxRank] = {};
    for (std::size_t d = 0; d < rank; ++d) dims[d] = reader.get<std::int64_t>();
    auto shape = Shape::from({dims, rank});
    if (!shape.ok()) return false;
    spec.shape = *shape;
    specs.push_back(std::move(spec));
  }
  return reader.ok();
}

template <typename T>
Result<T> whole(const WireReader& reader, T frame, std::string_view kind) {
  if (reader.done()) return frame;
  return protocol_error("a frame \"" + std::string(kind) + "\" is cut short, too long or out of range");
}

}  // namespace

Error protocol_error(std::string_view what) { return data_loss("worker.protocol", std::string(what)); }

std::string encode(const Setup& frame) {
  std::string out;
  WireWriter writer(out);
  writer.put(frame.slots);
  writer.put(frame.heap_bytes);
  writer.put(frame.lanes);
  writer.put(frame.memory_bytes);
  writer.put(frame.sandbox);
  writer.put(frame.niceness);
  put_numbers(writer, frame.affinity);
  writer.put(frame.log_level);
  writer.put_text(frame.backend);
  return out;
}

Result<Setup> decode_setup(ByteView payload) {
  WireReader reader(payload);
  Setup frame;
  frame.slots = reader.get<std::uint32_t>();
  frame.heap_bytes = reader.get<std::uint64_t>();
  frame.lanes = reader.get<std::uint32_t>();
  frame.memory_bytes = reader.get<std::uint64_t>();
  frame.sandbox = reader.get<std::uint8_t>();
  frame.niceness = reader.get<std::int32_t>();
  frame.affinity = get_numbers(reader);
  frame.log_level = static_cast<std::uint8_t>(reader.get_enum(LogLevel::kOff));
  frame.backend = reader.get_text(kMaxNameBytes);
  return whole(reader, std::move(frame), "setup");
}

std::string encode(const Ready& frame) {
  std::string out;
  WireWriter(out).put_text(cut(frame.confined_by, kMaxMessageBytes));
  return out;
}

Result<Ready> decode_ready(ByteView payload) {
  WireReader reader(payload);
  Ready frame{reader.get_text(kMaxMessageBytes)};
  return whole(reader, std::move(frame), "ready");
}

std::string encode(const Load& frame) {
  std::string out;
  WireWriter writer(out);
  writer.put(frame.model);
  writer.put(frame.runs_at_once);
  writer.put_text(frame.main);
  writer.put_text(frame.device);
  put_texts(writer, frame.names);
  writer.put(frame.threads);
  put_numbers(writer, frame.affinity);
  writer.put(frame.max_output_bytes);
  return out;
}

Result<Load> decode_load(ByteView payload) {
  WireReader reader(payload);
  Load frame;
  frame.model = reader.get<std::uint32_t>();
  frame.runs_at_once = reader.get<std::uint32_t>();
  frame.main = reader.get_text(kMaxNameBytes);
  frame.device = reader.get_text(kMaxNameBytes);
  frame.names = get_texts(reader, kMaxNameBytes);
  frame.threads = reader.get<std::int32_t>();
  frame.affinity = get_numbers(reader);
  frame.max_output_bytes = reader.get<std::uint64_t>();
  return whole(reader, std::move(frame), "load");
}

std::string encode(const FileWanted& frame) {
  std::string out;
  WireWriter(out).put_text(cut(frame.name, kMaxNameBytes));
  return out;
}

Result<FileWanted> decode_file_wanted(ByteView payload) {
  WireReader reader(payload);
  FileWanted frame{reader.get_text(kMaxNameBytes)};
  return whole(reader, std::move(frame), "file wanted");
}

std::string encode(const File& frame) {
  std::string out;
  WireWriter writer(out);
  writer.put_text(cut(frame.name, kMaxNameBytes));
  writer.put(frame.size_bytes);
  writer.put(static_cast<std::uint8_t>(frame.error ? 1 : 0));
  if (frame.error) put_error(writer, *frame.error);
  return out;
}

Result<File> decode_file(ByteView payload) {
  WireReader reader(payload);
  File frame;
  frame.name = reader.get_text(kMaxNameBytes);
  frame.size_bytes = reader.get<std::uint64_t>();
  if (reader.get<std::uint8_t>() != 0) frame.error = get_error(reader);
  return whole(reader, std::move(frame), "file");
}

std::string encode(const Loaded& frame) {
  std::string out;
  WireWriter writer(out);
  writer.put(frame.model);
  put_specs(writer, frame.signature.inputs);
  put_specs(writer, frame.signature.outputs);
  put_texts(writer, frame.labels);
  return out;
}

Result<Loaded> decode_loaded(ByteView payload) {
  WireReader reader(payload);
  Loaded frame;
  frame.model = reader.get<std::uint32_t>();
  if (!get_specs(reader, frame.signature.inputs) || !get_specs(reader, frame.signature.outputs)) {
    return protocol_error("a frame \"loaded\" has a signature that is none");
  }
  frame.labels = get_texts(reader, kMaxLabelBytes);
  return whole(reader, std::move(frame), "loaded");
}

std::string encode(const Failed& frame) {
  std::string out;
  WireWriter writer(out);
  writer.put(frame.model);
  put_error(writer, frame.error);
  return out;
}

Result<Failed> decode_failed(ByteView payload) {
  WireReader reader(payload);
  const auto model = reader.get<std::uint32_t>();
  Error error = get_error(reader);
  return whole(reader, Failed{model, std::move(error)}, "failed");
}

std::string encode(const LogLine& frame) {
  std::string out;
  WireWriter writer(out);
  writer.put(frame.level);
  writer.put_text(cut(frame.event, kMaxNameBytes));
  writer.put_text(cut(frame.message, kMaxMessageBytes));
  writer.put_text(cut(frame.detail, kMaxMessageBytes));
  return out;
}

Result<LogLine> decode_log_line(ByteView payload) {
  WireReader reader(payload);
  LogLine frame;
  frame.level = reader.get_enum(LogLevel::kOff);
  frame.event = reader.get_text(kMaxNameBytes);
  frame.message = reader.get_text(kMaxMessageBytes);
  frame.detail = reader.get_text(kMaxMessageBytes);
  return whole(reader, std::move(frame), "log");
}

std::string encode(const Unload& frame) {
  std::string out;
  WireWriter(out).put(frame.model);
  return out;
}

Result<Unload> decode_unload(ByteView payload) {
  WireReader reader(payload);
  const Unload frame{reader.get<std::uint32_t>()};
  return whole(reader, frame, "unload");
}

std::string encode_error(const Error& error) {
  std::string out;
  WireWriter writer(out);
  put_error(writer, error);
  return out;
}

std::optional<Error> decode_error(ByteView bytes) {
  WireReader reader(bytes);
  const Error error = get_error(reader);
  return reader.done() ? std::optional(error) : std::nullopt;
}

}  // namespace slipway::worker
