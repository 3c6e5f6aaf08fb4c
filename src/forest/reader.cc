#include "forest/reader.h"

#include <algorithm>

#include "forest/formats_internal.h"
#include "forest/ubjson.h"

namespace slipway::forest {
namespace {

using namespace std::string_view_literals;

std::string_view skip_space(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

/// The first key of a JSON object; empty when there is none.
std::string_view first_key(std::string_view text) {
  text = skip_space(text);
  if (!text.starts_with('{')) return {};
  text = skip_space(text.substr(1));
  if (!text.starts_with('"')) return {};
  const std::size_t end = text.find('"', 1);
  return end == std::string_view::npos ? std::string_view() : text.substr(1, end - 1);
}

}  // namespace

std::string_view format_name(Format format) {
  switch (format) {
    case Format::kXgboostJson:
      return "XGBoost JSON";
    case Format::kXgboostUbjson:
      return "XGBoost UBJSON";
    case Format::kLightgbmText:
      return "LightGBM text";
    case Format::kCatboostJson:
      return "CatBoost JSON";
    case Format::kNone:
      break;
  }
  return {};
}

Format recognise(ByteView file) {
  const std::string_view text = as_text(file);
  if (text.starts_with("{L\0\0\0\0\0\0\0\x07learner"sv) || text.starts_with("{i\x07learner"sv))
    return Format::kXgboostUbjson;
  if (text.starts_with("tree\nversion="sv) || text.starts_with("tree\r\nversion="sv))
    return Format::kLightgbmText;
  const std::string_view key = first_key(text);
  if (key == "learner") return Format::kXgboostJson;
  if (key == "features_info" || key == "ctr_data") return Format::kCatboostJson;
  return Format::kNone;
}

Result<Forest> read(ByteView file) {
  const std::string_view text = as_text(file);
  const auto forest = [&]() -> Result<Forest> {
    switch (recognise(file)) {
      case Format::kXgboostJson:
        return internal::read_xgboost_json(text);
      case Format::kXgboostUbjson: {
        SLIPWAY_ASSIGN_OR_RETURN(const std::string json, ubjson_to_json(file));
        return internal::read_xgboost_json(json);
      }
      case Format::kLightgbmText:
        return internal::read_lightgbm_text(text);
      case Format::kCatboostJson:
        return internal::read_catboost_json(text);
      case Format::kNone:
        break;
    }
    return damaged("this is no file of trees");
  }();
  if (!forest.ok()) return forest.error();
  SLIPWAY_TRY(check(*forest));
  return forest;
}

}  // namespace slipway::forest
