// The small matrix product inside attention and the portable GEMM: C[M, N] (+)= A[M, K] · B[K, N] in f32, with rows of B
// and C contiguous and N a multiple of W (buffers are padded). A's element (m, k) is a[m · rowStride + k · columnStride],
// so that A may be read transposed. Accumulators stay in registers.
#pragma once
#include "simd.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

#if defined(__AVX512F__)
constexpr int kTileRows = 8, kTileVectors = 2;  // 16 of 32 registers accumulate: enough to hide the FMA latency
#elif defined(__aarch64__)
constexpr int kTileRows = 8, kTileVectors = 2;
#else
constexpr int kTileRows = 4, kTileVectors = 2;  // 16 registers in all
#endif

template <int Rows, int Vectors>
inline void tile(float* c, long ldC, const float* a, long rowStride, long columnStride, const float* b, long ldB, long K,
                 bool accumulate) {
  Vec sums[Rows][Vectors];
#pragma GCC unroll 8
  for (int r = 0; r < Rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; v++) sums[r][v] = accumulate ? load(c + r * ldC + v * W) : Vec{};
  for (long k = 0; k < K; k++) {
    Vec row[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; v++) row[v] = load(b + k * ldB + v * W);
#pragma GCC unroll 8
    for (int r = 0; r < Rows; r++) {
      const Vec factor = splat(a[r * rowStride + k * columnStride]);
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; v++) sums[r][v] += factor * row[v];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < Rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; v++) store(c + r * ldC + v * W, sums[r][v]);
}

template <int Rows>
inline void tileRow(float* c, long ldC, const float* a, long rowStride, long columnStride, const float* b, long ldB,
                    long N, long K, bool accumulate) {
  long n = 0;
  for (; n + kTileVectors * W <= N; n += kTileVectors * W)
    tile<Rows, kTileVectors>(c + n, ldC, a, rowStride, columnStride, b + n, ldB, K, accumulate);
  for (; n < N; n += W) tile<Rows, 1>(c + n, ldC, a, rowStride, columnStride, b + n, ldB, K, accumulate);
}

inline void smallProduct(float* c, long ldC, const float* a, long rowStride, long columnStride, const float* b, long ldB,
                         long M, long N, long K, bool accumulate) {
  long m = 0;
  for (; m + kTileRows <= M; m += kTileRows)
    tileRow<kTileRows>(c + m * ldC, ldC, a + m * rowStride, rowStride, columnStride, b, ldB, N, K, accumulate);
  for (; m + 2 <= M; m += 2)
    tileRow<2>(c + m * ldC, ldC, a + m * rowStride, rowStride, columnStride, b, ldB, N, K, accumulate);
  for (; m < M; m++)
    tileRow<1>(c + m * ldC, ldC, a + m * rowStride, rowStride, columnStride, b, ldB, N, K, accumulate);
}

constexpr long roundUp(long x, long multiple) { return (x + multiple - 1) / multiple * multiple; }

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
