// Vectors of doubles: what sampling needs of them.
#pragma once
#include "simd.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

constexpr int kDoubles = W / 2;
typedef double Doubles __attribute__((vector_size(kDoubles * 8)));
typedef int64_t LongBits __attribute__((vector_size(kDoubles * 8)));
typedef float HalfFloats __attribute__((vector_size(kDoubles * 4), aligned(4), may_alias));
typedef double DoublesMemory __attribute__((vector_size(kDoubles * 8), aligned(8), may_alias));

inline Doubles loadDoubles(const float* p) {
  return __builtin_convertvector(*reinterpret_cast<const HalfFloats*>(p), Doubles);
}
inline void storeDoubles(double* p, Doubles x) { *reinterpret_cast<DoublesMemory*>(p) = x; }
inline double sumOfDoubles(Doubles x) {
  double total = 0;
  for (int i = 0; i < kDoubles; i++) total += x[i];
  return total;
}

// e^x for x ≤ 0, vectors or single numbers: 2^n · e^r, |r| ≤ ln 2/2, by Taylor's polynomial of degree 11: within 1e−14.
// 0 below −700; NaN stays NaN.
template <class T, class Bits>
inline T exponentialOfNegativeAs(T x) {
  const T shift = T{} + 0x1.8p52;
  const T bounded = x < -700.0 ? T{} - 700.0 : x;
  const T shifted = bounded * 1.4426950408889634 + shift;
  const T n = shifted - shift;
  const T r = (bounded - n * 0x1.62e42fefap-1) - n * 0x1.cf79abc9e3b39p-41;
  T p = T{} + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  Bits bits, exponent, magic;
  memcpy(&bits, &p, sizeof bits);
  memcpy(&exponent, &shifted, sizeof exponent);
  memcpy(&magic, &shift, sizeof magic);
  bits += (exponent - magic) << 52;
  T result;
  memcpy(&result, &bits, sizeof result);
  result = x != x ? x : result;
  return x < -700.0 ? T{} : result;
}

inline Doubles exponentialOfNegative(Doubles x) { return exponentialOfNegativeAs<Doubles, LongBits>(x); }
inline double exponentialOfNegative(double x) { return exponentialOfNegativeAs<double, int64_t>(x); }

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
