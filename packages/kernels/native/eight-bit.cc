// Products with weights in 8-bit blocks (Q8_0): blocks of 32 along the depth, a scale each; the other operand is brought
// into the same form on the way in. Weights lie in panels of 16 rows, [panel][block][8 steps][16 rows][4 numbers], so that
// an instruction multiplies four numbers of each of 16 rows; codes are 128 higher than what they mean, as it wants one
// operand without sign. Sums of a block are exact integers; between blocks they are floats.
#include "kernel-list.h"
#include "simd.h"
#include "threads.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

namespace {

constexpr long kBlock = 32, kPanel = 16, kStep = 4, kSteps = kBlock / kStep;
constexpr long kTileRows = 6;
constexpr int kOffset = 128;
constexpr float kLargest = 127.0f;

// codes[0 … 32) = the nearest integers to x/scale, ties to even; returns scale = max |x| / 127.
template <class T>
float quantizeBlock(int8_t* codes, const T* x) {
  Vec most = {};
  for (long i = 0; i < kBlock; i += W) {
    const Vec v = load(x + i);
    most = maximum(maximum(v, -v), most);
  }
  const float scale = maximum(most) / kLargest;
  const float inverse = scale > 0 ? 1.0f / scale : 0.0f;
  const Vec shift = splat(12582912.0f);  // 1.5 · 2^23: adding it rounds to an integer in the low mantissa bits
  for (long i = 0; i < kBlock; i += W) {
    const VecInt rounded = reinterpret_cast<VecInt>(load(x + i) * inverse + shift) - reinterpret_cast<VecInt>(shift);
#if defined(__AVX512F__)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + i), _mm512_cvtepi32_epi8(reinterpret_cast<__m512i>(rounded)));
#else
    for (long lane = 0; lane < W; lane++) codes[i + lane] = static_cast<int8_t>(rounded[lane]);
#endif
  }
  return scale;
}

// Rows of the left operand in blocks.
struct Rows {
  const int8_t* codes;   // [M, K]
  const float* scales;   // [M, K/32]
  const int32_t* sums;   // [M, K/32], −128 · the sum of the block's codes: takes the weights' offset back
};

struct Panels {
  const uint8_t* codes;
  const float* scales;
};

// Which share of the panels after these memory is asked for, into the second-level cache: every row tile takes its turn, so
// that memory works all the time.
struct Turn {
  long index, count;
};

// total[r][c] = rows r of the left operand times panel c.
template <int R, int C>
inline void multiplyPanels(Vec (*total)[C][kPanel / W], const Rows& left, long m, const Panels& right, long panel, long blocks,
                           Turn turn) {
  const long K = blocks * kBlock;
  [[maybe_unused]] long due = turn.index;
  for (long b = 0; b < blocks; b++) {
#if defined(__AVX512VNNI__)
    __m512i sum[R][C];
    for (int r = 0; r < R; r++)
      for (int c = 0; c < C; c++) sum[r][c] = _mm512_set1_epi32(left.sums[(m + r) * blocks + b]);
    const uint8_t* from[C];
    for (int c = 0; c < C; c++) from[c] = right.codes + ((panel + c) * blocks + b) * kBlock * kPanel;
    if (b == due) {
      due += turn.count;
      for (int c = 0; c < C; c++)
        for (long i = 0; i < kBlock * kPanel; i += 64)
          _mm_prefetch(from[c] + C * blocks * kBlock * kPanel + i, _MM_HINT_T1);
    }
#pragma GCC unroll 8
    for (int s = 0; s < kSteps; s++) {
      __m512i w[C];
#pragma GCC unroll 2
      for (int c = 0; c < C; c++) w[c] = _mm512_loadu_si512(from[c] + s * 64);
#pragma GCC unroll 6
      for (int r = 0; r < R; r++) {
        int32_t four;
        memcpy(&four, left.codes + (m + r) * K + b * kBlock + s * kStep, sizeof four);
        const __m512i x = _mm512_set1_epi32(four);
#pragma GCC unroll 2
        for (int c = 0; c < C; c++) sum[r][c] = _mm512_dpbusd_epi32(sum[r][c], w[c], x);
      }
    }
#pragma GCC unroll 2
    for (int c = 0; c < C; c++) {
      const Vec scale = load(right.scales + ((panel + c) * blocks + b) * kPanel);
#pragma GCC unroll 6
      for (int r = 0; r < R; r++)
        total[r][c][0] += Vec(_mm512_cvtepi32_ps(sum[r][c])) * (scale * left.scales[(m + r) * blocks + b]);
    }
#else
    for (int c = 0; c < C; c++) {
      const uint8_t* from = right.codes + ((panel + c) * blocks + b) * kBlock * kPanel;
      const float* scale = right.scales + ((panel + c) * blocks + b) * kPanel;
      for (int r = 0; r < R; r++) {
        const int8_t* x = left.codes + (m + r) * K + b * kBlock;
        int32_t sum[kPanel] = {};
        for (long s = 0; s < kSteps; s++)
          for (long lane = 0; lane < kPanel; lane++)
            for (long k = 0; k < kStep; k++) sum[lane] += (from[s * 64 + lane * kStep + k] - kOffset) * x[s * kStep + k];
        float products[kPanel];
        for (long lane = 0; lane < kPanel; lane++)
          products[lane] = static_cast<float>(sum[lane]) * (scale[lane] * left.scales[(m + r) * blocks + b]);
        for (long i = 0; i < kPanel / W; i++) total[r][c][i] += load(products + i * W);
      }
    }
#endif
  }
}

template <int R, int C, class T>
void multiplyTile(T* out, long ldOut, long N, bool accumulate, const Rows& left, long m, const Panels& right, long panel,
                  long blocks, Turn turn) {
  Vec total[R][C][kPanel / W] = {};
  multiplyPanels<R, C>(total, left, m, right, panel, blocks, turn);
  for (int r = 0; r < R; r++)
    for (int c = 0; c < C; c++) {
      const long first = (panel + c) * kPanel;
      eachVector(first, std::min(N, first + kPanel), [&](long n, auto mask) {
        T* to = out + (m + r) * ldOut + n;
        const Vec x = total[r][c][(n - first) / W];
        store(to, accumulate ? load(to, mask) + x : x, mask);
      });
    }
}

template <int C, class T>
void multiplyRows(T* out, long ldOut, long N, bool accumulate, const Rows& left, long M, const Panels& right, long panel,
                  long blocks) {
  for (long m = 0; m < M; m += kTileRows) {
    const Turn turn = {m / kTileRows, (M + kTileRows - 1) / kTileRows};
    switch (std::min(kTileRows, M - m)) {
      case 1: multiplyTile<1, C>(out, ldOut, N, accumulate, left, m, right, panel, blocks, turn); break;
      case 2: multiplyTile<2, C>(out, ldOut, N, accumulate, left, m, right, panel, blocks, turn); break;
      case 3: multiplyTile<3, C>(out, ldOut, N, accumulate, left, m, right, panel, blocks, turn); break;
      case 4: multiplyTile<4, C>(out, ldOut, N, accumulate, left, m, right, panel, blocks, turn); break;
      case 5: multiplyTile<5, C>(out, ldOut, N, accumulate, left, m, right, panel, blocks, turn); break;
      default: multiplyTile<6, C>(out, ldOut, N, accumulate, left, m, right, panel, blocks, turn);
    }
  }
}

}  // namespace

// quantize8(codes u8, scales f32, weight; N, K)
void quantize8(const Call& call) {
  const long N = call.size(0), K = call.size(1), blocks = K / kBlock, panels = (N + kPanel - 1) / kPanel;
  uint8_t* codes = call.buffers[0].u8();
  float* scales = call.buffers[1].f32();
  withType(call.buffers[2], [&](const auto* weight) {
    eachRowRange(call, panels, kPanel * K, [&](long begin, long end) {
      for (long panel = begin; panel < end; panel++)
        for (long b = 0; b < blocks; b++) {
          uint8_t* to = codes + (panel * blocks + b) * kBlock * kPanel;
          for (long lane = 0; lane < kPanel; lane++) {
            const long n = panel * kPanel + lane;
            int8_t row[kBlock] = {};
            const float scale = n < N ? quantizeBlock(row, weight + n * K + b * kBlock) : 0.0f;
            scales[(panel * blocks + b) * kPanel + lane] = scale;
            for (long k = 0; k < kBlock; k++)
              to[k / kStep * 64 + lane * kStep + k % kStep] = static_cast<uint8_t>(row[k] + kOffset);
          }
        }
    });
  });
}

// matmul8(out, a, codes, scales; M, N, K, ldOut, accumulate)
void matmul8(const Call& call) {
  const long M = call.size(0), N = call.size(1), K = call.size(2), ldOut = call.size(3), blocks = K / kBlock;
  const bool accumulate = call.flag(4);
  if (M == 0 || N == 0) return;
  Scratch<int8_t> codes;
  Scratch<float> scales;
  Scratch<int32_t> sums;
  codes.reserve(M * K);
  scales.reserve(M * blocks);
  sums.reserve(M * blocks);
  withType(call.buffers[1], [&](const auto* a) {
    eachRowRange(call, M, K, [&](long begin, long end) {
      for (long m = begin; m < end; m++)
        for (long b = 0; b < blocks; b++) {
          int8_t* to = codes.data() + m * K + b * kBlock;
          scales[m * blocks + b] = quantizeBlock(to, a + m * K + b * kBlock);
          int32_t sum = 0;
          for (long k = 0; k < kBlock; k++) sum += to[k];
          sums[m * blocks + b] = -kOffset * sum;
        }
    });
  });
  const Rows left = {codes.data(), scales.data(), sums.data()};
  const Panels right = {call.buffers[2].u8(), call.buffers[3].f32()};
  withType(call.buffers[0], [&](auto* out) {
    eachPart(teamSize(call.threads, N * K), (N + kPanel - 1) / kPanel, 2, [&](long begin, long end, int) {
      long panel = begin;
      for (; panel + 2 <= end; panel += 2) multiplyRows<2>(out, ldOut, N, accumulate, left, M, right, panel, blocks);
      for (; panel < end; panel++) multiplyRows<1>(out, ldOut, N, accumulate, left, M, right, panel, blocks);
    });
  });
}

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
