// Tensors -> ModelInferResponse.
//
// Layout: openinference.proto; the elements are in raw_output_contents, whatever form the request had.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "contracts/dialect/dialect.h"
#include "openinference/classification.h"
#include "tensor/tensor.h"

namespace slipway::openinference_grpc {

/// What an answer says. Borrows: all of it.
struct Answer {
  const dialect::ServedModel& model;
  std::string_view id;
  std::span<const NamedTensorView> outputs;
  std::span<const openinference::OutputForm> forms = {};  ///< says which outputs are in shared memory
};

/// Appends a ModelInferResponse; each output's bytes are copied once, into memory that was reserved for all.
/// One in shared memory has an empty entry, and parameters shared_memory_region, shared_memory_byte_size
/// (what it has) and, above 0, shared_memory_offset. Errors: v2.output_size (resource exhausted): protobuf
/// has no messages of 2 GiB and more.
Status write_answer(const Answer& answer, std::string& out);

/// Appends a ModelStreamInferResponse with the answer, and the parameter triton_final_response: every request
/// has one answer. Errors: as write_answer().
Status write_stream_answer(const Answer& answer, std::string& out);
/// Appends a ModelStreamInferResponse with the error's text, and the id in an empty answer.
void write_stream_error(const Error& error, std::string_view id, std::string& out);

}  // namespace slipway::openinference_grpc
