// out[M, N] (+)= alpha · A · op(B) of little depth over many rows: what an adapter adds to a layer's output, and to the
// gradient of its input. Writing is all the work, so a few rows of the output are written from end to end: columns of
// many rows one after the other would fall on the same lines of the cache.
#include <algorithm>

#include "kernel-list.h"
#include "pairs.h"
#include "simd.h"
#include "threads.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

#if defined(__AVX512BF16__)

namespace {

constexpr long kDeepest = 64;
constexpr long kLeastRows = 32, kLeastColumns = 64;
constexpr int kRows = 8, kVectors = 2;  // 16 sums, 2 vectors of B and a factor

// `factors`: pairs of the rows of A, which lie `ldFactors` bf16 numbers apart.
template <int Rows, class T>
void multiplyRows(T* out, const bf16* factors, long ldFactors, const int32_t* columns, long ldColumns, long pairs,
                  const Gemm& gemm) {
  const auto block = [&](long n, auto vectors, auto mask) {
    constexpr int Vectors = decltype(vectors)::value;
    Vec total[Rows][Vectors] = {};
    for (long p = 0; p < pairs; p++) {
      __m512bh row[Vectors];
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; v++)
        row[v] = reinterpret_cast<__m512bh>(_mm512_load_si512(columns + p * ldColumns + n + v * W));
#pragma GCC unroll 8
      for (int r = 0; r < Rows; r++) {
        int32_t pair;
        memcpy(&pair, factors + r * ldFactors + 2 * p, sizeof pair);
        const __m512bh factor = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
#pragma GCC unroll 2
        for (int v = 0; v < Vectors; v++) total[r][v] = _mm512_dpbf16_ps(total[r][v], row[v], factor);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < Rows; r++)
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; v++) {
        T* to = out + r * gemm.ldOut + n + v * W;
        const Vec x = total[r][v] * gemm.alpha;
        store(to, gemm.accumulate ? load(to, mask) + x : x, mask);
      }
  };
  long n = 0;
  for (; n + kVectors * W <= gemm.N; n += kVectors * W) block(n, std::integral_constant<int, kVectors>{}, Full{});
  for (; n + W <= gemm.N; n += W) block(n, std::integral_constant<int, 1>{}, Full{});
  if (n < gemm.N) block(n, std::integral_constant<int, 1>{}, Part{gemm.N - n});
}

}  // namespace

bool shallowGemm(const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads) {
  if (a.type != Type::bf16 || gemm.transposeA || gemm.K > kDeepest) return false;
  if (gemm.M < kLeastRows || gemm.N < kLeastColumns) return false;
  const bf16* left = static_cast<const bf16*>(a.data);
  const long pairs = (gemm.K + 1) / 2, ldColumns = (gemm.N + W - 1) / W * W;
  static thread_local Scratch<int32_t> packed, factors;
  int32_t* columns = packed.reserve(pairs * ldColumns);
  const bf16* right = static_cast<const bf16*>(b.data);
  if (gemm.transposeB && gemm.K % 2 == 0) {
    for (long n = 0; n < gemm.N; n += W) packRows(columns + n, ldColumns, right + n * gemm.ldB, gemm.ldB, gemm.N - n, pairs);
  } else {
    packPairs(columns, ldColumns, right, gemm.transposeB ? 1 : gemm.ldB, gemm.transposeB ? gemm.ldB : 1, gemm.K, gemm.N);
  }
  // An odd last number has no neighbour of its own row: such rows are copied, with a zero behind.
  const bf16* rows = left;
  long ldRows = gemm.ldA;
  if (gemm.K % 2 != 0) {
    int32_t* copies = factors.reserve(gemm.M * pairs);
    for (long m = 0; m < gemm.M; m++)
      for (long p = 0; p < pairs; p++) copies[m * pairs + p] = pairAt(left + m * gemm.ldA + 2 * p, 1, gemm.K - 2 * p);
    rows = reinterpret_cast<const bf16*>(copies);
    ldRows = 2 * pairs;
  }
  withType(out, [&](auto* to) {
    eachPart(teamSize(threads, 2 * gemm.M * gemm.N), gemm.M, kRows, [&](long begin, long end, int) {
      for (long m = begin; m < end;) {
        const auto run = [&](auto count) {
          constexpr int Rows = decltype(count)::value;
          multiplyRows<Rows>(to + m * gemm.ldOut, rows + m * ldRows, ldRows, columns, ldColumns, pairs, gemm);
          m += Rows;
        };
        if (end - m >= kRows) run(std::integral_constant<int, kRows>{});
        else if (end - m >= 2) run(std::integral_constant<int, 2>{});
        else run(std::integral_constant<int, 1>{});
      }
    });
  });
  return true;
}

#else

bool shallowGemm(const Buffer&, const Buffer&, const Buffer&, const Gemm&, int) { return false; }

#endif

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
