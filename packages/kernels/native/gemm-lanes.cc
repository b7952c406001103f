// Products of some rows with a bf16 weight as checkpoints hold it, [N, K]: decoding of many sequences. Rows
// of the left operand are brought into the lanes of registers once a call; every pair of weights is read where it lies and
// multiplies 32 rows, so that no sum is taken across lanes.
#include <type_traits>

#include "kernel-list.h"
#include "pairs.h"
#include "simd.h"
#include "threads.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

#if defined(__AVX512BF16__)

namespace {

constexpr long kLeastRows = 9, kLeastColumns = 32;
constexpr long kBlock = 2 * W;  // rows of the left operand at a time
constexpr long kQuads = 3;      // columns at a time at most, in fours
constexpr long kLine = 16;      // pairs of weights in a cache line
constexpr long kPage = 4096;

inline __m512bh splatPair(const bf16* p) {
  int32_t pair;
  memcpy(&pair, p, sizeof pair);
  return reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
}

// total[c][v] = column c of the product for the rows in vector v. `ahead`: memory is asked for the weights so many
// numbers further on, 0 for none.
template <int Vectors, int Columns>
inline void multiply(Vec (&total)[Columns][Vectors], const int32_t* packed, const bf16* weight, long ldB, long pairs, long ahead) {
  // Three strides reach four columns from one pointer.
  const bf16* quad[Columns / 4];
  for (int q = 0; q < Columns / 4; q++) quad[q] = weight + 4 * q * ldB;
  const auto step = [&](long p) {
    __m512bh x[Vectors];
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; v++)
      x[v] = reinterpret_cast<__m512bh>(_mm512_load_si512(packed + (p * Vectors + v) * W));
#pragma GCC unroll 12
    for (int c = 0; c < Columns; c++) {
      const __m512bh w = splatPair(quad[c / 4] + c % 4 * ldB + 2 * p);
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; v++) total[c][v] = _mm512_dpbf16_ps(total[c][v], x[v], w);
    }
  };
  long p = 0;
  if (ahead > 0) {
    for (; p + kLine <= pairs; p += kLine) {
#pragma GCC unroll 12
      for (int c = 0; c < Columns; c++) _mm_prefetch(quad[c / 4] + c % 4 * ldB + ahead + 2 * p, _MM_HINT_T1);
      for (long i = 0; i < kLine; i++) step(p + i);
    }
  }
  for (; p < pairs; p++) step(p);
}

inline void storeRow(float* to, Quarter x, bool accumulate) {
  if (accumulate) x += Quarter(_mm_loadu_ps(to));
  memcpy(to, &x, sizeof x);
}
inline void storeRow(bf16* to, Quarter x, bool accumulate) {
  if (accumulate) {
    const __m128i wide = _mm_cvtepu16_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(to)));
    x += Quarter(_mm_castsi128_ps(_mm_slli_epi32(wide, 16)));
  }
  const __m128bh half = _mm_cvtneps_pbh(x);
  memcpy(to, &half, 4 * sizeof(bf16));
}

// Eight numbers of each of two rows.
inline void storeRows(float* first, float* second, Vec x, bool accumulate) {
  if (accumulate) {
    const __m512 low = _mm512_castps256_ps512(_mm256_loadu_ps(first));
    x += Vec(_mm512_insertf32x8(low, _mm256_loadu_ps(second), 1));
  }
  _mm256_storeu_ps(first, _mm512_castps512_ps256(x));
  _mm256_storeu_ps(second, _mm512_extractf32x8_ps(x, 1));
}
inline void storeRows(bf16* first, bf16* second, Vec x, bool accumulate) {
  if (accumulate) {
    const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(first));
    const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(second));
    const __m512i wide = _mm512_cvtepu16_epi32(_mm256_set_m128i(high, low));
    x += Vec(_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16)));
  }
  const __m256i half = reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(first), _mm256_castsi256_si128(half));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(second), _mm256_extracti128_si256(half, 1));
}

// Four columns of 16 rows: quarter q of mixed[i] is row 4 · q + i.
inline void mixColumns(Vec (&mixed)[4], Vec a, Vec b, Vec c, Vec d, float alpha) {
  const __m512d ab[2] = {_mm512_castps_pd(_mm512_unpacklo_ps(a, b)), _mm512_castps_pd(_mm512_unpackhi_ps(a, b))};
  const __m512d cd[2] = {_mm512_castps_pd(_mm512_unpacklo_ps(c, d)), _mm512_castps_pd(_mm512_unpackhi_ps(c, d))};
  for (int i = 0; i < 2; i++) {
    mixed[2 * i] = Vec(_mm512_castpd_ps(_mm512_unpacklo_pd(ab[i], cd[i]))) * alpha;
    mixed[2 * i + 1] = Vec(_mm512_castpd_ps(_mm512_unpackhi_pd(ab[i], cd[i]))) * alpha;
  }
}

// Columns 4 · quad … of up to 16 rows: element r of each belongs to row r of `out`.
template <class T>
void storeColumns(T* out, const Vec (&mixed)[4], long rows, const Gemm& gemm) {
  const auto store = [&](auto quarter) {
    constexpr int q = decltype(quarter)::value;
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      const long row = 4 * q + i;
      if (row < rows) storeRow(out + row * gemm.ldOut, Quarter(_mm512_extractf32x4_ps(mixed[i], q)), gemm.accumulate);
    }
  };
  store(std::integral_constant<int, 0>{});
  store(std::integral_constant<int, 1>{});
  store(std::integral_constant<int, 2>{});
  store(std::integral_constant<int, 3>{});
}

// Eight columns of 16 rows.
template <class T>
void storeColumns(T* out, const Vec (&left)[4], const Vec (&right)[4], const Gemm& gemm) {
  const __m512i pairs[2] = {_mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23),
                            _mm512_setr_epi32(8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31)};
#pragma GCC unroll 2
  for (int half = 0; half < 2; half++)
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      T* first = out + (8 * half + i) * gemm.ldOut;
      storeRows(first, first + 4 * gemm.ldOut, _mm512_permutex2var_ps(left[i], pairs[half], right[i]), gemm.accumulate);
    }
}

template <int Vectors, int Columns, class T>
void multiplyTile(T* out, const int32_t* packed, const bf16* weight, long rows, long ahead, const Gemm& gemm) {
  Vec total[Columns][Vectors] = {};
  multiply<Vectors, Columns>(total, packed, weight, gemm.ldB, gemm.K / 2, ahead);
  for (int v = 0; v < Vectors; v++) {
    T* to = out + v * W * gemm.ldOut;
    const long left = rows - v * W;
    Vec mixed[Columns / 4][4];
    for (int q = 0; q < Columns / 4; q++)
      mixColumns(mixed[q], total[4 * q][v], total[4 * q + 1][v], total[4 * q + 2][v], total[4 * q + 3][v], gemm.alpha);
    int q = 0;
    if (left >= W)
      for (; q + 2 <= Columns / 4; q += 2) storeColumns(to + 4 * q, mixed[q], mixed[q + 1], gemm);
    for (; q < Columns / 4; q++) storeColumns(to + 4 * q, mixed[q], left, gemm);
  }
}

// `quads` · 4 columns of a block of rows.
template <class T>
void multiplyBlock(T* out, const int32_t* packed, const bf16* weight, long rows, long quads, long ahead, const Gemm& gemm) {
  const auto run = [&](auto vectors) {
    constexpr int Vectors = decltype(vectors)::value;
    switch (quads) {
      case 1: multiplyTile<Vectors, 4>(out, packed, weight, rows, ahead, gemm); break;
      case 2: multiplyTile<Vectors, 8>(out, packed, weight, rows, ahead, gemm); break;
      default: multiplyTile<Vectors, 4 * kQuads>(out, packed, weight, rows, ahead, gemm);
    }
  };
  if (rows > W) {
    run(std::integral_constant<int, 2>{});
  } else {
    run(std::integral_constant<int, 1>{});
  }
}

}  // namespace

bool laneGemm(const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads) {
  const long M = gemm.M, N = gemm.N, K = gemm.K;
  if (a.type != Type::bf16 || gemm.transposeA || !gemm.transposeB) return false;
  if (M < kLeastRows || N < kLeastColumns || N % 4 != 0 || K % 2 != 0) return false;
  // Idle lanes cost as much as busy ones: with more than a tenth of them dot products are faster.
  if ((M + W - 1) / W * W * 9 > M * 10) return false;
  const bf16* left = static_cast<const bf16*>(a.data);
  const bf16* right = static_cast<const bf16*>(b.data);
  // Sums enough to keep the processor busy. Rows of the weight whole pages apart share one set of the first-level cache: no
  // more of them at a time than it has ways.
  const long quadsAtOnce = M > W || gemm.ldB * sizeof(bf16) % kPage == 0 ? 2 : kQuads;
  const long pairs = K / 2, blocks = (M + kBlock - 1) / kBlock, tiles = (N / 4 + quadsAtOnce - 1) / quadsAtOnce;
  Scratch<int32_t> packed;
  packed.reserve(blocks * kBlock * pairs);
  const int team = teamSize(threads, std::max(N * K, M * N * K / 8));
  const auto rowsOf = [&](long block) { return std::min(kBlock, M - block * kBlock); };
  const auto pack = [&](long block) {
    const long rows = rowsOf(block), vectors = rows > W ? 2 : 1;
    for (long v = 0; v < vectors; v++)
      packRows(packed.data() + block * kBlock * pairs + v * W, vectors * W, left + (block * kBlock + v * W) * gemm.ldA,
               gemm.ldA, rows - v * W, pairs);
  };
  withType(out, [&](auto* to) {
    const auto tile = [&](long block, long index, bool fetches) {
      const long first = index * 4 * quadsAtOnce, quads = std::min(quadsAtOnce, (N - first) / 4);
      multiplyBlock(to + block * kBlock * gemm.ldOut + first, packed.data() + block * kBlock * pairs, right + first * gemm.ldB,
                    rowsOf(block), quads, fetches ? 4 * quadsAtOnce * gemm.ldB : 0, gemm);
    };
#pragma omp parallel num_threads(team) if (team > 1)
    {
#pragma omp for schedule(static)
      for (long block = 0; block < blocks; block++) pack(block);
#pragma omp for schedule(static)
      for (long t = 0; t < tiles; t++)
        for (long block = 0; block < blocks; block++) tile(block, t, block == 0);
    }
  });
  return true;
}

#else

bool laneGemm(const Buffer&, const Buffer&, const Buffer&, const Gemm&, int) { return false; }

#endif

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
