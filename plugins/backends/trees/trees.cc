#include "plugins/backends/trees/trees.h"

#include "base/text.h"
#include "forest/reader.h"
#include "plugins/backends/trees/instance_internal.h"

namespace slipway {
namespace trees {
namespace {

Error load_error(const Error& error) {
  return error.code() == Code::kUnimplemented ? unimplemented("backend.unsupported", error.message())
                                              : invalid_argument("backend.load", error.message());
}

class TreesBackend final : public backend::Backend {
 public:
  std::string_view name() const override { return "trees"; }

  bool probe(ByteView model) const override { return forest::recognise(model) != forest::Format::kNone; }

  Result<std::unique_ptr<backend::Instance>> load(const backend::ModelFiles& files,
                                                  const backend::LoadOptions& options) override {
    if (options.device != "cpu") {
      return unimplemented("backend.unsupported",
                           "trees run on the device cpu, not on '" + printable(options.device) + "'");
    }
    SLIPWAY_ASSIGN_OR_RETURN(const ByteView file, files.read(files.main()));
    const auto forest = forest::read(file);
    if (!forest.ok()) return load_error(forest.error().within(files.main()));
    return make_instance(*forest, options);
  }

  // The version is of the forms that are read.
  backend::BackendInfo info() override { return {"trees", "1", "built in", ""}; }
};

}  // namespace
}  // namespace trees

std::unique_ptr<backend::Backend> make_backend_trees(const backend::Host& /*host*/) {
  return std::make_unique<trees::TreesBackend>();
}

}  // namespace slipway
