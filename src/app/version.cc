#include "app/version.h"

#include <string>

#include "app/version.gen.h"

namespace slipway::app {

Exit print_version(Context& context) {
  if (context.json()) {
    std::string text;
    json::Writer writer(text);
    writer.begin_object();
    writer.field("version", program_version());
    writer.field("commit", program_commit());
    writer.field("build", program_build());
    writer.key("runtimes");
    writer.begin_array();
    for (backend::Backend* backend : context.backends()) {
      const backend::BackendInfo info = backend->info();
      writer.begin_object();
      writer.field("name", info.name);
      writer.field("version", info.version);
      writer.field("where", info.where);
      writer.field("problem", info.problem);
      writer.end_object();
    }
    writer.end_array();
    writer.end_object();
    context.print(text);
    return Exit::kDone;
  }
  context.print("slipway " + std::string(program_version()));
  context.print("commit  " + std::string(program_commit()));
  context.print("build   " + std::string(program_build()));
  for (backend::Backend* backend : context.backends()) {
    const backend::BackendInfo info = backend->info();
    context.print(
        "runtime " + info.name + " " +
        (info.problem.empty() ? info.version + " (" + info.where + ")" : "missing: " + info.problem));
  }
  return Exit::kDone;
}

}  // namespace slipway::app
