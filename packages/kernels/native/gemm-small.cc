// Products of a few rows with a bf16 weight as checkpoints hold it, [N, K]: decoding. Rows of the weight are read once,
// where they lie, as dot products of bf16 pairs; oneDNN would rearrange the whole weight on every call.
#include "kernel-list.h"
#include "simd.h"
#include "threads.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

#if defined(__AVX512BF16__)

namespace {

constexpr long kColumns = 4;  // rows of the weight at a time
constexpr int kRows = 6;      // 6 · 4 sums, 4 weights and 1 factor fit the 32 registers
constexpr long kStep = 32;    // bf16 numbers in a register

inline __m512bh loadPairs(const bf16* p, __mmask32 mask) {
  return reinterpret_cast<__m512bh>(_mm512_maskz_loadu_epi16(mask, p));
}

// The sums over the lanes of four vectors.
inline __m128 sums(Vec a, Vec b, Vec c, Vec d) {
  const Vec ab = _mm512_unpacklo_ps(a, b) + _mm512_unpackhi_ps(a, b);
  const Vec cd = _mm512_unpacklo_ps(c, d) + _mm512_unpackhi_ps(c, d);
  const __m512d x = _mm512_castps_pd(ab), y = _mm512_castps_pd(cd);
  const Vec all = Vec(_mm512_castpd_ps(_mm512_unpacklo_pd(x, y))) + Vec(_mm512_castpd_ps(_mm512_unpackhi_pd(x, y)));
  const __m256 half = _mm512_castps512_ps256(all) + _mm512_extractf32x8_ps(all, 1);
  return _mm256_castps256_ps128(half) + _mm256_extractf128_ps(half, 1);
}

template <int Rows, class T>
void multiply(T* out, const bf16* a, const bf16* b, const Gemm& gemm, long columns) {
  Vec total[Rows][kColumns] = {};
  // Missing columns repeat the last one; their sums are not stored.
  const bf16* weight[kColumns];
  for (long c = 0; c < kColumns; c++) weight[c] = b + std::min(c, columns - 1) * gemm.ldB;
  auto step = [&](long k, __mmask32 mask) {
    __m512bh w[kColumns];
#pragma GCC unroll 4
    for (int c = 0; c < kColumns; c++) {
      w[c] = loadPairs(weight[c] + k, mask);
      __builtin_prefetch(weight[c] + kColumns * gemm.ldB + k);  // the next columns: memory works while this computes
    }
#pragma GCC unroll 6
    for (int r = 0; r < Rows; r++) {
      const __m512bh x = loadPairs(a + r * gemm.ldA + k, mask);
#pragma GCC unroll 4
      for (int c = 0; c < kColumns; c++) total[r][c] = _mm512_dpbf16_ps(total[r][c], x, w[c]);
    }
  };
  long k = 0;
  for (; k + kStep <= gemm.K; k += kStep) step(k, 0xffffffff);
  if (k < gemm.K) step(k, (1u << (gemm.K - k)) - 1);
#pragma GCC unroll 6
  for (int r = 0; r < Rows; r++) {
    float row[kColumns];
    _mm_storeu_ps(row, sums(total[r][0], total[r][1], total[r][2], total[r][3]));
    T* to = out + r * gemm.ldOut;
    for (long c = 0; c < columns; c++) {
      const float x = row[c] * gemm.alpha;
      fromFloat(to + c, gemm.accumulate ? toFloat(to[c]) + x : x);
    }
  }
}

}  // namespace

bool smallGemm(const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads) {
  if (a.type != Type::bf16 || gemm.transposeA || !gemm.transposeB) return false;
  const bf16* left = static_cast<const bf16*>(a.data);
  const bf16* right = static_cast<const bf16*>(b.data);
  withType(out, [&](auto* to) {
    eachPart(teamSize(threads, gemm.N * gemm.K), gemm.N, 16, [&](long begin, long end, int) {
      for (long n = begin; n < end; n += kColumns) {
        const long columns = std::min(kColumns, end - n);
        const bf16* weight = right + n * gemm.ldB;
        for (long m = 0; m < gemm.M; m += kRows) {
          auto* block = to + m * gemm.ldOut + n;
          const bf16* rows = left + m * gemm.ldA;
          switch (std::min<long>(kRows, gemm.M - m)) {
            case 1: multiply<1>(block, rows, weight, gemm, columns); break;
            case 2: multiply<2>(block, rows, weight, gemm, columns); break;
            case 3: multiply<3>(block, rows, weight, gemm, columns); break;
            case 4: multiply<4>(block, rows, weight, gemm, columns); break;
            case 5: multiply<5>(block, rows, weight, gemm, columns); break;
            default: multiply<6>(block, rows, weight, gemm, columns);
          }
        }
      }
    });
  });
  return true;
}

#else

bool smallGemm(const Buffer&, const Buffer&, const Buffer&, const Gemm&, int) { return false; }

#endif

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
