// Neighbours in depth as the 32-bit units that instructions for pairs of bf16 numbers read.
#pragma once
#include <cstdint>

#include "kernels.h"
#include "transpose.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

// x[0] and x[stride]; zero in place of the second where only `left` < 2 are left.
inline int32_t pairAt(const bf16* x, long stride, long left) {
  const uint32_t second = left > 1 ? x[stride].bits : 0;
  return static_cast<int32_t>(x[0].bits | second << 16);
}

// packed[pair · ld + n] of a matrix [K, N] whose element (k, n) is x[k · strideK + n · strideN]; zero past column N.
inline void packPairs(int32_t* packed, long ld, const bf16* x, long strideK, long strideN, long K, long N) {
  for (long k = 0; k < K; k += 2) {
    int32_t* row = packed + k / 2 * ld;
    for (long n = 0; n < N; n++) row[n] = pairAt(x + k * strideK + n * strideN, strideK, K - k);
    for (long n = N; n < ld; n++) row[n] = 0;
  }
}

#if defined(__AVX512F__)

// packed[pair · ld + row] = numbers 2 · pair and 2 · pair + 1 of up to 16 rows; zero where there is no row.
inline void packRows(int32_t* packed, long ld, const bf16* a, long ldA, long rows, long pairs) {
  constexpr long kSide = 16;
  for (long p = 0; p < pairs; p += kSide) {
    const long left = pairs - p, count = left < kSide ? left : kSide;
    const __mmask16 mask = static_cast<__mmask16>((1u << count) - 1);
    __m512i block[kSide];
    for (long r = 0; r < kSide; r++)
      block[r] = r < rows ? _mm512_maskz_loadu_epi32(mask, a + r * ldA + 2 * p) : _mm512_setzero_si512();
    transpose16(block);
    for (long i = 0; i < count; i++) _mm512_store_si512(packed + (p + i) * ld, block[i]);
  }
}

#endif

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
