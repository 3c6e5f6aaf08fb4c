// Checks of our own invariants. Input, network, disk and plugins get an Error, never a check.
#pragma once

namespace slipway::internal {
/// Writes the broken condition and its place to standard error and aborts.
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}  // namespace slipway::internal

/// Stops the process when an invariant of our own is broken, in every build.
#define SLIPWAY_CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::slipway::internal::check_failed(#condition, __FILE__, __LINE__))

/// The same in debug builds only, for checks on the request path.
#ifdef NDEBUG
#define SLIPWAY_DCHECK(condition) void(0)
#else
#define SLIPWAY_DCHECK(condition) SLIPWAY_CHECK(condition)
#endif
