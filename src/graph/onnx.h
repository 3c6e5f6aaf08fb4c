// What an ONNX model file says about itself. Nothing here runs a model or copies its weights.
//
// Source: onnx/onnx docs/IR.md and onnx.proto.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "tensor/dtype.h"

namespace slipway::graph {

/// True when the outer fields of `file` are those of an ONNX model, whole or cut short. Cost: a few reads.
[[nodiscard]] bool looks_like_onnx(ByteView file);

/// One dimension of a declared shape.
struct Dimension {
  std::int64_t size = -1;  ///< -1 = free
  std::string symbol;      ///< the name of a free dimension ("batch"); may be empty
};

/// One input or output of the graph.
struct ValueInfo {
  std::string name;
  std::string type;                            ///< for people: "FP32", "sequence(map(INT64,FP32))"
  bool is_tensor = false;                      ///< of any element type
  std::optional<DType> dtype;                  ///< set for a tensor whose element type has a v2 name
  std::optional<std::vector<Dimension>> dims;  ///< absent when the model does not state the rank
};

struct OpsetImport {
  std::string domain;  ///< empty = ai.onnx
  std::int64_t version = 0;
};

/// Weights outside the model file.
struct ExternalTensor {
  std::string location;  ///< as written in the model: the name of a file beside it
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;  ///< absent = to the end of the file
};

struct ModelInfo {
  std::int64_t ir_version = 0;
  std::int64_t model_version = 0;
  std::string producer_name;
  std::string producer_version;
  std::string domain;
  std::string description;
  std::vector<OpsetImport> opsets;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<ValueInfo> inputs;  ///< those a caller must give: without weights that are listed as inputs
  std::vector<ValueInfo> outputs;
  /// Domains of operators that are neither ONNX's own nor defined by functions inside the model; sorted.
  std::vector<std::string> custom_domains;
  std::vector<ExternalTensor> external;
  /// Class labels in the order of the scores, from the ZipMaps, else from the classifiers; empty when there
  /// are none or when they differ.
  std::vector<std::string> labels;
  std::size_t nodes = 0;  ///< operators, those inside subgraphs and functions included
};

/// Reads all of that. Cost: linear in the number of operators and weights, not in their bytes; copies no
/// weights. Errors: graph.damaged (no sound ONNX), graph.limit (more of something than is allowed; the
/// message names it), graph.external_data (weights outside the model where no runtime may follow them: a path
/// that leaves the folder, is absolute or not a plain name, or weights inside operators and subgraphs).
Result<ModelInfo> inspect(ByteView file);

/// A model after an edit.
struct EditedModel {
  std::string file;
  std::vector<std::string> labels;  ///< in the order of the scores; empty when several ZipMaps differ in them
};

/// Replaces every graph output made by ai.onnx.ml's ZipMap (sequence(map(INT64 or BYTES, FP32))) by the
/// tensor of scores that the ZipMap read, FP32 [rows, labels], under the output's name. Nothing when there is
/// no such output, in which case nothing is copied. Errors: as inspect.
Result<std::optional<EditedModel>> flatten_maps(ByteView file);

}  // namespace slipway::graph
