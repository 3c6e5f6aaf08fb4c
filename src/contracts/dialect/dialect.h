// A dialect is one wire API spoken to clients: it decodes an Exchange into a neutral request, lets the server
// answer it and encodes the answer. One folder under plugins/dialects/ implements it; it knows neither
// sockets nor how models are run.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "contracts/dialect/exchange.h"
#include "function/function.h"
#include "infer/infer.h"
#include "tensor/signature.h"

namespace slipway::dialect {

class SharedMemory;

enum class ModelState : std::uint8_t { kLoading, kReady, kUnloading, kFailed, kUnloaded };
std::string_view state_name(ModelState state);  ///< "LOADING", "READY", ... as Triton's index writes them

struct CountAndTime {
  std::uint64_t count = 0;
  Duration time{};  ///< of all of them together
};

/// What a revision has done since it was loaded.
struct ModelStatistics {
  struct Batch {
    std::size_t rows = 0;
    CountAndTime runs;
  };
  std::int64_t last_inference_ms = 0;  ///< since 1970, UTC; 0 = none yet
  std::uint64_t inferences = 0;        ///< rows answered
  std::uint64_t executions = 0;        ///< runs of the model
  CountAndTime success;                ///< requests answered, with their time in queue and model
  CountAndTime fail;
  CountAndTime queue;
  CountAndTime compute;
  std::vector<Batch> batches;  ///< runs by their rows
};

/// One revision of a deployment as clients see it. Immutable; holding the pointer keeps the model loaded, so
/// hold it for a request, not for longer. Thread: safe.
class ServedModel {
 public:
  virtual ~ServedModel() = default;
  [[nodiscard]] virtual const std::string& name() const = 0;
  [[nodiscard]] virtual const std::string& version() const = 0;
  [[nodiscard]] virtual const std::string& digest()
      const = 0;  ///< "sha256:..." of the package; empty for a bare file
  [[nodiscard]] virtual const std::string& platform() const = 0;  ///< the backend's name, as clients see it
  [[nodiscard]] virtual const Signature& signature() const = 0;
  /// Never null: a model without a declared function takes its input names as fields.
  [[nodiscard]] virtual const function::Function& function() const = 0;
  [[nodiscard]] virtual const std::string& description() const = 0;
  /// One record that the model answers, as JSON, for documents and the page; empty when none is known.
  [[nodiscard]] virtual const std::string& example_record() const = 0;
  [[nodiscard]] virtual ModelStatistics statistics() const { return {}; }
  /// Rows that requests are run together up to; 1 = every request alone.
  [[nodiscard]] virtual std::size_t max_batch_rows() const { return 1; }
};
using ModelLease = std::shared_ptr<const ServedModel>;

struct ModelStatus {
  std::string name;
  std::string version;
  ModelState state = ModelState::kReady;
  std::string reason;                    ///< why it failed or is not ready
  std::vector<std::string> labels = {};  ///< names that stand for this version
  bool on_demand = false;                ///< while it is not loaded, a request for it loads it
};

/// What one finished request for an inference tells the monitors.
struct RequestRecord {
  const ServedModel* model = nullptr;  ///< null when it never reached one
  Code code = Code::kOk;
  infer::Timings timings;
  std::uint64_t rows = 1;
  const PeerIdentity* client = nullptr;  ///< as Exchange::peer(); only for the call of observe()
};

/// A request that waits until its model is loaded.
class Waiter {
 public:
  virtual ~Waiter() = default;
  /// Nobody waits for its answer any more. Thread: any.
  [[nodiscard]] virtual bool gone() const = 0;
  /// The load has ended, well or not, or will not be: now is the time to find() the model, before others make
  /// it leave again. Called once, on the thread that loads; must be quick.
  virtual void look() = 0;
  /// Called once, after look(): on the loop that asked, and where none did, or it has ended, on any thread.
  virtual void go_on() = 0;
};

/// The id of find()'s error for a model that demand() would load.
inline constexpr std::string_view kOnDemand = "model.on_demand";

/// The server, as dialects see it. Thread: safe.
class ModelServer {
 public:
  virtual ~ModelServer() = default;

  /// `version` empty = the latest that is ready; else a version, or a label that stands for one. Cost: no
  /// lock.
  /// Errors: model.unknown, model.version_unknown (not found), model.not_ready, model.on_demand
  /// (unavailable).
  [[nodiscard]] virtual Result<ModelLease> find(std::string_view name, std::string_view version) const = 0;
  /// The ready versions of a model, oldest first. Errors: model.unknown.
  [[nodiscard]] virtual Result<std::vector<std::string>> versions(std::string_view name) const = 0;
  /// Everything known, ready or not, by name, then version.
  [[nodiscard]] virtual std::vector<ModelStatus> index() const = 0;
  /// True once everything configured at the start is ready or has failed, and until the drain begins.
  [[nodiscard]] virtual bool ready() const = 0;
  /// Calls `changed` after index() or ready() have changed, until the handle that it gives is dropped. On any
  /// thread; it must be quick, and may come once for several changes. Null from a server where nothing ever
  /// changes.
  [[nodiscard]] virtual std::shared_ptr<void> subscribe(std::function<void()> changed);

  /// Checks the request against the model's signature (names, types, shapes, sizes), runs it and calls
  /// call->done(). Errors (through done): infer.input_missing, infer.input_unknown, infer.input_type,
  /// infer.input_shape, infer.output_unknown, infer.deadline, infer.overloaded, and the backend's.
  virtual void infer(const ModelLease& model, std::unique_ptr<infer::Call> call) = 0;

  /// Loads (or reloads) by name from the server's repositories; `done` is called when ready or failed, on any
  /// thread.
  virtual void load(std::string name, std::function<void(Status)> done) = 0;
  virtual void unload(std::string name, std::function<void(Status)> done) = 0;
  /// For a model that find() does not give because it is loaded only when it is asked for: takes the waiter,
  /// loads the model and gives true. False for every other model, and when too much waits already; the waiter
  /// is then left with the caller. with_model() (wishes.h) is how dialects ask.
  [[nodiscard]] virtual bool demand(std::string_view name, std::unique_ptr<Waiter>& waiter);
  /// Lets `label` stand for a ready version from now on; with an empty version the label is taken away.
  /// Errors (through done): model.unknown, model.version_unknown, model.label_unknown, model.label.
  virtual void set_label(std::string name, std::string label, std::string version,
                         std::function<void(Status)> done) = 0;

  /// Told once for each inference that came, answered or refused, with the code that the client saw; never
  /// for other requests. `dialect` is the dialect's name. Cost: a few relaxed atomic additions.
  virtual void observe(std::string_view dialect, const RequestRecord& record) = 0;
};

/// Which listener a route answers on, and who may call it there.
enum class Reach : std::uint8_t {
  kInference,  ///< the inference listener
  kControl,    ///< the admin listener, and the inference listener for callers on loopback
};

/// A pattern such as "/v2/models/{model}/versions/{version}/infer". A {name} matches one segment.
struct Route {
  Method method = Method::kGet;
  std::string pattern;
  Reach reach = Reach::kInference;
  int id = 0;              ///< the dialect's own number for it
  bool streaming = false;  ///< wants the request before its body is whole, to read() and answer at once
};

/// Values of a route's {names}, in the order of the pattern.
using PathValues = std::span<const std::string_view>;

/// Promises, checked by the kit in testing/conformance.h: every exchange is answered once and then let go;
/// what says that it is JSON is; an error is JSON of 64 KiB at most, in the error's own words, with a
/// status of the 400s where the caller can change something and of the 500s where not; HEAD is answered as
/// GET is (the transport leaves the body out).
class Dialect {
 public:
  virtual ~Dialect() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;  ///< [a-z0-9_]+: a label of metrics
  /// The same at every call; HEAD and OPTIONS are the router's.
  [[nodiscard]] virtual std::vector<Route> routes() const = 0;
  /// Answers the exchange, now or later; never blocks. Thread: safe (several loops call it).
  virtual void handle(int route_id, PathValues values, std::unique_ptr<Exchange> exchange) = 0;
  /// The body and headers of an error in this dialect's words, for failures that the transport or the router
  /// found on one of its paths (a body too large, a wrong method). Never asked for a gRPC call: the router
  /// ends those itself.
  virtual void refuse(const Error& error, std::unique_ptr<Exchange> exchange) = 0;
  /// The protobuf files that describe its gRPC services and all that they import, each a serialised
  /// google.protobuf.FileDescriptorProto.
  [[nodiscard]] virtual std::vector<std::string> descriptors() const { return {}; }
};

struct Limits {
  std::size_t max_tensor_bytes = std::size_t{64} << 20U;  ///< one input tensor, decoded
  std::size_t max_records = 65536;                        ///< records in one request
};

/// What the program gives each dialect. Borrows: all of it, for the dialect's life.
struct Host {
  ModelServer* server = nullptr;
  const Clock* clock = nullptr;
  Logger* logger = nullptr;
  Limits limits;
  std::string server_version;
  /// Dialect::descriptors() of all dialects. Ask when the first request comes: dialects are made one by one.
  std::function<std::vector<std::string>()> descriptors = {};
  /// The least important lines that the log has, and how to change that. Null where it cannot be changed.
  std::function<LogLevel()> log_level = {};
  std::function<void(LogLevel)> set_log_level = {};
  /// Memory that clients share (shared_memory.h); null where that is not allowed.
  SharedMemory* shared_memory = nullptr;
};

/// HTTP status for a canonical code where a dialect has no other opinion. Source: google/api http mapping,
/// with UNAVAILABLE 503 and RESOURCE_EXHAUSTED 429.
int http_status(Code code);

}  // namespace slipway::dialect
