#include "forest/kernels_internal.h"

#include <bit>
#include <cstring>
#include <type_traits>

#if defined(__x86_64__) && defined(__GNUC__)
#define SLIPWAY_FOREST_X86 1
// GCC 12 takes the header's own undefined registers for mistakes (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#endif

namespace slipway::forest {

Isa best_isa() {
#ifdef SLIPWAY_FOREST_X86
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl")) {
    return Isa::kAvx512;
  }
  if (__builtin_cpu_supports("avx2")) return Isa::kAvx2;
#endif
  return Isa::kPlain;
}

namespace internal {
namespace {

using Words = std::uint32_t __attribute__((vector_size(kLanes * 4)));
using Floats = float __attribute__((vector_size(kLanes * 4)));
using Doubles = double __attribute__((vector_size(kLanes * 8)));

// The vectors are the compiler's own, which makes of them what the function's target has. They go in and out
// by memory: how they are passed depends on the target.
#define SLIPWAY_FOREST_INLINE __attribute__((always_inline)) inline

SLIPWAY_FOREST_INLINE void less(const float* column, float threshold, Words& answer) {
  Floats values;
  std::memcpy(&values, column, sizeof(values));
  answer = reinterpret_cast<Words>(values < threshold);
}

SLIPWAY_FOREST_INLINE void less(const double* column, double threshold, Words& answer) {
  Doubles values;
  std::memcpy(&values, column, sizeof(values));
  answer = __builtin_convertvector(values < threshold, Words);
}

template <std::size_t kCount, typename T, typename S>
SLIPWAY_FOREST_INLINE void find_leaves(const Test<T>* test, const Test<T>* end, const T* columns,
                                       std::size_t stride, Words* found) {
#pragma GCC unroll 8
  for (std::size_t b = 0; b < kCount; ++b) found[b] = ~Words{};
  for (; test != end; ++test) {
#pragma GCC unroll 8
    for (std::size_t b = 0; b < kCount; ++b) {
      Words answer;
      less(columns + b * stride + test->place, test->threshold, answer);
      found[b] &= answer | test->bits;
    }
  }
}

template <std::size_t kCount, typename T, typename S>
SLIPWAY_FOREST_INLINE void quick_blocks(const TreeLayout& tree, const Test<T>* tests, const S* values,
                                        const T* columns, std::size_t stride, S* scores,
                                        std::size_t scores_stride) {
  const Test<T>* middle = tests + tree.first_tests;
  const Test<T>* end = tests + tree.tests;
  Words low[kCount];
  Words high[kCount];
  find_leaves<kCount, T, S>(tests, middle, columns, stride, low);
  find_leaves<kCount, T, S>(middle, end, columns, stride, high);
#pragma GCC unroll 8
  for (std::size_t b = 0; b < kCount; ++b) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::uint64_t left = std::uint64_t{high[b][lane]} << 32U | low[b][lane];
      scores[b * scores_stride + lane] += values[std::countr_zero(left)];
    }
  }
}

template <std::size_t kCount, typename T, typename S>
SLIPWAY_FOREST_INLINE void symmetric_blocks(const TreeLayout& tree, const Test<T>* tests, const S* values,
                                            const T* columns, std::size_t stride, S* scores,
                                            std::size_t scores_stride) {
  Words leaf[kCount];
#pragma GCC unroll 8
  for (std::size_t b = 0; b < kCount; ++b) leaf[b] = Words{} + tree.start;
  for (const Test<T>* test = tests; test != tests + tree.tests; ++test) {
#pragma GCC unroll 8
    for (std::size_t b = 0; b < kCount; ++b) {
      Words answer;
      less(columns + b * stride + test->place, test->threshold, answer);
      leaf[b] ^= answer & test->bits;
    }
  }
#pragma GCC unroll 8
  for (std::size_t b = 0; b < kCount; ++b) {
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      scores[b * scores_stride + lane] += values[leaf[b][lane]];
  }
}

struct Quick {
  template <std::size_t kCount, typename T, typename S>
  SLIPWAY_FOREST_INLINE static void run(const TreeLayout& tree, const Test<T>* tests, const S* values,
                                        const T* columns, std::size_t stride, S* scores,
                                        std::size_t scores_stride) {
    quick_blocks<kCount>(tree, tests, values, columns, stride, scores, scores_stride);
  }
};

struct Symmetric {
  template <std::size_t kCount, typename T, typename S>
  SLIPWAY_FOREST_INLINE static void run(const TreeLayout& tree, const Test<T>* tests, const S* values,
                                        const T* columns, std::size_t stride, S* scores,
                                        std::size_t scores_stride) {
    symmetric_blocks<kCount>(tree, tests, values, columns, stride, scores, scores_stride);
  }
};

/// Several blocks at once, as many as registers hold, so that a test is read once for all of them.
template <typename Kind, std::size_t kAtOnce, typename T, typename S>
SLIPWAY_FOREST_INLINE void for_all_blocks(const TreeLayout& tree, const Test<T>* tests, const S* values,
                                          const Blocks<T, S>& blocks) {
  std::size_t block = 0;
  for (; block + kAtOnce <= blocks.count; block += kAtOnce) {
    Kind::template run<kAtOnce>(tree, tests, values, blocks.columns + block * blocks.columns_stride,
                                blocks.columns_stride, blocks.scores + block * blocks.scores_stride,
                                blocks.scores_stride);
  }
  for (; block < blocks.count; ++block) {
    Kind::template run<1>(tree, tests, values, blocks.columns + block * blocks.columns_stride,
                          blocks.columns_stride, blocks.scores + block * blocks.scores_stride,
                          blocks.scores_stride);
  }
}

template <typename Kind, typename T, typename S>
void run_plain(const TreeLayout& tree, const Test<T>* tests, const S* values, const Blocks<T, S>& blocks) {
  for_all_blocks<Kind, 1>(tree, tests, values, blocks);
}

#ifdef SLIPWAY_FOREST_X86

template <typename Kind, typename T, typename S>
__attribute__((target("avx2,bmi"))) void run_avx2(const TreeLayout& tree, const Test<T>* tests,
                                                  const S* values, const Blocks<T, S>& blocks) {
  for_all_blocks<Kind, 2>(tree, tests, values, blocks);
}

#define SLIPWAY_FOREST_AVX512 __attribute__((target("avx512f,avx512dq,avx512cd,avx512bw,avx512vl,bmi")))

SLIPWAY_FOREST_AVX512 SLIPWAY_FOREST_INLINE __mmask16 less_mask(const float* column, float threshold) {
  return _mm512_cmp_ps_mask(_mm512_loadu_ps(column), _mm512_set1_ps(threshold), _CMP_LT_OQ);
}
SLIPWAY_FOREST_AVX512 SLIPWAY_FOREST_INLINE __mmask16 less_mask(const double* column, double threshold) {
  const __m512d wanted = _mm512_set1_pd(threshold);
  const unsigned low = _mm512_cmp_pd_mask(_mm512_loadu_pd(column), wanted, _CMP_LT_OQ);
  const unsigned high = _mm512_cmp_pd_mask(_mm512_loadu_pd(column + 8), wanted, _CMP_LT_OQ);
  return static_cast<__mmask16>(low | high << 8U);
}

/// Adds the value of each lane's leaf.
SLIPWAY_FOREST_AVX512 SLIPWAY_FOREST_INLINE void add_values(const float* values, std::size_t width,
                                                            __m512i leaf, float* scores) {
  __m512 found = _mm512_permutex2var_ps(_mm512_loadu_ps(values), leaf, _mm512_loadu_ps(values + 16));
  if (width > 32) {
    const __m512 above =
        _mm512_permutex2var_ps(_mm512_loadu_ps(values + 32), leaf, _mm512_loadu_ps(values + 48));
    found = _mm512_mask_mov_ps(found, _mm512_cmpgt_epi32_mask(leaf, _mm512_set1_epi32(31)), above);
  }
  if (width > 64) found = _mm512_i32gather_ps(leaf, values, 4);
  _mm512_storeu_ps(scores, _mm512_add_ps(_mm512_loadu_ps(scores), found));
}
/// Values of up to 64 doubles, looked up in registers: a permutation of 16 gives four candidates, of which
/// the upper bits of the leaf choose.
SLIPWAY_FOREST_AVX512 SLIPWAY_FOREST_INLINE __m512d look_up(const double* values, std::size_t width,
                                                            __m256i leaf) {
  const __m512i index = _mm512_cvtepu32_epi64(leaf);
  const __mmask8 bit4 = _mm512_test_epi64_mask(index, _mm512_set1_epi64(16));
  const auto of_16 = [&](std::size_t from) SLIPWAY_FOREST_AVX512 {
    return _mm512_permutex2var_pd(_mm512_loadu_pd(values + from), index, _mm512_loadu_pd(values + from + 8));
  };
  const __m512d low = _mm512_mask_blend_pd(bit4, of_16(0), of_16(16));
  if (width <= 32) return low;
  const __m512d high = _mm512_mask_blend_pd(bit4, of_16(32), of_16(48));
  return _mm512_mask_blend_pd(_mm512_test_epi64_mask(index, _mm512_set1_epi64(32)), low, high);
}

SLIPWAY_FOREST_AVX512 SLIPWAY_FOREST_INLINE void add_values(const double* values, std::size_t width,
                                                            __m512i leaf, double* scores) {
  const __m256i first = _mm512_castsi512_si256(leaf);
  const __m256i second = _mm512_extracti64x4_epi64(leaf, 1);
  const bool in_registers = width <= 64;
  const __m512d low = in_registers ? look_up(values, width, first) : _mm512_i32gather_pd(first, values, 8);
  const __m512d high = in_registers ? look_up(values, width, second) : _mm512_i32gather_pd(second, values, 8);
  _mm512_storeu_pd(scores, _mm512_add_pd(_mm512_loadu_pd(scores), low));
  _mm512_storeu_pd(scores + 8, _mm512_add_pd(_mm512_loadu_pd(scores + 8), high));
}

/// The number of the lowest bit that is set; -1 where there is none.
SLIPWAY_FOREST_AVX512 SLIPWAY_FOREST_INLINE __m512i lowest_bit(__m512i bits) {
  const __m512i alone = _mm512_and_si512(bits, _mm512_sub_epi32(_mm512_setzero_si512(), bits));
  return _mm512_sub_epi32(_mm512_set1_epi32(31), _mm512_lzcnt_epi32(alone));
}

template <std::size_t kCount, typename T>
SLIPWAY_FOREST_AVX512 SLIPWAY_FOREST_INLINE void find_leaves_512(const Test<T>* test, const Test<T>* end,
                                                                 const T* columns, std::size_t stride,
                                                                 __m512i* found) {
#pragma GCC unroll 8
  for (std::size_t b = 0; b < kCount; ++b) found[b] = _mm512_set1_epi32(-1);
  for (; test != end; ++test) {
    const __m512i bits = _mm512_set1_epi32(static_cast<int>(test->bits));
    const T* column = columns + test->place;
#pragma GCC unroll 8
    for (std::size_t b = 0; b < kCount; ++b) {
      const __mmask16 yes = less_mask(column + b * stride, test->threshold);
      found[b] = _mm512_mask_and_epi32(found[b], static_cast<__mmask16>(~yes), found[b], bits);
    }
  }
}

struct Quick512 {
  template <std::size_t kCount, typename T, typename S>
  SLIPWAY_FOREST_AVX512 SLIPWAY_FOREST_INLINE static void run(const TreeLayout& tree, const Test<T>* tests,
                                                              const S* values, const T* columns,
                                                              std::size_t stride, S* scores,
                                                              std::size_t scores_stride) {
    const Test<T>* middle = tests + tree.first_tests;
    const Test<T>* end = tests + tree.tests;
    __m512i low[kCount];
    find_leaves_512<kCount>(tests, middle, columns, stride, low);
#pragma GCC unroll 8
    for (std::size_t b = 0; b < kCount; ++b) low[b] = lowest_bit(low[b]);
    if (tree.leaves > 32) {
      __m512i high[kCount];
      find_leaves_512<kCount>(middle, end, columns, stride, high);
#pragma GCC unroll 8
      for (std::size_t b = 0; b < kCount; ++b) {
        const __mmask16 none = _mm512_cmplt_epi32_mask(low[b], _mm512_setzero_si512());
        low[b] = _mm512_mask_add_epi32(low[b], none, lowest_bit(high[b]), _mm512_set1_epi32(32));
      }
    }
#pragma GCC unroll 8
    for (std::size_t b = 0; b < kCount; ++b)
      add_values(values, tree.leaves, low[b], scores + b * scores_stride);
  }
};

struct Symmetric512 {
  template <std::size_t kCount, typename T, typename S>
  SLIPWAY_FOREST_AVX512 SLIPWAY_FOREST_INLINE static void run(const TreeLayout& tree, const Test<T>* tests,
                                                              const S* values, const T* columns,
                                                              std::size_t stride, S* scores,
                                                              std::size_t scores_stride) {
    __m512i leaf[kCount];
#pragma GCC unroll 8
    for (std::size_t b = 0; b < kCount; ++b) leaf[b] = _mm512_set1_epi32(static_cast<int>(tree.start));
    for (const Test<T>* test = tests; test != tests + tree.tests; ++test) {
      const __m512i bits = _mm512_set1_epi32(static_cast<int>(test->bits));
#pragma GCC unroll 8
      for (std::size_t b = 0; b < kCount; ++b) {
        const __mmask16 yes = less_mask(columns + b * stride + test->place, test->threshold);
        leaf[b] = _mm512_mask_xor_epi32(leaf[b], yes, leaf[b], bits);
      }
    }
#pragma GCC unroll 8
    for (std::size_t b = 0; b < kCount; ++b)
      add_values(values, tree.leaves, leaf[b], scores + b * scores_stride);
  }
};

template <typename Kind, typename T, typename S>
SLIPWAY_FOREST_AVX512 void run_avx512(const TreeLayout& tree, const Test<T>* tests, const S* values,
                                      const Blocks<T, S>& blocks) {
  const auto run = [&](auto count, std::size_t block) SLIPWAY_FOREST_AVX512 {
    Kind::template run<decltype(count)::value>(
        tree, tests, values, blocks.columns + block * blocks.columns_stride, blocks.columns_stride,
        blocks.scores + block * blocks.scores_stride, blocks.scores_stride);
  };
  std::size_t block = 0;
  for (; block + 8 <= blocks.count; block += 8) run(std::integral_constant<std::size_t, 8>{}, block);
  for (; block + 2 <= blocks.count; block += 2) run(std::integral_constant<std::size_t, 2>{}, block);
  for (; block < blocks.count; ++block) run(std::integral_constant<std::size_t, 1>{}, block);
}

#endif

}  // namespace

template <typename T, typename S>
Kernels<T, S> kernels_of(Isa isa) {
#ifdef SLIPWAY_FOREST_X86
  if (isa == Isa::kAvx512) return {run_avx512<Quick512, T, S>, run_avx512<Symmetric512, T, S>};
  if (isa == Isa::kAvx2) return {run_avx2<Quick, T, S>, run_avx2<Symmetric, T, S>};
#endif
  static_cast<void>(isa);
  return {run_plain<Quick, T, S>, run_plain<Symmetric, T, S>};
}

template Kernels<float, float> kernels_of(Isa isa);
template Kernels<float, double> kernels_of(Isa isa);
template Kernels<double, double> kernels_of(Isa isa);

}  // namespace internal
}  // namespace slipway::forest
