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
  VecHalf half = *reinterpret_cast<const VecHalfMemory*>(p);
  return reinterpret_cast<Vec>(__builtin_convertvector(half, VecBits) << 16);
}
inline void store(float* p, Vec x) { *reinterpret_cast<VecMemory*>(p) = x; }
inline void store(bf16* p, Vec x) {
  VecBits bits = reinterpret_cast<VecBits>(x);
  VecBits rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  VecBits quiet = (bits >> 16) | 0x40;
  VecInt magnitude = reinterpret_cast<VecInt>(bits & 0x7fffffff);
  rounded = magnitude > 0x7f800000 ? quiet : rounded;
  *reinterpret_cast<VecHalfMemory*>(p) = __builtin_convertvector(rounded, VecHalf);
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

inline Vec keep(Vec x, Full, float) { return x; }
// Elements past the end of the row become `value`.
inline Vec keep(Vec x, Part part, float value) {
  float row[W];
  store(row, x);
  for (long i = part.n; i < W; i++) row[i] = value;
  return load(row);
}

inline float sum(Vec x) {
  float row[W];
  store(row, x);
  for (int width = W / 2; width > 0; width /= 2)
    for (int i = 0; i < width; i++) row[i] += row[i + width];
  return row[0];
}
inline Vec maximum(Vec a, Vec b) { return a > b ? a : b; }
inline float maximum(Vec x) {
  float row[W];
  store(row, x);
  for (int width = W / 2; width > 0; width /= 2)
    for (int i = 0; i < width; i++) row[i] = row[i] > row[i + width] ? row[i] : row[i + width];
  return row[0];
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

// e^x: 2^n · e^r with |r| ≤ ln 2 / 2 and a degree-6 polynomial (Cephes expf); about 1 ulp. 0 below −87.3, NaN stays NaN.
inline Vec exponential(Vec x) {
  const Vec lowest = splat(-87.33654f), highest = splat(88.722839f);
  Vec y = x < lowest ? lowest : x;
  y = y > highest ? highest : y;
  const Vec shift = splat(12582912.0f);  // 1.5 · 2^23: adding it rounds to an integer in the low mantissa bits
  Vec shifted = y * 1.44269504f + shift;
  Vec n = shifted - shift;
  Vec r = y - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  Vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  VecInt exponent = (reinterpret_cast<VecInt>(shifted) - reinterpret_cast<VecInt>(shift)) << 23;
  Vec result = reinterpret_cast<Vec>(reinterpret_cast<VecInt>(p) + exponent);
  result = x < lowest ? Vec{} : result;
  return x != x ? x : result;
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
