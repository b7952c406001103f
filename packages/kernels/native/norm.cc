// RMSNorm and SwiGLU, forward and backward.
#include "kernel-list.h"
#include "simd.h"
#include "threads.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

// A weight row as f32, so that the kernels need not be instantiated for its type as well.
static void asFloats(Scratch<float>& row, const Buffer& buffer, long length) {
  row.reserve(length + W);
  withType(buffer, [&](const auto* p) {
    eachVector(0, length, [&](long i, auto m) { store(row.data() + i, load(p + i, m), m); });
  });
}

// rmsNorm(out, rstd, x, weight; N, C, epsilon)
void rmsNorm(const Call& call) {
  const long N = call.size(0), C = call.size(1);
  const float epsilon = call.real(2);
  float* rstd = call.buffers[1].f32();
  Scratch<float> weight;
  asFloats(weight, call.buffers[3], C);
  withType(call.buffers[0], [&](auto* out) {
    withType(call.buffers[2], [&](const auto* x) {
      eachRowRange(call, N, C, [&](long begin, long end) {
        for (long n = begin; n < end; n++) {
          const auto* row = x + n * C;
          auto* to = out + n * C;
          Vec squares = {};
          eachVector(0, C, [&](long c, auto m) {
            Vec value = load(row + c, m);
            squares += value * value;
          });
          const float r = 1.0f / std::sqrt(sum(squares) / static_cast<float>(C) + epsilon);
          rstd[n] = r;
          eachVector(0, C, [&](long c, auto m) {
            store(to + c, load(row + c, m) * r * load(weight.data() + c, m), m);
          });
        }
      });
    });
  });
}

// rmsNormBackward(dX, dWeight, dOut, x, weight, rstd; N, C, accumulate)
void rmsNormBackward(const Call& call) {
  const long N = call.size(0), C = call.size(1);
  const bool accumulate = call.flag(2);
  const float* rstd = call.buffers[5].f32();
  float* dWeight = call.buffers[1] ? call.buffers[1].f32() : nullptr;
  Scratch<float> weightRow;
  asFloats(weightRow, call.buffers[4], C);
  const float* weight = weightRow.data();
  withType(call.buffers[0], [&](auto* dX) {
    withType(call.buffers[2], [&](const auto* dOut) {
      withType(call.buffers[3], [&](const auto* x) {
        eachRowRangeWithSums(call, N, 2 * C, dWeight, C, [&](long begin, long end, float* sums) {
          for (long n = begin; n < end; n++) {
            const auto* dOutRow = dOut + n * C;
            const auto* xRow = x + n * C;
            auto* dXRow = dX + n * C;
            const float r = rstd[n];
            Vec dot = {};
            eachVector(0, C, [&](long c, auto m) {
              Vec d = load(dOutRow + c, m), value = load(xRow + c, m);
              dot += d * load(weight + c, m) * value;
              if (sums) store(sums + c, load(sums + c, m) + d * value * r, m);
            });
            const float s = r * r * sum(dot) / static_cast<float>(C);
            eachVector(0, C, [&](long c, auto m) {
              Vec g = load(dOutRow + c, m) * load(weight + c, m);
              Vec d = (g - load(xRow + c, m) * s) * r;
              store(dXRow + c, accumulate ? load(dXRow + c, m) + d : d, m);
            });
          }
        });
      });
    });
  });
}

// swiglu(out, gate, up; N, C, ldX)
void swiglu(const Call& call) {
  const long N = call.size(0), C = call.size(1), ldX = call.size(2);
  withType(call.buffers[1], [&](const auto* gate) {
    const auto* up = static_cast<decltype(gate)>(call.buffers[2].data);
    withType(call.buffers[0], [&](auto* out) {
      eachRowRange(call, N, 4 * C, [&](long begin, long end) {
        for (long n = begin; n < end; n++)
          eachVector(0, C, [&](long c, auto m) {
            Vec g = load(gate + n * ldX + c, m);
            Vec u = load(up + n * ldX + c, m);
            store(out + n * C + c, g * sigmoid(g) * u, m);
          });
      });
    });
  });
}

// swigluBackward(dGate, dUp, dOut, gate, up; N, C, ldX)
void swigluBackward(const Call& call) {
  const long N = call.size(0), C = call.size(1), ldX = call.size(2);
  withType(call.buffers[0], [&](auto* dGate) {
    auto* dUp = static_cast<decltype(dGate)>(call.buffers[1].data);
    withType(call.buffers[2], [&](const auto* dOut) {
      withType(call.buffers[3], [&](const auto* gate) {
        const auto* up = static_cast<decltype(gate)>(call.buffers[4].data);
        eachRowRange(call, N, 6 * C, [&](long begin, long end) {
          for (long n = begin; n < end; n++)
            eachVector(0, C, [&](long c, auto m) {
              Vec d = load(dOut + n * C + c, m);
              Vec g = load(gate + n * ldX + c, m);
              Vec u = load(up + n * ldX + c, m);
              const Vec s = sigmoid(g);
              const Vec silu = g * s;
              store(dUp + n * ldX + c, d * silu, m);
              store(dGate + n * ldX + c, d * u * (s + silu * (1.0f - s)), m);
            });
        });
      });
    });
  });
}

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
