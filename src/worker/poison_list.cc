#include "worker/poison_list.h"

#include <algorithm>
#include <optional>

#include "io/file_helpers.h"
#include "json/json.h"
#include "json/writer.h"

namespace slipway::worker {
namespace {

constexpr std::uint64_t kFormat = 1;
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 20U;
constexpr std::uint64_t kMostDeaths = 1'000'000;
constexpr std::uint64_t kLatestMs = 9'000'000'000'000;  // in nanoseconds it fits 64 bits

Error damaged(const std::string& path, const std::string& what) {
  return data_loss(
      "worker.poison_damaged",
      path + " cannot be read: " + what + "; mend it, or remove it to forget which requests workers died of");
}

std::optional<crypto::Digest> digest_in(const json::Value& value, std::string_view key) {
  const auto member = value.find(key);
  const auto text = member ? member->as_string() : std::nullopt;
  if (!text) return std::nullopt;
  const auto digest = crypto::Digest::parse_hex(*text);
  if (!digest.ok()) return std::nullopt;
  return *digest;
}

std::optional<std::uint64_t> count_in(const json::Value& value, std::string_view key, std::uint64_t most) {
  const auto member = value.find(key);
  const auto count = member ? member->as_uint64() : std::nullopt;
  return count && *count <= most ? count : std::nullopt;
}

// Nothing where it has not the form.
std::optional<PoisonRecord> decode_one(const json::Value& value) {
  if (!value.is_object() || value.object().duplicate_key()) return std::nullopt;
  const auto model = digest_in(value, "model");
  const auto request = digest_in(value, "request");
  const auto deaths = count_in(value, "deaths", kMostDeaths);
  const auto until = count_in(value, "until_ms", kLatestMs);
  if (!model || !request || !deaths || !until) return std::nullopt;
  return PoisonRecord{*model, *request, static_cast<int>(*deaths),
                      WallTime(std::chrono::milliseconds(*until))};
}

}  // namespace

std::string encode_poison(std::span<const PoisonRecord> records) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  out.field("format", kFormat);
  out.key("requests");
  out.begin_array();
  for (const PoisonRecord& record : records) {
    const auto until = std::chrono::floor<std::chrono::milliseconds>(record.until.time_since_epoch());
    out.begin_object();
    out.field("model", std::string_view(record.model.hex()));
    out.field("request", std::string_view(record.request.hex()));
    out.field("deaths", static_cast<std::uint64_t>(record.deaths));
    out.field("until_ms", static_cast<std::uint64_t>(std::max<std::int64_t>(0, until.count())));
    out.end_object();
  }
  out.end_array();
  out.end_object();
  text += '\n';
  return text;
}

Result<std::vector<PoisonRecord>> decode_poison(std::string_view text, const std::string& path) {
  json::Parser parser;
  const auto document = parser.parse(text);
  if (!document.ok()) return damaged(path, document.error().message());
  const auto format = document->find("format");
  const auto requests = document->find("requests");
  if (!format || format->as_uint64() != kFormat)
    return damaged(path, "it is not of format " + std::to_string(kFormat));
  if (!requests || !requests->is_array()) return damaged(path, "it has no \"requests\"");
  std::vector<PoisonRecord> records;
  for (const json::Value& value : requests->array()) {
    const auto record = decode_one(value);
    if (!record) return damaged(path, "requests[" + std::to_string(records.size()) + "] has not the form");
    records.push_back(*record);
  }
  return records;
}

Result<std::unique_ptr<PoisonList>> PoisonList::open(io::FileSystem& files, std::string path,
                                                     const Clock& clock) {
  std::unique_ptr<PoisonList> list(new PoisonList(files, std::move(path), clock));
  SLIPWAY_ASSIGN_OR_RETURN(const bool there, io::exists(files, list->path_));
  if (!there) return list;
  SLIPWAY_ASSIGN_OR_RETURN(const std::string text, io::read_all(files, list->path_, kMaxBytes));
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<PoisonRecord> records, decode_poison(text, list->path_));
  for (const PoisonRecord& record : records) list->put(record);
  return list;
}

std::vector<PoisonRecord> PoisonList::of(const crypto::Digest& model) const {
  const WallTime now = clock_.wall_now();
  std::vector<PoisonRecord> found;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, record] : records_) {
      if (record.model == model && record.until > now) found.push_back(record);
    }
  }
  std::sort(found.begin(), found.end(),
            [](const PoisonRecord& a, const PoisonRecord& b) { return a.until < b.until; });
  return found;
}

Status PoisonList::note(std::span<const PoisonRecord> records) {
  const WallTime now = clock_.wall_now();
  const std::lock_guard lock(mutex_);
  std::erase_if(records_, [&](const auto& entry) { return entry.second.until <= now; });
  for (const PoisonRecord& record : records) put(record);
  std::vector<PoisonRecord> all;
  for (const auto& [key, record] : records_) all.push_back(record);
  return io::write_atomically(files_, path_, as_bytes(encode_poison(all)));
}

void PoisonList::acquit(const crypto::Digest& model, const crypto::Digest& request) {
  const std::lock_guard lock(mutex_);
  records_.erase({model, request});
}

void PoisonList::put(const PoisonRecord& record) {
  records_.insert_or_assign({record.model, record.request}, record);
  if (records_.size() > kMost) drop_soonest();
}

void PoisonList::drop_soonest() {
  records_.erase(std::min_element(records_.begin(), records_.end(), [](const auto& a, const auto& b) {
    return a.second.until < b.second.until;
  }));
}

}  // namespace slipway::worker
