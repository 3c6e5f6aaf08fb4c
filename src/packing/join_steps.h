// The steps of slipway.yaml, learnt from the sample and made part of the model.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "function/settings.h"
#include "io/filesystem.h"
#include "steps/join.h"

namespace slipway::packing {

/// The whole declaration in a package, with the numbers that were learnt: what slipway.yaml says under
/// `function`.
inline constexpr std::string_view kStepsPath = "slipway/function.yaml";

/// Puts the lines of each `file` of labels in its place. Errors: function.invalid, io.*.
Status read_label_files(io::FileSystem& fs, const std::string& folder, function::FunctionSettings& settings);

/// Learns from every record of the sample; without one (absent) only what needs none will do.
/// Errors: as steps::Joining; records.*, and record.invalid in the sample's own words.
Result<steps::Joined> join_steps(function::FunctionSettings settings, ByteView model,
                                 const std::optional<std::string>& sample, std::string_view sample_name);

}  // namespace slipway::packing
