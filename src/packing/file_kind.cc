#include "packing/file_kind.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace slipway::packing {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kFromSklearn =
    "export it where it was trained: skl2onnx.to_onnx(model, X[:1]), and pack the .onnx file";
constexpr std::string_view kFromTorch =
    "export it where it was trained: torch.onnx.export(model, example, \"model.onnx\"), and pack the .onnx "
    "file";
constexpr std::string_view kFromKeras =
    "export it where it was trained: tf2onnx.convert.from_keras(model, output_path=\"model.onnx\"), and pack "
    "that";
constexpr std::string_view kFromTensorFlow =
    "convert it: python -m tf2onnx.convert --saved-model FOLDER --output model.onnx, and pack that";
constexpr std::string_view kFromOldXgboost =
    "load it with the XGBoost that wrote it (before 3.1) and save it again as JSON: "
    "booster.save_model(\"model.json\")";
constexpr std::string_view kFromCatboost =
    "load it in Python and save it again as JSON: model.save_model(\"model.json\", format=\"json\")";

struct Row {
  std::size_t offset;
  std::string_view magic;
  FileKind kind;
};
constexpr std::array kRows = {
    Row{0, "\x89HDF\r\n\x1a\n"sv, {"an HDF5 file (Keras)"sv, kFromKeras}},
    Row{0, "\x93NUMPY"sv, {"a NumPy array"sv, "pack the model, and give the array as its sample in CSV"sv}},
    Row{4,
        "TFL3"sv,
        {"a TensorFlow Lite model"sv,
         "convert it: python -m tf2onnx.convert --tflite FILE --output model.onnx"sv}},
    Row{4,
        "ORTM"sv,
        {"a model in ONNX Runtime's own format"sv, "pack the .onnx file that it was made from"sv}},
    Row{0, "GGUF"sv, {"a GGUF language model"sv, "this program serves ONNX models"sv}},
    Row{0, "CBM1"sv, {"a CatBoost model in its binary form"sv, kFromCatboost}},
    Row{0, "binf"sv, {"an XGBoost model in its old binary form"sv, kFromOldXgboost}},
    Row{0, "\x1f\x8b"sv, {"a gzip archive"sv, "unpack it first"sv}},
    Row{0, "\x28\xb5\x2f\xfd"sv, {"a zstd archive"sv, "unpack it first"sv}},
    Row{0, "<?xml"sv, {"an XML file"sv, "export the model as ONNX"sv}},
};

constexpr FileKind kPickle{"a Python pickle"sv, kFromSklearn};
constexpr FileKind kTorch{"a PyTorch pickle"sv, kFromTorch};

// Protocols 2 to 5 say so; 0 and 1 begin with an opcode that builds something and end with STOP.
// Source: CPython Lib/pickletools.py.
bool is_pickle(std::string_view text) {
  if (text.size() >= 2 && text[0] == '\x80' && text[1] >= 2 && text[1] <= 5) return true;
  const bool stops = text.ends_with('.') || text.ends_with(".\n");
  if (!stops || text.size() < 8) return false;
  const bool global =
      text[0] == 'c' &&
      std::count(text.begin(),
                 text.begin() + std::min<std::ptrdiff_t>(200, static_cast<std::ptrdiff_t>(text.size())),
                 '\n') >= 2;
  const bool mark = text[0] == '(' && (text[1] == 'd' || text[1] == 'l' || text[1] == 'i' || text[1] == 'c');
  const bool first_protocols = text[0] == ']' || text[0] == '}';
  return global || mark || (first_protocols && text[1] == 'q');
}

bool has_near_ends(std::string_view text, std::string_view word) {
  constexpr std::size_t kWindow = 65536;
  if (text.substr(0, kWindow).find(word) != std::string_view::npos) return true;
  return text.size() > kWindow && text.substr(text.size() - kWindow).find(word) != std::string_view::npos;
}

FileKind recognise_zip(std::string_view text) {
  if (has_near_ends(text, "data.pkl")) return kTorch;
  if (has_near_ends(text, ".pkl") || has_near_ends(text, ".pickle")) return kPickle;
  if (has_near_ends(text, "model.weights.h5")) return {"a Keras model", kFromKeras};
  return {"a zip archive", "unpack it first"};
}

}  // namespace

FileKind recognise(ByteView file) {
  const std::string_view text = as_text(file);
  if (text.empty()) return {"an empty file", "export or copy it again"};
  if (is_pickle(text)) return has_near_ends(text, "torch") ? kTorch : kPickle;
  if (text.starts_with("PK\x03\x04")) return recognise_zip(text);
  for (const Row& row : kRows) {
    if (text.size() > row.offset && text.substr(row.offset).starts_with(row.magic)) return row.kind;
  }
  if (has_near_ends(text, "saved_model_main_op") || has_near_ends(text, "serving_default")) {
    return {"a TensorFlow SavedModel", kFromTensorFlow};
  }
  return {};
}

Error refuse_file(std::string_view name, ByteView file) {
  const FileKind kind = recognise(file);
  const std::string shown = "'" + printable(name) + "'";
  if (kind.what == kPickle.what || kind.what == kTorch.what) {
    return permission_denied("packing.pickle",
                             shown + " is " + std::string(kind.what) +
                                 ": loading one runs whatever code is inside, so it is never "
                                 "loaded; " +
                                 std::string(kind.way_out));
  }
  if (!kind.what.empty()) {
    return invalid_argument("packing.unknown_model", shown + " is " + std::string(kind.what) +
                                                         ", not a model that " + "can be packed; " +
                                                         std::string(kind.way_out));
  }
  return invalid_argument(
      "packing.unknown_model",
      shown + " is no model that any backend of this build knows; export the model as ONNX");
}

}  // namespace slipway::packing
