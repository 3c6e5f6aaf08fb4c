// Protobuf fields, read one by one from bytes as they lie in memory.
// Source: protobuf.dev/programming-guides/encoding.
#pragma once

#include <google/protobuf/io/coded_stream.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace slipway::graph {

struct Field {
  enum class Kind : std::uint8_t { kVarint, kFixed, kBytes };
  std::uint32_t number = 0;
  Kind kind = Kind::kVarint;
  std::uint64_t varint = 0;  ///< of kVarint
  ByteView bytes;            ///< of kBytes and kFixed
  ByteView whole;            ///< with tag and length, as it lies in the message

  [[nodiscard]] bool is_bytes(int wanted) const { return is(wanted, Kind::kBytes); }
  [[nodiscard]] bool is_varint(int wanted) const { return is(wanted, Kind::kVarint); }

 private:
  [[nodiscard]] bool is(int wanted, Kind as) const {
    return number == static_cast<std::uint32_t>(wanted) && kind == as;
  }
};

/// Walks the fields of one message. Borrows: the message. Groups, which ONNX does not use, count as damage.
class FieldReader {
 public:
  /// Messages above 2 GiB are damage: protobuf has none.
  explicit FieldReader(ByteView message);
  /// False at the end and at the first damage; ok() tells which.
  bool next(Field& field);
  [[nodiscard]] bool ok() const { return ok_; }
  /// After next() gave false for damage: the tag of the field whose bytes are cut short, 0 otherwise.
  [[nodiscard]] std::uint32_t cut_field() const { return cut_field_; }

 private:
  bool damaged();

  ByteView message_;
  google::protobuf::io::CodedInputStream in_;
  bool ok_ = true;
  std::uint32_t cut_field_ = 0;
};

/// Appends the int64 values of a repeated field, packed or not. False when damaged.
bool append_int64s(const Field& field, std::vector<std::int64_t>& out);

/// Appends a length-delimited field.
void append_bytes_field(std::string& out, int number, std::string_view bytes);

}  // namespace slipway::graph
