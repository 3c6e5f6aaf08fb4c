// What a load test sends.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "net/client/client.h"
#include "net/client/load.h"
#include "remote/remote_model.h"

namespace slipway::remote {

struct LoadTarget {
  std::string address;  ///< as given: a server, a model on it, or any path
  std::string
      protocol;  ///< "predict", "v2", "v2-binary", "grpc", "grpc-stream", "http"; empty = by the address
  std::string records;  ///< a file; empty = the model's example
  std::string body;     ///< a file that is sent as it is: a body, or a message of gRPC; empty = none
  bool http2 = false;   ///< where the protocol leaves a choice
};

inline const std::vector<std::string>& load_protocols() {
  static const std::vector<std::string> all = {"predict", "v2", "v2-binary", "grpc", "grpc-stream", "http"};
  return all;
}

/// Fills in endpoint, protocol, method, target and requests. Asks the server for the model's fields and
/// signature where they are needed. `said`: the protocol that was chosen.
/// Errors: net.*, io.*, remote.answer, remote.which_model, remote.body, remote.records, record.*.
Status fill_requests(const Host& host, const LoadTarget& target, net::LoadOptions& load, std::string& said);

}  // namespace slipway::remote
