// What some families do to attention scores before the softmax: a soft cap (Gemma 2), a penalty on distance (ALiBi).
#pragma once
#include <cmath>

#include "simd.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

struct ScoreChanges {
  float cap;    // 0: none
  bool alibi;

  bool any() const { return cap > 0 || alibi; }

  // See the contract.
  float slopeOf(long h, long H) const {
    if (!alibi) return 0.0f;
    const long n = 1L << static_cast<long>(std::floor(std::log2(static_cast<double>(H))));
    return static_cast<float>(std::exp2(h < n ? -8.0 * (h + 1) / n : -4.0 * (2 * (h - n) + 1) / n));
  }

  // Changes a row of scaled scores; row[0] is `distance` positions before the query. `derivative`, when given, receives
  // that of the cap. Rows hold whole vectors.
  void apply(float* row, float* derivative, long columns, float distance, float slope) const {
    Vec lane;
    for (int i = 0; i < W; i++) lane[i] = static_cast<float>(i);
    for (long j = 0; j < columns; j += W) {
      Vec s = load(row + j);
      if (cap > 0) {
        const Vec t = sigmoid(s * (2.0f / cap)) * 2.0f - 1.0f;
        s = t * cap;
        if (derivative) store(derivative + j, 1.0f - t * t);
      }
      if (alibi) s -= (distance - static_cast<float>(j) - lane) * slope;
      store(row + j, s);
    }
  }
};

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
