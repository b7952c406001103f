// out[M, N] (+)= alpha · Aᵀ · B where one of M and N is the rank of an adapter: the gradients of its two matrices, sums
// over all rows. The wide operand, often a slice of wider rows, is read once, a line of the cache at a time; oneDNN's
// product of such a slice takes forty times as long as of a matrix of its own.
#include <algorithm>

#include "kernel-list.h"
#include "pairs.h"
#include "simd.h"
#include "threads.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

#if defined(__AVX512BF16__)

namespace {

constexpr long kMostRank = 64, kLeastWidth = 64, kLeastRows = 64;
constexpr int kRank = 8;        // numbers of the rank at a time: with two vectors of columns, 16 sums
constexpr long kColumns = 2 * W;
constexpr long kAhead = 16;     // rows ahead that memory is asked for: they are too far apart to be foreseen

// The product as rank × width, whichever way it is stored.
struct Thin {
  const bf16* wide;
  long ldWide, width, rows, rank;
  const int32_t* factors;  // [pair of rows, ldFactors]
  long ldFactors;
};

// Sums of kRank numbers of the rank, from `first` on, over up to 32 columns from `column` on: block[i][column].
inline void sumColumns(float block[kRank][kColumns], const Thin& z, long first, long column) {
  const long columns = std::min(kColumns, z.width - column);
  const __mmask32 mask = columns >= 32 ? ~0u : (1u << columns) - 1;
  Vec total[kRank][2] = {};
  const auto step = [&](__m512i even, __m512i odd, const int32_t* factor) {
    // Columns 0–3, 8–11, … and 4–7, 12–15, …
    const __m512bh low = reinterpret_cast<__m512bh>(_mm512_unpacklo_epi16(even, odd));
    const __m512bh high = reinterpret_cast<__m512bh>(_mm512_unpackhi_epi16(even, odd));
#pragma GCC unroll 8
    for (int i = 0; i < kRank; i++) {
      const __m512bh f = reinterpret_cast<__m512bh>(_mm512_set1_epi32(factor[i]));
      total[i][0] = _mm512_dpbf16_ps(total[i][0], low, f);
      total[i][1] = _mm512_dpbf16_ps(total[i][1], high, f);
    }
  };
  const bf16* from = z.wide + column;
  const int32_t* factor = z.factors + first;
  long n = 0;
  for (; n + 2 <= z.rows; n += 2, factor += z.ldFactors) {
    const bf16* row = from + n * z.ldWide;
    _mm_prefetch(row + kAhead * z.ldWide, _MM_HINT_T0);
    _mm_prefetch(row + (kAhead + 1) * z.ldWide, _MM_HINT_T0);
    step(_mm512_maskz_loadu_epi16(mask, row), _mm512_maskz_loadu_epi16(mask, row + z.ldWide), factor);
  }
  if (n < z.rows) step(_mm512_maskz_loadu_epi16(mask, from + n * z.ldWide), _mm512_setzero_si512(), factor);
  const __m512i first16 = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const __m512i last16 = _mm512_setr_epi32(8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  for (int i = 0; i < kRank; i++) {
    store(block[i], Vec(_mm512_permutex2var_ps(total[i][0], first16, total[i][1])));
    store(block[i] + W, Vec(_mm512_permutex2var_ps(total[i][0], last16, total[i][1])));
  }
}

}  // namespace

bool thinGemm(const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads) {
  if (a.type != Type::bf16 || !gemm.transposeA || gemm.transposeB || gemm.K < kLeastRows) return false;
  const bool isTransposed = gemm.N < gemm.M;
  const long rank = isTransposed ? gemm.N : gemm.M, width = isTransposed ? gemm.M : gemm.N;
  if (rank > kMostRank || width < kLeastWidth) return false;
  const bf16 *left = static_cast<const bf16*>(a.data), *right = static_cast<const bf16*>(b.data);
  const long ldFactors = (rank + kRank - 1) / kRank * kRank;
  static thread_local Scratch<int32_t> packed;
  int32_t* factors = packed.reserve((gemm.K + 1) / 2 * ldFactors);
  if (isTransposed) packPairs(factors, ldFactors, right, gemm.ldB, 1, gemm.K, rank);
  else packPairs(factors, ldFactors, left, gemm.ldA, 1, gemm.K, rank);
  const Thin z = {isTransposed ? left : right, isTransposed ? gemm.ldA : gemm.ldB, width, gemm.K, rank, factors, ldFactors};
  // Of number i of the rank and a column of the wide operand.
  const long strideRank = isTransposed ? 1 : gemm.ldOut, strideWidth = isTransposed ? gemm.ldOut : 1;
  withType(out, [&](auto* to) {
    eachPart(teamSize(threads, width * gemm.K), width, kColumns, [&](long begin, long end, int) {
      float block[kRank][kColumns];
      for (long column = begin; column < end; column += kColumns)
        for (long first = 0; first < rank; first += kRank) {
          sumColumns(block, z, first, column);
          const long count = std::min<long>(kRank, rank - first), columns = std::min(kColumns, end - column);
          for (long i = 0; i < count; i++)
            for (long c = 0; c < columns; c++) {
              auto* p = to + (first + i) * strideRank + (column + c) * strideWidth;
              const float x = block[i][c] * gemm.alpha;
              fromFloat(p, gemm.accumulate ? toFloat(*p) + x : x);
            }
        }
    });
  });
  return true;
}

#else

bool thinGemm(const Buffer&, const Buffer&, const Buffer&, const Gemm&, int) { return false; }

#endif

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
