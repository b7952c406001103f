// RMSNorm, SwiGLU, GeGLU and activations alone, forward and backward.
#include "kernel-list.h"
#include "simd.h"
#include "threads.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

// A weight row plus `offset` as f32, so that the kernels need not be instantiated for its type as well.
static void asFloats(Scratch<float>& row, const Buffer& buffer, long length, float offset) {
  row.reserve(length + W);
  withType(buffer, [&](const auto* p) {
    eachVector(0, length, [&](long i, auto m) { store(row.data() + i, load(p + i, m) + offset, m); });
  });
}

// rmsNorm(out, rstd, x, weight; N, C, epsilon, weightOffset)
void rmsNorm(const Call& call) {
  const long N = call.size(0), C = call.size(1);
  const float epsilon = call.real(2);
  float* rstd = call.buffers[1].f32();
  Scratch<float> weight;
  asFloats(weight, call.buffers[3], C, call.real(3));
  withType(call.buffers[0], [&](auto* out) {
    withType(call.buffers[2], [&](const auto* x) {
      eachRowRange(call, N, 4 * C, [&](long begin, long end) {
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

// rmsNormBackward(dX, dWeight, dOut, x, weight, rstd; N, C, accumulate, weightOffset)
void rmsNormBackward(const Call& call) {
  const long N = call.size(0), C = call.size(1);
  const bool accumulate = call.flag(2);
  const float* rstd = call.buffers[5].f32();
  float* dWeight = call.buffers[1] ? call.buffers[1].f32() : nullptr;
  Scratch<float> weightRow;
  asFloats(weightRow, call.buffers[4], C, call.real(3));
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

// gelu(x) = x · sigmoid(2u), u = √(2/π) · (x + 0.044715 x³): the tanh form, as (1 + tanh u)/2 is sigmoid(2u).
struct Gelu {
  Vec value, slope;
  explicit Gelu(Vec x) {
    const Vec square = x * x;
    const Vec s = sigmoid(x * (square * 0.0713548162f + 1.59576912f));
    value = x * s;
    slope = s + value * (1.0f - s) * (square * 0.214064449f + 1.59576912f);
  }
};

struct Activated {
  Vec value, slope;
};

// geglu(out, gate, up; N, C, ldX)
void geglu(const Call& call) {
  const long N = call.size(0), C = call.size(1), ldX = call.size(2);
  withType(call.buffers[1], [&](const auto* gate) {
    const auto* up = static_cast<decltype(gate)>(call.buffers[2].data);
    withType(call.buffers[0], [&](auto* out) {
      eachRowRange(call, N, 4 * C, [&](long begin, long end) {
        for (long n = begin; n < end; n++)
          eachVector(0, C, [&](long c, auto m) {
            store(out + n * C + c, Gelu(load(gate + n * ldX + c, m)).value * load(up + n * ldX + c, m), m);
          });
      });
    });
  });
}

// gegluBackward(dGate, dUp, dOut, gate, up; N, C, ldX)
void gegluBackward(const Call& call) {
  const long N = call.size(0), C = call.size(1), ldX = call.size(2);
  withType(call.buffers[0], [&](auto* dGate) {
    auto* dUp = static_cast<decltype(dGate)>(call.buffers[1].data);
    withType(call.buffers[2], [&](const auto* dOut) {
      withType(call.buffers[3], [&](const auto* gate) {
        const auto* up = static_cast<decltype(gate)>(call.buffers[4].data);
        eachRowRange(call, N, 6 * C, [&](long begin, long end) {
          for (long n = begin; n < end; n++)
            eachVector(0, C, [&](long c, auto m) {
              const Vec d = load(dOut + n * C + c, m);
              const Vec u = load(up + n * ldX + c, m);
              const Gelu gelu(load(gate + n * ldX + c, m));
              store(dUp + n * ldX + c, d * gelu.value, m);
              store(dGate + n * ldX + c, d * u * gelu.slope, m);
            });
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

// Value and slope of an activation: 0 relu, 1 silu, 2 gelu.
template <class Use>
static void withActivation(int kind, Use use) {
  if (kind == 0) {
    use([](Vec x) { return Activated{x > 0.0f ? x : Vec{}, x > 0.0f ? Vec{} + 1.0f : Vec{}}; });
  } else if (kind == 1) {
    use([](Vec x) {
      const Vec s = sigmoid(x), value = x * s;
      return Activated{value, s + value * (1.0f - s)};
    });
  } else {
    use([](Vec x) {
      const Gelu gelu(x);
      return Activated{gelu.value, gelu.slope};
    });
  }
}

// activate(out, x; length, kind)
void activate(const Call& call) {
  withActivation(static_cast<int>(call.size(1)), [&](auto activation) {
    withType(call.buffers[0], [&](auto* out) {
      withType(call.buffers[1], [&](const auto* x) {
        eachElementRange(call, call.size(0), [&](long begin, long end) {
          eachVector(begin, end, [&](long i, auto m) { store(out + i, activation(load(x + i, m)).value, m); });
        });
      });
    });
  });
}

// activateBackward(dX, dOut, x; length, kind)
void activateBackward(const Call& call) {
  withActivation(static_cast<int>(call.size(1)), [&](auto activation) {
    withType(call.buffers[0], [&](auto* dX) {
      withType(call.buffers[1], [&](const auto* dOut) {
        withType(call.buffers[2], [&](const auto* x) {
          eachElementRange(call, call.size(0), [&](long begin, long end) {
            eachVector(begin, end, [&](long i, auto m) {
              store(dX + i, load(dOut + i, m) * activation(load(x + i, m)).slope, m);
            });
          });
        });
      });
    });
  });
}

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
