// One vector type for every instruction set, on the vector extensions GCC and Clang share: W floats, loads and stores
// that convert bf16, exp, sums. Only what the kernels use.
#pragma once
#include <cmath>
#include <cstring>

#include "kernels.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace tuiqiao {
namespace TUIQIAO_ISA {

#if defined(__AVX512F__)
constexpr int W = 16;
#elif defined(__AVX2__)
constexpr int W = 8;
#else
constexpr int W = 4;
#endif

typedef float Vec __attribute__((vector_size(W * 4)));
typedef int32_t VecInt __attribute__((vector_size(W * 4)));
typedef uint32_t VecBits __attribute__((vector_size(W * 4)));
typedef uint16_t VecHalf __attribute__((vector_size(W * 2)));
typedef float VecMemory __attribute__((vector_size(W * 4), aligned(4), may_alias));
typedef uint16_t VecHalfMemory __attribute__((vector_size(W * 2), aligned(2), may_alias));

// Marks a whole vector, or the last n (< W) elements of a row.
struct Full {};
struct Part {
  long n;
};

inline Vec splat(float x) { return x - Vec{}; }
inline VecInt splatInt(int32_t x) { return x - VecInt{}; }

inline float toFloat(float x) { return x; }
inline float toFloat(bf16 x) {
  uint32_t bits = static_cast<uint32_t>(x.bits) << 16;
  float result;
  memcpy(&result, &bits, 4);
  return result;
}
inline void fromFloat(float* p, float x) { *p = x; }
inline void fromFloat(bf16* p, float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  if ((bits & 0x7fffffff) > 0x7f800000) {
    p->bits = static_cast<uint16_t>((bits >> 16) | 0x40);
  } else {
    p->bits = static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
  }
}

inline Vec load(const float* p) { return *reinterpret_cast<const VecMemory*>(p); }
inline Vec load(const bf16* p) {
#if defined(__AVX512F__)
  const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
#elif defined(__AVX2__)
  const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
#else
  VecHalf half = *reinterpret_cast<const VecHalfMemory*>(p);
  return reinterpret_cast<Vec>(__builtin_convertvector(half, VecBits) << 16);
#endif
}
inline void store(float* p, Vec x) { *reinterpret_cast<VecMemory*>(p) = x; }
inline void store(bf16* p, Vec x) {
#if defined(__AVX512BF16__)
  // The instruction takes numbers below 2^-126 for zero; the other paths keep them.
  const __m256bh half = _mm512_cvtneps_pbh(x);
  memcpy(p, &half, sizeof half);
#else
  VecBits bits = reinterpret_cast<VecBits>(x);
  VecBits rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  VecBits quiet = (bits >> 16) | 0x40;
  VecInt magnitude = reinterpret_cast<VecInt>(bits & 0x7fffffff);
  rounded = magnitude > 0x7f800000 ? quiet : rounded;
#if defined(__AVX512F__)
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(reinterpret_cast<__m512i>(rounded)));
#else
  *reinterpret_cast<VecHalfMemory*>(p) = __builtin_convertvector(rounded, VecHalf);
#endif
#endif
}

template <class T>
inline Vec load(const T* p, Full) {
  return load(p);
}
template <class T>
inline void store(T* p, Vec x, Full) {
  store(p, x);
}
template <class T>
inline Vec load(const T* p, Part part) {
  T row[W] = {};
  memcpy(row, p, static_cast<size_t>(part.n) * sizeof(T));
  return load(row);
}
template <class T>
inline void store(T* p, Vec x, Part part) {
  T row[W];
  store(row, x);
  memcpy(p, row, static_cast<size_t>(part.n) * sizeof(T));
}

// body(i, Full or Part) over [begin, end) in steps of W.
template <class Body>
inline void eachVector(long begin, long end, Body body) {
  long i = begin;
  for (; i + W <= end; i += W) body(i, Full{});
  if (i < end) body(i, Part{end - i});
}

// Lanes from ≤ i < to keep x, the others become `value`.
inline Vec keepLanes(Vec x, long from, long to, float value) {
#if defined(__AVX512F__)
  const VecInt lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#elif defined(__AVX2__)
  const VecInt lane = {0, 1, 2, 3, 4, 5, 6, 7};
#else
  const VecInt lane = {0, 1, 2, 3};
#endif
  const VecInt first = splatInt(static_cast<int32_t>(from)), end = splatInt(static_cast<int32_t>(to));
  return ((lane >= first) & (lane < end)) ? x : splat(value);
}

inline Vec keep(Vec x, Full, float) { return x; }
// Elements past the end of the row become `value`.
inline Vec keep(Vec x, Part part, float value) { return keepLanes(x, 0, part.n, value); }

// b where either is NaN, as the processors' own instructions have it.
inline Vec maximum(Vec a, Vec b) {
#if defined(__AVX512F__)
  return _mm512_max_ps(a, b);
#elif defined(__AVX2__)
  return _mm256_max_ps(a, b);
#elif defined(__x86_64__)
  return _mm_max_ps(a, b);
#else
  return a > b ? a : b;
#endif
}
inline Vec minimum(Vec a, Vec b) {
#if defined(__AVX512F__)
  return _mm512_min_ps(a, b);
#elif defined(__AVX2__)
  return _mm256_min_ps(a, b);
#elif defined(__x86_64__)
  return _mm_min_ps(a, b);
#else
  return a < b ? a : b;
#endif
}

// Combines the lanes of x pairwise, halving the width each time.
typedef float Quarter __attribute__((vector_size(16)));
template <class Combine>
inline float combineLanes(Vec x, Combine combine) {
#if defined(__AVX512F__)
  const __m256 low = _mm512_castps512_ps256(x), high = _mm512_extractf32x8_ps(x, 1);
  const Quarter a = combine(_mm256_castps256_ps128(low), _mm256_castps256_ps128(high));
  const Quarter b = combine(_mm256_extractf128_ps(low, 1), _mm256_extractf128_ps(high, 1));
  Quarter four = combine(a, b);
#elif defined(__AVX2__)
  Quarter four = combine(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
#else
  Quarter four = x;
#endif
  const Quarter two = combine(four, Quarter{four[2], four[3], four[2], four[3]});
  const Quarter one = combine(two, Quarter{two[1], two[1], two[1], two[1]});
  return one[0];
}
inline float sum(Vec x) {
  return combineLanes(x, [](Quarter a, Quarter b) -> Quarter { return a + b; });
}
inline float maximum(Vec x) {
  return combineLanes(x, [](Quarter a, Quarter b) -> Quarter { return a > b ? a : b; });
}

// The sums over the lanes of four vectors.
inline Quarter sums(Vec a, Vec b, Vec c, Vec d) {
#if defined(__AVX512F__)
  const Vec ab = _mm512_unpacklo_ps(a, b) + _mm512_unpackhi_ps(a, b);
  const Vec cd = _mm512_unpacklo_ps(c, d) + _mm512_unpackhi_ps(c, d);
  const __m512d x = _mm512_castps_pd(ab), y = _mm512_castps_pd(cd);
  const Vec all = Vec(_mm512_castpd_ps(_mm512_unpacklo_pd(x, y))) + Vec(_mm512_castpd_ps(_mm512_unpackhi_pd(x, y)));
  const __m256 half = _mm512_castps512_ps256(all) + _mm512_extractf32x8_ps(all, 1);
  return _mm256_castps256_ps128(half) + _mm256_extractf128_ps(half, 1);
#else
  return Quarter{sum(a), sum(b), sum(c), sum(d)};
#endif
}

// Whether any lane of a equals b.
inline bool anyEqual(Vec a, Vec b) {
#if defined(__AVX512F__)
  return _mm512_cmpeq_ps_mask(a, b) != 0;
#elif defined(__AVX2__)
  return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_EQ_OQ)) != 0;
#else
  const VecInt equal = a == b;
  int32_t any = 0;
  for (int i = 0; i < W; i++) any |= equal[i];
  return any != 0;
#endif
}

inline Vec squareRoot(Vec x) {
#if defined(__AVX512F__)
  return _mm512_maskz_sqrt_ps(0xffff, x);  // the unmasked form makes GCC 12 warn of an uninitialized register
#elif defined(__AVX2__)
  return _mm256_sqrt_ps(x);
#elif defined(__x86_64__)
  return _mm_sqrt_ps(x);
#elif defined(__aarch64__)
  return vsqrtq_f32(x);
#else
  Vec result;
  for (int i = 0; i < W; i++) result[i] = std::sqrt(x[i]);
  return result;
#endif
}

// e^x for |x| ≤ 88: 2^n · e^r with |r| ≤ ln 2 / 2. The polynomial is the one of Arm's optimized routines (expf, vector);
// within 2 ulp. NaN stays NaN.
inline Vec exponentialInRange(Vec x) {
  const Vec shift = splat(12582912.0f);  // 1.5 · 2^23: adding it rounds to an integer in the low mantissa bits
  const Vec shifted = x * 1.44269504f + shift;
  const Vec n = shifted - shift;
  Vec r = x - n * 0.693145752f;
  r = r - n * 1.42860677e-6f;
  const Vec square = r * r;
  const Vec high = r * 0x1.0e4020p-7f + 0x1.573e2ep-5f;
  const Vec low = r * 0x1.555e66p-3f + 0x1.fffdb6p-2f;
  const Vec p = (high * square + low) * square + (r * 0x1.ffffecp-1f + 1.0f);
#if defined(__AVX512F__)
  return _mm512_scalef_ps(p, n);
#else
  const VecInt exponent = (reinterpret_cast<VecInt>(shifted) - reinterpret_cast<VecInt>(shift)) << 23;
  const Vec result = reinterpret_cast<Vec>(reinterpret_cast<VecInt>(p) + exponent);
  return x != x ? x : result;
#endif
}

// e^x; 0 from −87.3 down (AVX-512: from −104), never infinite, NaN stays NaN.
inline Vec exponential(Vec x) {
#if defined(__AVX512F__)
  return exponentialInRange(minimum(splat(88.72f), maximum(splat(-104.0f), x)));
#else
  const Vec lowest = splat(-87.33f);
  const Vec result = exponentialInRange(minimum(splat(88.37f), maximum(lowest, x)));
  return x < lowest ? Vec{} : result;
#endif
}

// 1/(1 + e^−x); past ±80 it stays what it is there.
inline Vec sigmoid(Vec x) {
  const Vec d = 1.0f + exponentialInRange(minimum(splat(80.0f), maximum(splat(-80.0f), -x)));
#if defined(__AVX512F__)
  const Vec guess = _mm512_maskz_rcp14_ps(0xffff, d);  // 14 bits; one Newton step doubles them
  return guess + guess * (1.0f - d * guess);
#else
  return 1.0f / d;
#endif
}

// Calls body with the buffer's data as float* or bf16*.
template <class Body>
inline void withType(const Buffer& buffer, Body body) {
  if (buffer.type == Type::bf16) {
    body(static_cast<bf16*>(buffer.data));
  } else {
    body(static_cast<float*>(buffer.data));
  }
}

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
