#include "packing/synthetic.h"

#include <array>
#include <string_view>

#include "json/writer.h"

namespace slipway::packing {
namespace {

using function::FieldInfo;
using function::FieldType;

constexpr std::array<std::string_view, 8> kWords = {"red", "green", "blue",  "one",
                                                    "two", "three", "north", "south"};

void write_value(FieldType type, Random& random, json::Writer& out) {
  switch (type) {
    case FieldType::kInteger:
      out.number(static_cast<std::int64_t>(random.below(10)));
      break;
    case FieldType::kString:
      out.string(kWords[random.below(kWords.size())]);
      break;
    case FieldType::kBoolean:
      out.boolean(random.below(2) == 1);
      break;
    case FieldType::kNumber:
    case FieldType::kArray:
      out.number(static_cast<float>(random.uniform() * 2 - 1));
      break;
  }
}

// Depth is at most a tensor's rank.
void write_array(const FieldInfo& field, std::size_t dim, Random& random, json::Writer& out) {
  if (dim == field.shape.rank()) {
    write_value(field.element, random, out);
    return;
  }
  out.begin_array();
  for (std::int64_t i = 0; i < field.shape[dim]; ++i) write_array(field, dim + 1, random, out);
  out.end_array();
}

}  // namespace

std::string synthetic_record(std::span<const FieldInfo> fields, Random& random) {
  std::string record;
  json::Writer out(record);
  out.begin_object();
  for (const FieldInfo& field : fields) {
    out.key(field.name);
    if (field.type == FieldType::kArray) {
      write_array(field, 0, random, out);
    } else {
      write_value(field.type, random, out);
    }
  }
  out.end_object();
  return record;
}

}  // namespace slipway::packing
