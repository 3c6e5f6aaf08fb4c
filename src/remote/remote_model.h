// Asking a server for predictions.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "function/function.h"
#include "io/filesystem.h"
#include "json/json.h"
#include "net/client/client.h"
#include "net/tls/connector.h"
#include "tensor/tensor.h"

namespace slipway::remote {

/// What the program gives. Borrows: clock and files.
struct Host {
  const Clock* clock = nullptr;
  io::FileSystem* files = nullptr;
  net::TlsTrust trust = {};  ///< for https addresses
};

/// For an address of https what its connections need, for another null. Errors: those of
/// net::TlsConnector::create(), remote.trust (the host trusts, or shows, something, and the address is not
/// https).
Result<std::shared_ptr<const net::TlsConnector>> connector_for(const Host& host, const net::Url& url);

/// A deployment on a server: "http://host:port/predict/wine", or the server's address and a name.
class RemoteModel {
 public:
  /// `name` fills in an address without a path; empty = the only model there.
  /// Errors: net.*; remote.answer (the server's own words), remote.which_model (several; they are named).
  static Result<RemoteModel> find(const Host& host, const std::string& address, const std::string& name);

  /// The model's fields, as far as their types matter for reading records.
  [[nodiscard]] const std::vector<function::FieldInfo>& fields() const { return fields_; }
  /// A record that works, as JSON; empty when the server knows none.
  [[nodiscard]] const std::string& example() const { return example_; }
  /// One call may hold several records.
  [[nodiscard]] bool takes_rows() const { return takes_rows_; }
  [[nodiscard]] const std::string& target() const { return target_; }

  /// `records` is a JSON array; gives the array of predictions as JSON. Errors: as above, with the server's
  /// faults.
  Result<std::string> predict(const std::string& records);
  /// Tensors by the v2 protocol's binary form. Errors: as above.
  Result<std::vector<NamedTensor>> infer(const std::vector<NamedTensor>& inputs);

 private:
  std::unique_ptr<net::Client> client_;
  std::string target_;
  std::vector<function::FieldInfo> fields_;
  std::string example_;
  bool takes_rows_ = true;
};

/// The records of a file, as JSON texts. Errors: io.*, and those of packing::read_records().
Result<std::vector<std::string>> read_records(const Host& host, const std::string& file,
                                              const std::vector<function::FieldInfo>& fields);

/// The text under a key of an object; empty where there is none.
std::string text_of(const json::Value& object, std::string_view key);

/// True for "http://..." and "https://...".
bool is_address(const std::string& text);

}  // namespace slipway::remote
