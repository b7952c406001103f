// GEMM without oneDNN: panels of B and A are converted to f32 and packed, then multiplied by the register tile. Used
// where oneDNN is absent, and for bf16 on processors on which oneDNN has only its reference code.
#include "kernel-list.h"
#include "simd.h"
#include "threads.h"
#include "tile.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

namespace {

constexpr long kPanelColumns = 128;
constexpr long kPanelDepth = 256;  // 128 · 256 floats of B: 128 KiB, half of a common second-level cache
constexpr long kPanelRows = 64;

// to[k · ldTo + n] = op(b)[k, n] for a panel; columns past `columns` up to ldTo are zero.
template <class T>
void packB(float* to, const T* b, const Gemm& gemm, long k0, long depth, long n0, long columns, long ldTo) {
  for (long k = 0; k < depth; k++) {
    float* row = to + k * ldTo;
    if (gemm.transposeB) {
      for (long n = 0; n < columns; n++) row[n] = toFloat(b[(n0 + n) * gemm.ldB + k0 + k]);
    } else {
      const T* from = b + (k0 + k) * gemm.ldB + n0;
      eachVector(0, columns, [&](long n, auto m) { store(row + n, load(from + n, m), m); });
    }
    std::fill(row + columns, row + ldTo, 0.0f);
  }
}

// to[m · depth + k] = alpha · op(a)[m, k].
template <class T>
void packA(float* to, const T* a, const Gemm& gemm, long m0, long rows, long k0, long depth) {
  for (long m = 0; m < rows; m++)
    for (long k = 0; k < depth; k++) {
      const long at = gemm.transposeA ? (k0 + k) * gemm.ldA + m0 + m : (m0 + m) * gemm.ldA + k0 + k;
      to[m * depth + k] = toFloat(a[at]) * gemm.alpha;
    }
}

template <class TOut, class TIn>
void multiplyBlock(TOut* out, const TIn* a, const TIn* b, const Gemm& gemm, long m0, long mEnd, long n0, long nEnd) {
  const long columns = nEnd - n0, ld = roundUp(columns, W);
  const Scratch<float> panelB(kPanelDepth * ld), panelA(kPanelRows * kPanelDepth);
  const Scratch<float> sums((mEnd - m0) * ld);
  for (long k0 = 0; k0 < gemm.K; k0 += kPanelDepth) {
    const long depth = std::min(kPanelDepth, gemm.K - k0);
    packB(panelB.data(), b, gemm, k0, depth, n0, columns, ld);
    for (long m = m0; m < mEnd; m += kPanelRows) {
      const long rows = std::min(kPanelRows, mEnd - m);
      packA(panelA.data(), a, gemm, m, rows, k0, depth);
      smallProduct(sums.data() + (m - m0) * ld, ld, panelA.data(), depth, 1, panelB.data(), ld, rows, ld, depth, true);
    }
  }
  for (long m = m0; m < mEnd; m++) {
    TOut* row = out + m * gemm.ldOut + n0;
    const float* from = sums.data() + (m - m0) * ld;
    eachVector(0, columns, [&](long n, auto mask) {
      Vec x = load(from + n, mask);
      store(row + n, gemm.accumulate ? load(row + n, mask) + x : x, mask);
    });
  }
}

}  // namespace

void portableGemm(const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads) {
  constexpr long kBlockRows = 512;
  const long columnBlocks = (gemm.N + kPanelColumns - 1) / kPanelColumns;
  const long rowBlocks = (gemm.M + kBlockRows - 1) / kBlockRows;
  const int team = static_cast<int>(std::min<long>(threads, columnBlocks * rowBlocks));
  withType(out, [&](auto* to) {
    withType(a, [&](const auto* left) {
      const auto* right = static_cast<decltype(left)>(b.data);
#pragma omp parallel for num_threads(team) schedule(dynamic, 1) if (team > 1 && gemm.M * gemm.N * gemm.K > 100000)
      for (long index = 0; index < columnBlocks * rowBlocks; index++) {
        const long m0 = index / columnBlocks * kBlockRows, n0 = index % columnBlocks * kPanelColumns;
        multiplyBlock(to, left, right, gemm, m0, std::min(gemm.M, m0 + kBlockRows), n0,
                      std::min(gemm.N, n0 + kPanelColumns));
      }
    });
  });
}

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
