// out[M, N] (+)= alpha · Aᵀ · B with few columns: the gradient of an adapter's B matrix. A [K, M] is often a slice of
// wider rows, and oneDNN's product of such a slice takes forty times as long as of a matrix of its own.
#include <type_traits>

#include "kernel-list.h"
#include "simd.h"
#include "threads.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

#if defined(__AVX512BF16__)

namespace {

constexpr long kMostColumns = 64;
constexpr long kLeastRows = 64;
constexpr int kColumns = 8;  // columns of B at a time: with two vectors of A, 16 sums

// out[m + i][n] for one or two vectors of rows m … and up to kColumns columns; `b` is B in f32, rows of ldB.
template <int Vectors, class Mask, class T>
void multiply(T* out, const bf16* a, const float* b, long ldB, const Gemm& gemm, long columns, Mask mask) {
  Vec sums[kColumns][Vectors] = {};
  for (long k = 0; k < gemm.K; k++) {
    Vec row[Vectors];
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; v++) row[v] = load(a + k * gemm.ldA + v * W, mask);
#pragma GCC unroll 8
    for (int c = 0; c < kColumns; c++) {
      const Vec factor = splat(b[k * ldB + c]);
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; v++) sums[c][v] += factor * row[v];
    }
  }
  float block[kColumns][Vectors * W];
  for (int c = 0; c < kColumns; c++)
    for (int v = 0; v < Vectors; v++) store(block[c] + v * W, sums[c][v]);
  long rows = Vectors * W;
  if constexpr (!std::is_same_v<Mask, Full>) rows = mask.n;
  for (long m = 0; m < rows; m++) {
    T* to = out + m * gemm.ldOut;
    for (long c = 0; c < columns; c++) {
      const float x = block[c][m] * gemm.alpha;
      fromFloat(to + c, gemm.accumulate ? toFloat(to[c]) + x : x);
    }
  }
}

}  // namespace

bool thinGemm(const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads) {
  if (a.type != Type::bf16 || !gemm.transposeA || gemm.transposeB) return false;
  if (gemm.N > kMostColumns || gemm.M < kLeastRows || gemm.ldA == gemm.M) return false;
  const bf16* left = static_cast<const bf16*>(a.data);
  const bf16* right = static_cast<const bf16*>(b.data);
  // Columns past the last are zero; their sums are not stored.
  const long ldB = (gemm.N + kColumns - 1) / kColumns * kColumns;
  const Scratch<float> factors(gemm.K * ldB);
  for (long k = 0; k < gemm.K; k++)
    for (long n = 0; n < gemm.N; n++) factors[k * ldB + n] = toFloat(right[k * gemm.ldB + n]);
  withType(out, [&](auto* to) {
    eachPart(teamSize(threads, gemm.M * gemm.K), gemm.M, 2 * W, [&](long begin, long end, int) {
      for (long n = 0; n < gemm.N; n += kColumns) {
        const long columns = std::min<long>(kColumns, gemm.N - n);
        long m = begin;
        auto run = [&](auto vectors, auto mask) {
          constexpr int Vectors = decltype(vectors)::value;
          multiply<Vectors>(to + m * gemm.ldOut + n, left + m, factors.data() + n, ldB, gemm, columns, mask);
        };
        for (; m + 2 * W <= end; m += 2 * W) run(std::integral_constant<int, 2>{}, Full{});
        for (; m + W <= end; m += W) run(std::integral_constant<int, 1>{}, Full{});
        if (m < end) run(std::integral_constant<int, 1>{}, Part{end - m});
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
