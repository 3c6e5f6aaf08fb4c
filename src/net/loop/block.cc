#include "net/loop/block.h"

#include <cstdlib>
#include <memory>

#include "base/check.h"

namespace slipway::net {
namespace {

thread_local BlockPool* current_pool = nullptr;

}  // namespace

void BlockRef::release(Block* block) {
  if (block->refs.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  BlockPool* pool = current_pool;
  if (pool != nullptr && block->pool == pool && pool->spare_.size() < BlockPool::kMaxSpare) {
    pool->spare_.push_back(block);
  } else {
    std::free(block);
  }
}

BlockPool::~BlockPool() {
  if (current_pool == this) current_pool = nullptr;
  for (BlockRef::Block* block : spare_) std::free(block);
}

BlockRef BlockPool::take() {
  if (!spare_.empty()) {
    BlockRef::Block* block = spare_.back();
    spare_.pop_back();
    block->refs.store(1, std::memory_order_relaxed);
    return BlockRef(block);
  }
  BlockRef ref = take_large(kBlockBytes - sizeof(BlockRef::Block) - kPadding);
  ref.block_->pool = this;
  return ref;
}

BlockRef BlockPool::take_large(std::size_t capacity) {
  void* memory = std::calloc(1, sizeof(BlockRef::Block) + capacity + kPadding);
  SLIPWAY_CHECK(memory != nullptr);
  BlockRef::Block* block = std::construct_at(static_cast<BlockRef::Block*>(memory));
  block->capacity = static_cast<std::uint32_t>(capacity);
  return BlockRef(block);
}

std::string BlockPool::take_string() {
  if (spare_strings_.empty()) {
    std::string text;
    text.reserve(kBlockBytes - 1);
    return text;
  }
  std::string text = std::move(spare_strings_.back());
  spare_strings_.pop_back();
  return text;
}

void BlockPool::give_string(std::string text) {
  if (text.capacity() != kBlockBytes - 1 || spare_strings_.size() >= kMaxSpare) return;
  text.clear();
  spare_strings_.push_back(std::move(text));
}

void BlockPool::enter() { current_pool = this; }
void BlockPool::leave() { current_pool = nullptr; }

}  // namespace slipway::net
