// Any question: it is refused, or its answer repeats it and can be read.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "plugins/dialects/grpc_reflection/answer.h"
#include "plugins/dialects/grpc_reflection/descriptor.h"
#include "protobuf/reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  using namespace slipway::grpc_reflection;
  static const auto kIndex = grpc::Descriptors::create(
      {std::string(reflection_v1_proto()), std::string(reflection_v1alpha_proto())});
  SLIPWAY_CHECK(kIndex.ok());
  const ByteView question(reinterpret_cast<const std::byte*>(data), size);
  std::string out;
  if (!answer(question, *kIndex, out).ok()) return 0;
  int answers = 0;
  bool repeated = false;
  protobuf::Reader reader(as_bytes(out));
  for (protobuf::Field field; reader.next(field);) {
    if (field.number == 2) repeated = field.text() == as_text(question);
    if (field.number >= 4) ++answers;
  }
  SLIPWAY_CHECK(reader.ok() && repeated && answers == 1);

  // The same bytes as a description of services: damage is an error and nothing else.
  (void)grpc::Descriptors::create({std::string(as_text(question)), out});
  return 0;
}
