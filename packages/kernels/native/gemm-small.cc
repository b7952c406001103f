// Products of a few rows with a bf16 weight as checkpoints hold it, [N, K]: decoding. Rows of the weight are read once,
// where they lie, as dot products of bf16 pairs; oneDNN would rearrange the whole weight on every call.
#include "kernel-list.h"
#include "simd.h"
#include "threads.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

#if defined(__AVX512BF16__)

namespace {

constexpr long kMostRows = 128;
// More rows of a weight this narrow – an adapter's – are shared out among the threads.
constexpr long kNarrow = 32;
constexpr long kColumns = 4;  // rows of the weight at a time
constexpr int kRows = 6;      // 6 · 4 sums, 4 weights and 1 factor fit the 32 registers
constexpr long kStep = 32;    // bf16 numbers in a register
constexpr long kAhead = 12;   // rows of the weight that memory is asked for ahead, into the second-level cache

inline __m512bh loadPairs(const bf16* p, __mmask32 mask) {
  return reinterpret_cast<__m512bh>(_mm512_maskz_loadu_epi16(mask, p));
}

inline void storeRow(float* to, Quarter x) { memcpy(to, &x, sizeof x); }
inline void storeRow(bf16* to, Quarter x) {
  const __m128bh half = _mm_cvtneps_pbh(x);
  memcpy(to, &half, kColumns * sizeof(bf16));
}
inline Quarter loadRow(const float* from) { return _mm_loadu_ps(from); }
inline Quarter loadRow(const bf16* from) { return Quarter{toFloat(from[0]), toFloat(from[1]), toFloat(from[2]), toFloat(from[3])}; }

// `fetches`: memory is asked for the weights of later columns, so that it works while this computes.
template <int Rows, class T>
void multiply(T* out, const bf16* a, const bf16* b, const Gemm& gemm, long columns, bool fetches) {
  Vec total[Rows][kColumns] = {};
  // Missing columns repeat the last one; their sums are not stored.
  const bf16* weight[kColumns];
  for (long c = 0; c < kColumns; c++) weight[c] = b + std::min(c, columns - 1) * gemm.ldB;
  auto step = [&](long k, __mmask32 mask) {
    __m512bh w[kColumns];
#pragma GCC unroll 4
    for (int c = 0; c < kColumns; c++) w[c] = loadPairs(weight[c] + k, mask);
#pragma GCC unroll 6
    for (int r = 0; r < Rows; r++) {
      const __m512bh x = loadPairs(a + r * gemm.ldA + k, mask);
#pragma GCC unroll 4
      for (int c = 0; c < kColumns; c++) total[r][c] = _mm512_dpbf16_ps(total[r][c], x, w[c]);
    }
  };
  long k = 0;
  if (fetches) {
    for (; k + kStep <= gemm.K; k += kStep) {
#pragma GCC unroll 4
      for (int c = 0; c < kColumns; c++) _mm_prefetch(weight[c] + kAhead * gemm.ldB + k, _MM_HINT_T1);
      step(k, 0xffffffff);
    }
  }
  for (; k + kStep <= gemm.K; k += kStep) step(k, 0xffffffff);
  if (k < gemm.K) step(k, (1u << (gemm.K - k)) - 1);
#pragma GCC unroll 6
  for (int r = 0; r < Rows; r++) {
    Quarter row = sums(total[r][0], total[r][1], total[r][2], total[r][3]) * gemm.alpha;
    T* to = out + r * gemm.ldOut;
    if (columns == kColumns) {
      storeRow(to, gemm.accumulate ? row + loadRow(to) : row);
      continue;
    }
    for (long c = 0; c < columns; c++) fromFloat(to + c, gemm.accumulate ? toFloat(to[c]) + row[c] : row[c]);
  }
}

}  // namespace

namespace {

// The same with a narrow weight stored [K, N], which is turned first.
bool multiplyTransposed(const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads) {
  const bf16* from = static_cast<const bf16*>(b.data);
  static thread_local Scratch<bf16> turned;
  bf16* to = turned.reserve(gemm.N * gemm.K);
  for (long k = 0; k < gemm.K; k++)
    for (long n = 0; n < gemm.N; n++) to[n * gemm.K + k] = from[k * gemm.ldB + n];
  Gemm other = gemm;
  other.transposeB = true;
  other.ldB = gemm.K;
  return smallGemm(out, a, {to, Type::bf16, static_cast<size_t>(gemm.N * gemm.K)}, other, threads);
}

}  // namespace

bool smallGemm(const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads) {
  if (shallowGemm(out, a, b, gemm, threads) || laneGemm(out, a, b, gemm, threads)) return true;
  const bool hasManyRows = gemm.M > kMostRows;
  if (a.type != Type::bf16 || gemm.transposeA || (hasManyRows && gemm.N > kNarrow)) return false;
  if (!gemm.transposeB) return hasManyRows && multiplyTransposed(out, a, b, gemm, threads);
  const bf16* left = static_cast<const bf16*>(a.data);
  const bf16* right = static_cast<const bf16*>(b.data);
  withType(out, [&](auto* to) {
    const auto tiles = [&](long firstRow, long lastRow, long firstColumn, long lastColumn) {
      for (long n = firstColumn; n < lastColumn; n += kColumns) {
        const long columns = std::min(kColumns, lastColumn - n);
        const bf16* weight = right + n * gemm.ldB;
        for (long m = firstRow; m < lastRow; m += kRows) {
          auto* block = to + m * gemm.ldOut + n;
          const bf16* rows = left + m * gemm.ldA;
          const bool fetches = !hasManyRows && m == 0;
          switch (std::min<long>(kRows, lastRow - m)) {
            case 1: multiply<1>(block, rows, weight, gemm, columns, fetches); break;
            case 2: multiply<2>(block, rows, weight, gemm, columns, fetches); break;
            case 3: multiply<3>(block, rows, weight, gemm, columns, fetches); break;
            case 4: multiply<4>(block, rows, weight, gemm, columns, fetches); break;
            case 5: multiply<5>(block, rows, weight, gemm, columns, fetches); break;
            default: multiply<6>(block, rows, weight, gemm, columns, fetches);
          }
        }
      }
    };
    if (!hasManyRows) {
      eachPart(teamSize(threads, gemm.N * gemm.K), gemm.N, 16, [&](long begin, long end, int) { tiles(0, gemm.M, begin, end); });
      return;
    }
    eachPart(teamSize(threads, gemm.M * gemm.K), gemm.M, kRows, [&](long begin, long end, int) {
      // A few rows at a time: they stay in the cache from one column of the weight to the next.
      for (long m = begin; m < end; m += kRows) tiles(m, std::min<long>(end, m + kRows), 0, gemm.N);
    });
  });
  return true;
}

#else

bool smallGemm(const Buffer&, const Buffer&, const Buffer&, const Gemm&, int) { return false; }

#endif

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
