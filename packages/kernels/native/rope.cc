// Per-head RMSNorm and rotary embedding, forward and backward, one head row at a time through a row of f32 scratch.
#include "kernel-list.h"
#include "simd.h"
#include "threads.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

// Rotates the first 2·half elements of the row by the angles; direction −1 rotates back.
static void rotate(float* row, const float* cos, const float* sin, long half, bool interleaved, float direction) {
  if (interleaved) {
    for (long i = 0; i < half; i++) {
      const float a = row[2 * i], b = row[2 * i + 1], s = sin[i] * direction;
      row[2 * i] = a * cos[i] - b * s;
      row[2 * i + 1] = b * cos[i] + a * s;
    }
    return;
  }
  eachVector(0, half, [&](long i, auto m) {
    Vec a = load(row + i, m), b = load(row + half + i, m);
    Vec c = load(cos + i, m), s = load(sin + i, m) * direction;
    store(row + i, a * c - b * s, m);
    store(row + half + i, b * c + a * s, m);
  });
}

// The rows' pairs are (i, i + half) and fill them: norm and rotation then need no row of scratch between them.
template <class TOut, class TIn>
static void normRotateHalves(TOut* to, const TIn* from, const float* weight, const float* cos, const float* sin, long half,
                             float r) {
  eachVector(0, half, [&](long i, auto m) {
    const Vec a = load(from + i, m) * (load(weight + i, m) * r);
    const Vec b = load(from + half + i, m) * (load(weight + half + i, m) * r);
    const Vec c = load(cos + i, m), s = load(sin + i, m);
    store(to + i, a * c - b * s, m);
    store(to + half + i, b * c + a * s, m);
  });
}

// Its gradient; sums, when given, collect the weight's. Returns nothing but dX: see the contract for the formula.
template <class TOut, class TGrad, class TIn>
static void normRotateHalvesBackward(TOut* to, float* sums, const TGrad* dOut, const TIn* x, const float* weight,
                                     const float* cos, const float* sin, long half, float r) {
  Vec dot = {};
  eachVector(0, half, [&](long i, auto m) {
    const Vec p = load(dOut + i, m), q = load(dOut + half + i, m), c = load(cos + i, m), s = load(sin + i, m);
    const Vec a = (p * c + q * s) * load(x + i, m), b = (q * c - p * s) * load(x + half + i, m);
    dot += a * load(weight + i, m) + b * load(weight + half + i, m);
    if (sums) {
      store(sums + i, load(sums + i, m) + a * r, m);
      store(sums + half + i, load(sums + half + i, m) + b * r, m);
    }
  });
  const float scaled = r * r * sum(dot) / static_cast<float>(2 * half);
  eachVector(0, half, [&](long i, auto m) {
    const Vec p = load(dOut + i, m), q = load(dOut + half + i, m), c = load(cos + i, m), s = load(sin + i, m);
    const Vec a = (p * c + q * s) * load(weight + i, m), b = (q * c - p * s) * load(weight + half + i, m);
    const Vec xa = load(x + i, m), xb = load(x + half + i, m);
    store(to + i, (a - xa * scaled) * r, m);
    store(to + half + i, (b - xb * scaled) * r, m);
  });
}

static void weightOrOnes(Scratch<float>& row, const Buffer& weight, long D, float offset) {
  row.reserve(D + W);
  std::fill(row.data(), row.data() + D, 1.0f);
  if (weight)
    withType(weight, [&](const auto* p) {
      for (long d = 0; d < D; d++) row[d] = toFloat(p[d]) + offset;
    });
}

// headNormRope(out, rstd, x, weight, cos, sin, positions;
//              N, heads, D, rotaryDim, ldX, ldOut, epsilon, interleaved, weightOffset)
void headNormRope(const Call& call) {
  const long N = call.size(0), heads = call.size(1), D = call.size(2), half = call.size(3) / 2;
  const long ldX = call.size(4), ldOut = call.size(5);
  const float epsilon = call.real(6);
  const bool interleaved = call.flag(7);
  const bool hasNorm = static_cast<bool>(call.buffers[3]);
  const bool fillsRow = !interleaved && 2 * half == D;
  float* rstd = call.buffers[1] ? call.buffers[1].f32() : nullptr;
  const float* cos = call.buffers[4].f32();
  const float* sin = call.buffers[5].f32();
  const int32_t* positions = call.buffers[6].i32();
  Scratch<float> weight;
  weightOrOnes(weight, call.buffers[3], D, call.real(8));
  withType(call.buffers[0], [&](auto* out) {
    withType(call.buffers[2], [&](const auto* x) {
      eachRowRange(call, N, 4 * heads * D, [&](long begin, long end) {
        const Scratch<float> scratch(D + W);
        float* row = scratch.data();
        for (long n = begin; n < end; n++) {
          const float* c = cos + positions[n] * half;
          const float* s = sin + positions[n] * half;
          for (long h = 0; h < heads; h++) {
            const auto* from = x + n * ldX + h * D;
            auto* to = out + n * ldOut + h * D;
            Vec squares = {};
            eachVector(0, D, [&](long d, auto m) {
              Vec value = load(from + d, m);
              squares += value * value;
              if (!(hasNorm && fillsRow)) store(row + d, value, m);
            });
            if (hasNorm) {
              const float r = 1.0f / std::sqrt(sum(squares) / static_cast<float>(D) + epsilon);
              if (rstd) rstd[n * heads + h] = r;
              if (fillsRow) {
                normRotateHalves(to, from, weight.data(), c, s, half, r);
                continue;
              }
              eachVector(0, D, [&](long d, auto m) { store(row + d, load(row + d, m) * r * load(weight.data() + d, m), m); });
            }
            rotate(row, c, s, half, interleaved, 1.0f);
            eachVector(0, D, [&](long d, auto m) { store(to + d, load(row + d, m), m); });
          }
        }
      });
    });
  });
}

// headNormRopeBackward(dX, dWeight, dOut, x, weight, rstd, cos, sin, positions;
//                      N, heads, D, rotaryDim, ldX, ldOut, interleaved, weightOffset)
void headNormRopeBackward(const Call& call) {
  const long N = call.size(0), heads = call.size(1), D = call.size(2), half = call.size(3) / 2;
  const long ldX = call.size(4), ldOut = call.size(5);
  const bool interleaved = call.flag(6);
  const bool hasNorm = static_cast<bool>(call.buffers[4]);
  const bool fillsRow = !interleaved && 2 * half == D;
  float* dWeight = hasNorm && call.buffers[1] ? call.buffers[1].f32() : nullptr;
  const float* rstd = hasNorm ? call.buffers[5].f32() : nullptr;
  const float* cos = call.buffers[6].f32();
  const float* sin = call.buffers[7].f32();
  const int32_t* positions = call.buffers[8].i32();
  Scratch<float> weightRow;
  weightOrOnes(weightRow, call.buffers[4], D, call.real(7));
  const float* weight = weightRow.data();
  withType(call.buffers[0], [&](auto* dX) {
    withType(call.buffers[2], [&](const auto* dOut) {
      withType(call.buffers[3], [&](const auto* x) {
        eachRowRangeWithSums(call, N, 2 * heads * D, dWeight, D, [&](long begin, long end, float* sums) {
          const Scratch<float> scratch(D + W);
          float* row = scratch.data();
          for (long n = begin; n < end; n++) {
            const float* c = cos + positions[n] * half;
            const float* s = sin + positions[n] * half;
            for (long h = 0; h < heads; h++) {
              const auto* from = dOut + n * ldOut + h * D;
              const auto* xRow = x + n * ldX + h * D;
              auto* to = dX + n * ldX + h * D;
              if (hasNorm && fillsRow) {
                normRotateHalvesBackward(to, sums, from, xRow, weight, c, s, half, rstd[n * heads + h]);
                continue;
              }
              eachVector(0, D, [&](long d, auto m) { store(row + d, load(from + d, m), m); });
              rotate(row, c, s, half, interleaved, -1.0f);
              if (!hasNorm) {
                eachVector(0, D, [&](long d, auto m) { store(to + d, load(row + d, m), m); });
                continue;
              }
              const float r = rstd[n * heads + h];
              Vec dot = {};
              eachVector(0, D, [&](long d, auto m) {
                Vec g = load(row + d, m), value = load(xRow + d, m);
                dot += g * load(weight + d, m) * value;
                if (sums) store(sums + d, load(sums + d, m) + g * value * r, m);
              });
              const float scaled = r * r * sum(dot) / static_cast<float>(D);
              eachVector(0, D, [&](long d, auto m) {
                Vec g = load(row + d, m) * load(weight + d, m);
                store(to + d, (g - load(xRow + d, m) * scaled) * r, m);
              });
            }
          }
        });
      });
    });
  });
}

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
