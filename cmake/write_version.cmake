# Writes OUT with version, commit and build, and leaves it alone where nothing changed.
execute_process(COMMAND git -C ${SOURCE} rev-parse --short=12 HEAD
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
  set(commit unknown)
else()
  execute_process(COMMAND git -C ${SOURCE} status --porcelain --untracked-files=no
    OUTPUT_VARIABLE changes ERROR_QUIET)
  if(changes)
    string(APPEND commit "+")
  endif()
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT [[
#include "app/version.gen.h"

namespace slipway::app {

std::string_view program_version() { return "@VERSION@"; }
std::string_view program_commit() { return "@commit@"; }
std::string_view program_build() { return "@BUILD@"; }

}  // namespace slipway::app
]] @ONLY)
