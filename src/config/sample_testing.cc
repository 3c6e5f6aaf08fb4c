#include "config/sample_testing.h"

#include "base/text.h"

namespace slipway::config::testing {

Schema<Sample> sample_schema() {
  Schema<Limits> limits("limits", "What one request may cost.");
  limits
      .field("body", &Limits::body,
             byte_size({.min = ByteSize{1024},
                        .max = ByteSize{std::uint64_t{1} << 30U},
                        .reason = "memory is finite"}),
             {.text = "Largest body of a request."})
      .field("request", &Limits::request, duration({.min = std::chrono::milliseconds(1)}),
             {.text = "Longest time for one request."})
      .field("idle", &Limits::idle, duration(), {.text = "Closes quiet connections.", .example = "1m"})
      .check([](const Limits& value, Problems& problems) {
        if (value.idle && *value.idle < value.request) {
          problems.add("idle", "shorter than request", "use at least " + format_duration(value.request));
        }
      });

  Schema<Column> column("column", "One column.");
  column
      .field("name", &Column::name, text({.min_bytes = 1, .what = "a name"}),
             {.text = "Its name.", .required = true})
      .field("type", &Column::type, one_of({"number", "integer", "string"}), {.text = "What it holds."});

  Schema<Deployment> deployment("deployment", "One use of a package.");
  deployment
      .field("package", &Deployment::package, path(),
             {.text = "What to run.", .example = "wine:1.2.0", .required = true})
      .field("instances", &Deployment::instances, integer<int>({.min = 1, .max = 64}),
             {.text = "Copies of the model."})
      .field("share", &Deployment::share_frac, number({.min = 0.0, .max = 1.0}),
             {.text = "Its part of the traffic."})
      .field("tags", &Deployment::tags, {.text = "Words to find it by."});

  const auto check = [](std::string_view name) { return check_name("name", name); };
  Schema<Sample> schema("sample", "Settings of every kind.");
  schema
      .field("name", &Sample::name, text({.min_bytes = 1, .what = "a name", .check = check}),
             {.text = "What it is called.", .example = "wine", .required = true})
      .field("version", &Sample::version, {.text = "Its version."})
      .field("enabled", &Sample::enabled, {.text = "Whether it runs."})
      .field("threads", &Sample::threads,
             integer<int>({.min = 0, .max = 1024, .reason = "more only cost memory"}),
             {.text = "Event loops; 0 is one per core."})
      .field("port", &Sample::port, {.text = "Where it listens."})
      .field("format", &Sample::format, choice<Format>({{"text", Format::kText}, {"json", Format::kJson}}),
             {.text = "How it writes."})
      .field("sizes", &Sample::sizes, {.text = "Some sizes."})
      .field("limits", &Sample::limits, limits, {.text = "What one request may cost."})
      .field("columns", &Sample::columns, list(column.type(), {.max_items = 3}),
             {.text = "Columns of a record."})
      .field("deployments", &Sample::deployments, map(deployment.type(), {.key = "NAME", .check_key = check}),
             {.text = "What runs."})
      .field("labels", &Sample::labels, {.text = "Free words."});
  return schema;
}

}  // namespace slipway::config::testing
