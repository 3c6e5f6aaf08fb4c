#include "net/loop/free_lists.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace slipway::net {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kKeeps = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool kKeeps = false;
#else
constexpr bool kKeeps = true;
#endif
#else
constexpr bool kKeeps = true;
#endif

}  // namespace

// Before every piece of memory.
struct alignas(16) FreeLists::Head {
  std::size_t capacity = 0;
  Head* next = nullptr;  ///< while it is spare
};

FreeLists::~FreeLists() {
  for (Head* head : spare_) {
    while (head != nullptr) std::free(std::exchange(head, head->next));
  }
}

void* FreeLists::take(std::size_t size) {
  const std::size_t list = size == 0 ? 0 : (size - 1) / kStep;
  if (list < spare_.size() && spare_[list] != nullptr) {
    Head* head = std::exchange(spare_[list], spare_[list]->next);
    spare_bytes_ -= head->capacity;
    return head + 1;
  }
  const std::size_t capacity = list < spare_.size() ? (list + 1) * kStep : size;
  if (capacity > SIZE_MAX - sizeof(Head)) return nullptr;
  Head* head = static_cast<Head*>(std::malloc(sizeof(Head) + capacity));
  if (head == nullptr) return nullptr;
  head->capacity = capacity;
  return head + 1;
}

void FreeLists::give(void* memory) {
  if (memory == nullptr) return;
  Head* head = static_cast<Head*>(memory) - 1;
  const std::size_t list = head->capacity / kStep - 1;
  if (!kKeeps || head->capacity > kLargest || spare_bytes_ + head->capacity > kMaxSpareBytes) {
    std::free(head);
    return;
  }
  spare_bytes_ += head->capacity;
  head->next = std::exchange(spare_[list], head);
}

void* FreeLists::resize(void* memory, std::size_t size) {
  if (memory == nullptr) return take(size);
  const std::size_t capacity = (static_cast<Head*>(memory) - 1)->capacity;
  if (size <= capacity) return memory;
  void* grown = take(size);
  if (grown == nullptr) return nullptr;
  std::memcpy(grown, memory, capacity);
  give(memory);
  return grown;
}

void FreeLists::release(void* memory) {
  if (memory != nullptr) std::free(static_cast<Head*>(memory) - 1);
}

std::string FreeLists::take_text() {
  if (texts_.empty()) return {};
  std::string text = std::move(texts_.back());
  texts_.pop_back();
  return text;
}

void FreeLists::give_text(std::string text) {
  constexpr std::size_t kInline = 15;  // a string of this capacity has no memory
  if (!kKeeps || text.capacity() <= kInline || text.capacity() > kMaxTextBytes || texts_.size() >= kMaxTexts)
    return;
  text.clear();
  texts_.push_back(std::move(text));
}

}  // namespace slipway::net
