// Packing for attention, and the product of query rows with a block of keys. Where the processor multiplies bf16 pairs
// (AVX512-BF16), bf16 rows stay bf16: keys are packed as pairs, queries are read where they lie, at twice the speed of
// f32. Products of bf16 numbers are exact in f32 and sums are f32 either way.
#pragma once
#include <type_traits>

#include "simd.h"
#include "tile.h"
#include "transpose.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

constexpr long kKeys = 64;  // columns of a block of scores

template <class T>
inline bool multipliesPairs(long D) {
#if defined(__AVX512BF16__)
  return std::is_same<T, bf16>::value && D % 2 == 0;
#else
  (void)D;
  return false;
#endif
}

// Rows [count, width] of f32 from rows of D elements at stride ld; columns past D are zero.
template <class T>
void packRows(float* to, const T* from, long ld, long count, long D, long width) {
  // Rows are short and far apart: the processor does not see the next ones coming.
  constexpr long kAhead = 12;
  for (long n = 0; n < count; n++) {
    for (long d = 0; d < D; d += 64 / static_cast<long>(sizeof(T))) __builtin_prefetch(from + (n + kAhead) * ld + d);
    eachVector(0, D, [&](long d, auto m) { store(to + n * width + d, load(from + n * ld + d, m)); });
  }
}

// Blocks [columns, kKeys] of the transposed rows of `columns` 32-bit units at stride ldBytes; past the last row zero.
inline void packTransposed(uint32_t* to, const char* rows, long ldBytes, long count, long columns) {
  auto unit = [&](long n, long c) {
    uint32_t value;
    memcpy(&value, rows + n * ldBytes + c * 4, 4);
    return value;
  };
  for (long first = 0; first < count; first += kKeys, to += columns * kKeys) {
    const long length = std::min(kKeys, count - first);
    long c = 0;
#if defined(__AVX512F__)
    for (; c + 16 <= columns; c += 16)
      for (long n = 0; n < kKeys; n += 16) {
        __m512i block[16];
        for (long i = 0; i < 16; i++)
          block[i] = n + i < length ? _mm512_loadu_si512(rows + (first + n + i) * ldBytes + c * 4) : _mm512_setzero_si512();
        transpose16(block);
        for (long i = 0; i < 16; i++) _mm512_storeu_si512(to + (c + i) * kKeys + n, block[i]);
      }
#endif
    for (; c < columns; c++) {
      for (long n = 0; n < length; n++) to[c * kKeys + n] = unit(first + n, c);
      std::fill(to + c * kKeys + length, to + (c + 1) * kKeys, 0u);
    }
  }
}

// Key blocks for `scoreProduct`, from the rows where they lie and their packed f32 form.
template <class T>
inline void packKeys(float* to, const T* from, long ld, const float* rows, long count, long D, long width) {
  if (multipliesPairs<T>(D)) {
    packTransposed(reinterpret_cast<uint32_t*>(to), reinterpret_cast<const char*>(from), ld * sizeof(T), count, D / 2);
  } else {
    packTransposed(reinterpret_cast<uint32_t*>(to), reinterpret_cast<const char*>(rows), width * 4, count, D);
  }
}

// Numbers between one key block and the next.
template <class T>
inline long keyBlockLength(long D) {
  return (multipliesPairs<T>(D) ? D / 2 : D) * kKeys;
}

#if defined(__AVX512BF16__)
template <int Rows, int Vectors>
inline void pairTile(float* c, const bf16* a, long ldA, const float* b, long pairs) {
  Vec sums[Rows][Vectors];
#pragma GCC unroll 8
  for (int r = 0; r < Rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; v++) sums[r][v] = Vec{};
  for (long k = 0; k < pairs; k++) {
    __m512bh row[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; v++) row[v] = reinterpret_cast<__m512bh>(load(b + k * kKeys + v * W));
#pragma GCC unroll 8
    for (int r = 0; r < Rows; r++) {
      int32_t pair;
      memcpy(&pair, a + r * ldA + 2 * k, 4);
      const __m512bh factor = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; v++) sums[r][v] = _mm512_dpbf16_ps(sums[r][v], factor, row[v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < Rows; r++)
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; v++) store(c + r * kKeys + v * W, sums[r][v]);
}

template <int Rows>
inline void pairTileRow(float* c, const bf16* a, long ldA, const float* b, long N, long pairs) {
  long n = 0;
  for (; n + 2 * W <= N; n += 2 * W) pairTile<Rows, 2>(c + n, a, ldA, b + n, pairs);
  for (; n < N; n += W) pairTile<Rows, 1>(c + n, a, ldA, b + n, pairs);
}
#endif

// scores[i, j] = Σ_d a[i, d] · keys[j, d] for M rows and N (whole vectors) keys of one block. `a` lies where the model
// has it, at stride ldA; `rows` is its packed f32 form, which only the f32 path reads.
template <class T>
inline void scoreProduct(float* scores, const T* a, long ldA, const float* rows, long width, const float* keys, long M,
                         long N, long D) {
#if defined(__AVX512BF16__)
  if constexpr (std::is_same<T, bf16>::value) {
    if (multipliesPairs<T>(D)) {
      long m = 0;
      for (; m + 8 <= M; m += 8) pairTileRow<8>(scores + m * kKeys, a + m * ldA, ldA, keys, N, D / 2);
      for (; m + 2 <= M; m += 2) pairTileRow<2>(scores + m * kKeys, a + m * ldA, ldA, keys, N, D / 2);
      for (; m < M; m++) pairTileRow<1>(scores + m * kKeys, a + m * ldA, ldA, keys, N, D / 2);
      return;
    }
  }
#endif
  (void)a;
  (void)ldA;
  smallProduct(scores, kKeys, rows, width, 1, keys, kKeys, M, N, D, false);
}

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
