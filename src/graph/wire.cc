#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <limits>

#include "graph/wire_internal.h"

namespace slipway::graph {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;

constexpr std::size_t kMaxMessageBytes = std::numeric_limits<int>::max();

int stream_size(ByteView message) {
  return message.size() > kMaxMessageBytes ? 0 : static_cast<int>(message.size());
}

}  // namespace

FieldReader::FieldReader(ByteView message)
    : message_(message),
      in_(reinterpret_cast<const std::uint8_t*>(message.data()), stream_size(message)),
      ok_(message.size() <= kMaxMessageBytes) {}

bool FieldReader::damaged() {
  ok_ = false;
  return false;
}

bool FieldReader::next(Field& field) {
  if (!ok_) return false;
  const auto start = static_cast<std::size_t>(in_.CurrentPosition());
  if (start == message_.size()) return false;
  const std::uint32_t tag = in_.ReadTag();
  field.number = static_cast<std::uint32_t>(WireFormatLite::GetTagFieldNumber(tag));
  if (field.number == 0) return damaged();
  std::uint32_t length = 0;
  switch (WireFormatLite::GetTagWireType(tag)) {
    case WireFormatLite::WIRETYPE_VARINT:
      field.kind = Field::Kind::kVarint;
      if (!in_.ReadVarint64(&field.varint)) {
        cut_field_ = field.number;
        return damaged();
      }
      break;
    case WireFormatLite::WIRETYPE_FIXED64:
      field.kind = Field::Kind::kFixed;
      length = 8;
      break;
    case WireFormatLite::WIRETYPE_FIXED32:
      field.kind = Field::Kind::kFixed;
      length = 4;
      break;
    case WireFormatLite::WIRETYPE_LENGTH_DELIMITED:
      field.kind = Field::Kind::kBytes;
      if (!in_.ReadVarint32(&length)) {
        cut_field_ = field.number;
        return damaged();
      }
      break;
    default:
      return damaged();
  }
  const auto at = static_cast<std::size_t>(in_.CurrentPosition());
  if (length > message_.size() - at) {
    cut_field_ = field.number;
    return damaged();
  }
  field.bytes = message_.subspan(at, length);
  if (!in_.Skip(static_cast<int>(length))) return damaged();
  field.whole = message_.subspan(start, at + length - start);
  return true;
}

bool append_int64s(const Field& field, std::vector<std::int64_t>& out) {
  if (field.kind == Field::Kind::kVarint) {
    out.push_back(static_cast<std::int64_t>(field.varint));
    return true;
  }
  if (field.kind != Field::Kind::kBytes) return false;
  CodedInputStream in(reinterpret_cast<const std::uint8_t*>(field.bytes.data()),
                      static_cast<int>(field.bytes.size()));
  while (static_cast<std::size_t>(in.CurrentPosition()) < field.bytes.size()) {
    std::uint64_t value = 0;
    if (!in.ReadVarint64(&value)) return false;
    out.push_back(static_cast<std::int64_t>(value));
  }
  return true;
}

void append_bytes_field(std::string& out, int number, std::string_view bytes) {
  std::uint8_t head[16];
  const std::uint32_t tag = WireFormatLite::MakeTag(number, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  std::uint8_t* end = CodedOutputStream::WriteVarint32ToArray(tag, head);
  end = CodedOutputStream::WriteVarint32ToArray(static_cast<std::uint32_t>(bytes.size()), end);
  out.append(reinterpret_cast<const char*>(head), static_cast<std::size_t>(end - head));
  out.append(bytes);
}

}  // namespace slipway::graph
