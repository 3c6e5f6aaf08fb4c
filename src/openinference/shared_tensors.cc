#include "openinference/shared_tensors.h"

#include <algorithm>
#include <utility>

#include "openinference/words.h"

namespace slipway::openinference {

Error no_shared_memory(const std::string& title) {
  return unimplemented("v2.shared_memory",
                       title + ": this server has no shared memory with this client; send the data");
}

Error classes_in_shared_memory(const std::string& title) {
  return invalid_argument("v2.parameter",
                          title + ": \"classification\" and shared memory do not go together");
}

Result<SharedPartPtr> SharedTensors::find(const SharedWords& words, const std::string& title) const {
  if (memory_ == nullptr) return no_shared_memory(title);
  if (!words.region || !words.byte_size) {
    return invalid_argument("v2.parameter", title +
                                                ": the parameters \"shared_memory_region\" and "
                                                "\"shared_memory_byte_size\" are wanted together");
  }
  auto part = memory_->find({*words.region, words.offset.value_or(0), *words.byte_size});
  if (!part.ok()) return part.error().within(title);
  return part;
}

Status SharedTensors::read(const SharedWords& words, const std::string& title, TensorView& tensor,
                           Buffer& buffer) {
  SLIPWAY_ASSIGN_OR_RETURN(const SharedPartPtr part, find(words, title));
  const std::uint64_t size = part->range().byte_size;
  if (size > left_bytes_) {
    return invalid_argument("v2.shared_memory_size",
                            title + " has " + std::to_string(size) +
                                " bytes in shared memory, but one request may have no more than " +
                                std::to_string(left_bytes_) + " (what its other inputs leave)");
  }
  left_bytes_ -= static_cast<std::size_t>(size);
  auto memory = Buffer::allocate(static_cast<std::size_t>(size));
  if (!memory.ok()) return memory.error().within(title);
  buffer = std::move(memory).value();
  if (auto read = part->read(buffer.bytes()); !read.ok()) return read.error().within(title);
  tensor.data = std::as_const(buffer).bytes();
  if (auto valid = tensor.validate(); !valid.ok()) return valid.error().within(title);
  return {};
}

const OutputForm* form_of(std::span<const OutputForm> forms, std::string_view name) {
  const auto at =
      std::find_if(forms.begin(), forms.end(), [&](const OutputForm& form) { return form.name == name; });
  return at == forms.end() ? nullptr : &*at;
}

Status write_shared_outputs(std::span<const OutputForm> forms, std::span<const NamedTensorView> outputs) {
  for (const NamedTensorView& output : outputs) {
    const OutputForm* form = form_of(forms, output.name);
    if (form == nullptr || form->shared == nullptr) continue;
    const std::string title = "output " + quoted(output.name);
    const std::size_t size = output.tensor.data.size();
    if (size > form->shared->range().byte_size) {
      return invalid_argument("v2.shared_memory_size", title + " has " + std::to_string(size) +
                                                           " bytes, but its place in shared memory " +
                                                           std::to_string(form->shared->range().byte_size));
    }
    if (auto written = form->shared->write(output.tensor.data); !written.ok())
      return written.error().within(title);
  }
  return {};
}

}  // namespace slipway::openinference
