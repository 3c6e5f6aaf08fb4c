#include "serving/memory_budget.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace slipway::serving {

Result<std::vector<std::string>> who_leaves(std::uint64_t budget, std::uint64_t taken, std::uint64_t need,
                                            std::vector<Resident> residents) {
  if (need > budget) {
    return failed_precondition("model.memory_never", "it needs " + human_bytes(need) +
                                                         ", and all models together may have " +
                                                         human_bytes(budget) + ": raise the setting memory");
  }
  std::erase_if(residents, [](const Resident& one) { return !one.may_leave; });
  std::sort(residents.begin(), residents.end(), [](const Resident& a, const Resident& b) {
    return std::pair(a.last_used, a.name) < std::pair(b.last_used, b.name);
  });
  std::vector<std::string> leaving;
  const std::uint64_t room = budget - need;
  for (const Resident& one : residents) {
    if (taken <= room) break;
    taken -= std::min(taken, one.bytes);
    leaving.push_back(one.name);
  }
  if (taken <= room) return leaving;
  return resource_exhausted("model.memory", "it needs " + human_bytes(need) + ", and " + human_bytes(taken) +
                                                " of the " + human_bytes(budget) +
                                                " that all models together may have are taken by models that "
                                                "stay loaded; unload one, or raise the setting memory");
}

}  // namespace slipway::serving
