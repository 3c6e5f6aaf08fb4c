#include "plugins/dialects/openinference_grpc/shared_memory_calls.h"

#include <string>
#include <utility>
#include <vector>

#include "contracts/dialect/shared_memory.h"
#include "grpc/call.h"
#include "openinference/shared_tensors.h"
#include "protobuf/reader.h"
#include "protobuf/writer.h"

namespace slipway::openinference_grpc {
namespace {

using dialect::SharedRegion;
using protobuf::Field;
using protobuf::Writer;

enum RegionField : int { kName = 1, kKey, kOffset, kByteSize };

/// The requests to tell and to unregister have the name only.
Result<SharedRegion> read_region(ByteView message) {
  SharedRegion region;
  protobuf::Reader fields(message);
  Field field;
  while (fields.next(field)) {
    if (field.is_bytes(kName)) region.name = field.text();
    if (field.is_bytes(kKey)) region.key = field.text();
    if (field.is_varint(kOffset)) region.offset = field.value;
    if (field.is_varint(kByteSize)) region.byte_size = field.value;
  }
  if (!fields.ok()) return invalid_argument("v2.message", "the request is no protobuf message");
  return region;
}

/// A map from the name to the region.
void write_status(const std::vector<SharedRegion>& regions, std::string& out) {
  Writer writer(out);
  for (const SharedRegion& region : regions) {
    writer.message(1, [&](Writer& entry) {
      entry.text(1, region.name);
      entry.message(2, [&](Writer& value) {
        value.text(kName, region.name);
        value.text_if_any(kKey, region.key);
        value.varint_if_any(kOffset, region.offset);
        value.varint_if_any(kByteSize, region.byte_size);
      });
    });
  }
}

Status act(SharedMemoryCall kind, dialect::SharedMemory& memory, ByteView message, std::string& out) {
  SLIPWAY_ASSIGN_OR_RETURN(SharedRegion request, read_region(message));
  switch (kind) {
    case SharedMemoryCall::kStatus: {
      SLIPWAY_ASSIGN_OR_RETURN(const std::vector<SharedRegion> regions, memory.list(request.name));
      write_status(regions, out);
      return {};
    }
    case SharedMemoryCall::kRegister:
      return memory.add(std::move(request));
    case SharedMemoryCall::kUnregister:
      memory.remove(request.name);
      return {};
  }
  return internal_error("v2.call", "no such call");
}

}  // namespace

void answer_shared_memory(SharedMemoryCall kind, const dialect::Host& host, const grpc::Limits& limits,
                          std::unique_ptr<dialect::Exchange> exchange) {
  auto call = grpc::UnaryCall::begin(std::move(exchange), limits);
  if (!call) return;
  if (host.shared_memory == nullptr) return call->fail(openinference::no_shared_memory("shared memory"));
  const Result<ByteView> message = call->message();
  if (!message.ok()) return call->fail(message.error());
  grpc::OutMessage out;
  const Status done = act(kind, *host.shared_memory, *message, out.text());
  if (!done.ok()) return call->fail(done.error());
  call->answer(std::move(out));
}

}  // namespace slipway::openinference_grpc
