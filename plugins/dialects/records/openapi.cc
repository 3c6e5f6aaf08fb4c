// The OpenAPI document. The paths of a deployment are written out, so that generators and pages show its own
// fields.
#include "plugins/dialects/records/openapi.h"

#include "plugins/dialects/records/describe.h"

namespace slipway::records {
namespace {

class Document {
 public:
  explicit Document(json::Writer& out) : out_(out) {}

  void run(std::span<const dialect::ModelLease> models, std::string_view server_version) {
    object([&] {
      out_.field("openapi", "3.1.0");
      member("info", [&] {
        out_.field("title", "Slipway");
        out_.field("summary", "Predictions of the deployed models, in plain JSON");
        out_.field("version", server_version);
      });
      member("paths", [&] {
        for (const dialect::ModelLease& model : models) {
          write_path(*model, false);
          write_path(*model, true);
        }
      });
      member("components", [&] { write_components(); });
    });
  }

 private:
  template <typename Body>
  void object(const Body& body) {
    out_.begin_object();
    body();
    out_.end_object();
  }
  template <typename Body>
  void member(std::string_view key, const Body& body) {
    out_.key(key);
    object(body);
  }
  template <typename Body>
  void list(std::string_view key, const Body& body) {
    out_.key(key);
    out_.begin_array();
    body();
    out_.end_array();
  }
  void type(std::string_view name) { out_.field("type", name); }

  void write_path(const dialect::ServedModel& model, bool versioned) {
    const std::string suffix = versioned ? "/versions/{version}" : "";
    member(predict_path(model.name()) + suffix, [&] {
      if (versioned) {
        list("parameters", [&] {
          object([&] {
            out_.field("name", "version");
            out_.field("in", "path");
            out_.field("required", true);
            member("schema", [&] { type("string"); });
            out_.field("example", std::string_view(model.version()));
          });
        });
      }
      member("post", [&] { write_post(model, versioned); });
      member("get", [&] { write_get(model, versioned); });
    });
  }

  void write_head(const dialect::ServedModel& model, std::string_view verb, std::string_view summary,
                  bool versioned) {
    out_.field("operationId",
               std::string_view(std::string(verb) + "-" + model.name() + (versioned ? "-version" : "")));
    out_.field("summary", summary);
    if (!model.description().empty()) out_.field("description", std::string_view(model.description()));
    list("tags", [&] { out_.string(model.name()); });
  }

  void write_post(const dialect::ServedModel& model, bool versioned) {
    write_head(model, "predict",
               versioned ? "Predictions of one version" : "Predictions of the latest version", versioned);
    const std::string example = example_record(model);
    member("requestBody", [&] {
      out_.field("required", true);
      member("content", [&] {
        member("application/json", [&] {
          member("schema", [&] { write_request_schema(model); });
          if (!example.empty()) {
            member("example", [&] { list("records", [&] { out_.raw(example); }); });
          }
        });
      });
    });
    member("responses", [&] {
      member("200", [&] {
        out_.field("description", "One prediction for each record, in their order");
        json_content([&] { write_answer_schema(model); });
      });
      member("default", [&] { out_.field("$ref", "#/components/responses/Error"); });
    });
  }

  void write_request_schema(const dialect::ServedModel& model) {
    type("object");
    member("properties", [&] {
      member("records", [&] {
        type("array");
        out_.field("minItems", std::int64_t{1});
        if (!model.function().takes_rows()) out_.field("maxItems", std::int64_t{1});
        out_.key("items");
        write_record_schema(model.function(), out_);
      });
    });
    list("required", [&] { out_.string("records"); });
    out_.field("additionalProperties", false);
  }

  void write_answer_schema(const dialect::ServedModel& model) {
    type("object");
    member("properties", [&] {
      member("model", [&] { type("string"); });
      member("version", [&] { type("string"); });
      member("digest", [&] {
        list("type", [&] {
          out_.string("string");
          out_.string("null");
        });
        out_.field("description", "Of the package that answered; null where a bare file is served");
      });
      member("predictions", [&] {
        type("array");
        out_.key("items");
        write_prediction_schema(model.function(), out_);
      });
    });
    list("required", [&] {
      for (const char* name : {"model", "version", "digest", "predictions"}) out_.string(name);
    });
  }

  void write_get(const dialect::ServedModel& model, bool versioned) {
    write_head(model, "describe", "Fields of a record and of a prediction, as JSON Schema", versioned);
    member("responses", [&] {
      member("200", [&] {
        out_.field("description", "What the deployment takes and gives");
        json_content([&] { type("object"); });
      });
      member("default", [&] { out_.field("$ref", "#/components/responses/Error"); });
    });
  }

  template <typename Body>
  void json_content(const Body& schema) {
    member("content", [&] { member("application/json", [&] { member("schema", schema); }); });
  }

  void write_components() {
    member("schemas", [&] { member("Error", [&] { write_error_schema(); }); });
    member("responses", [&] {
      member("Error", [&] {
        out_.field("description",
                   "400 the request is wrong, 404 no such model or version, 413 too large, 429 and 503 try "
                   "again (Retry-After), "
                   "500 the model failed, 504 too late");
        json_content([&] { out_.field("$ref", "#/components/schemas/Error"); });
      });
    });
  }

  void text_member(std::string_view key, std::string_view description) {
    member(key, [&] {
      type("string");
      out_.field("description", description);
    });
  }

  void write_error_schema() {
    type("object");
    member("properties", [&] {
      member("error", [&] {
        type("object");
        member("properties", [&] {
          text_member("code", "One of gRPC's codes, such as INVALID_ARGUMENT");
          text_member("id", "Which failure it is; stable, such as record.invalid");
          text_member("message", "For people: what, where, and what to do");
          member("details", [&] {
            type("array");
            member("items", [&] { write_detail_schema(); });
          });
        });
        list("required", [&] {
          for (const char* name : {"code", "id", "message"}) out_.string(name);
        });
      });
    });
    list("required", [&] { out_.string("error"); });
  }

  void write_detail_schema() {
    type("object");
    member("properties", [&] {
      member("record", [&] {
        type("integer");
        out_.field("description", "Position in records, from 0");
      });
      member("field", [&] { type("string"); });
      member("message", [&] { type("string"); });
    });
    list("required", [&] { out_.string("message"); });
  }

  json::Writer& out_;
};

}  // namespace

void write_openapi(std::span<const dialect::ModelLease> models, std::string_view server_version,
                   json::Writer& out) {
  Document(out).run(models, server_version);
}

}  // namespace slipway::records
