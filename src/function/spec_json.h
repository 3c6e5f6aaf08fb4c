// A prediction function's declaration as JSON, the form in which it travels in a package:
//   {"inputs": [{"name": "alcohol", "type": "number", "input": "float_input",
//                "description": "...", "required": false, "default": 12.5}],
//    "outputs": [{"name": "grape", "kind": "label", "output": "label", "labels": ["barolo"], "classes": [1],
//                 "description": "..."}]}
// `type` defaults to "number", `kind` to "value", `required` to true; the rest may be absent. `name` must be
// there.
#pragma once

#include "base/error.h"
#include "function/function.h"
#include "json/json.h"
#include "json/writer.h"

namespace slipway::function {

/// Writes the keys in the order above, without those that are empty: equal specs give equal bytes.
void write_spec(const Spec& spec, json::Writer& out);

/// Range: at most kMaxFields fields, labels and classes each.
/// Errors: function.spec, with a fault for every unknown key (did you mean), key given twice, wrong type and
/// missing name.
Result<Spec> read_spec(const json::Value& value);

inline constexpr std::size_t kMaxFields = 65536;

}  // namespace slipway::function
