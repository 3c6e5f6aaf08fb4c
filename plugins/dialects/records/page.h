// The page at "/": one self-contained document. It is the same for every server; its script asks GET /predict
// what there is and puts names and descriptions in as text, never as markup.
#pragma once

#include <string_view>

namespace slipway::records {

std::string_view page_html();
/// The value of Content-Security-Policy: nothing but the page's own style and script, and requests to its own
/// origin.
std::string_view page_policy();

}  // namespace slipway::records
