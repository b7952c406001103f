// Element-wise kernels: one pass, limited by memory. Sums over rows are split by columns or in fixed blocks, so their
// bits do not depend on the thread count.
#include "kernel-list.h"
#include "simd.h"
#include "threads.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

// fill(out; value)
void fill(const Call& call) {
  const Buffer& out = call.buffers[0];
  const long length = static_cast<long>(out.length);
  if (out.type == Type::i32) {
    int32_t* p = static_cast<int32_t*>(out.data);
    std::fill(p, p + length, static_cast<int32_t>(call.numbers[0]));
    return;
  }
  const Vec value = splat(call.real(0));
  withType(out, [&](auto* o) {
    eachElementRange(call, length, [&](long begin, long end) {
      eachVector(begin, end, [&](long i, auto m) { store(o + i, value, m); });
    });
  });
}

// copyRows(out, a; N, C, ldOut, ldA)
void copyRows(const Call& call) {
  const long N = call.size(0), C = call.size(1), ldOut = call.size(2), ldA = call.size(3);
  if (call.buffers[0].type == Type::i32) {
    int32_t* out = static_cast<int32_t*>(call.buffers[0].data);
    for (long n = 0; n < N; n++) std::copy_n(call.buffers[1].i32() + n * ldA, C, out + n * ldOut);
    return;
  }
  // One long row splits better than one row.
  const bool isFlat = ldOut == C && ldA == C;
  const long rows = isFlat ? (N * C + 4095) / 4096 : N;
  withType(call.buffers[0], [&](auto* out) {
    withType(call.buffers[1], [&](const auto* a) {
      eachRowRange(call, rows, isFlat ? 4096 : C, [&](long begin, long end) {
        if (isFlat) {
          eachVector(begin * 4096, std::min(end * 4096, N * C), [&](long i, auto m) { store(out + i, load(a + i, m), m); });
          return;
        }
        for (long n = begin; n < end; n++)
          eachVector(0, C, [&](long c, auto m) { store(out + n * ldOut + c, load(a + n * ldA + c, m), m); });
      });
    });
  });
}

// scale(out, a; length, alpha, accumulate)
void scale(const Call& call) {
  const float alpha = call.real(1);
  const bool accumulate = call.flag(2);
  withType(call.buffers[0], [&](auto* out) {
    withType(call.buffers[1], [&](const auto* a) {
      eachElementRange(call, call.size(0), [&](long begin, long end) {
        eachVector(begin, end, [&](long i, auto m) {
          Vec x = load(a + i, m) * alpha;
          store(out + i, accumulate ? load(out + i, m) + x : x, m);
        });
      });
    });
  });
}

// add(out, a, b; length)
void add(const Call& call) {
  withType(call.buffers[0], [&](auto* out) {
    withType(call.buffers[1], [&](const auto* a) {
      withType(call.buffers[2], [&](const auto* b) {
        eachElementRange(call, call.size(0), [&](long begin, long end) {
          eachVector(begin, end, [&](long i, auto m) { store(out + i, load(a + i, m) + load(b + i, m), m); });
        });
      });
    });
  });
}

// multiply(out, a, b; length, accumulate)
void multiply(const Call& call) {
  const bool accumulate = call.flag(1);
  withType(call.buffers[0], [&](auto* out) {
    withType(call.buffers[1], [&](const auto* a) {
      withType(call.buffers[2], [&](const auto* b) {
        eachElementRange(call, call.size(0), [&](long begin, long end) {
          eachVector(begin, end, [&](long i, auto m) {
            Vec x = load(a + i, m) * load(b + i, m);
            store(out + i, accumulate ? load(out + i, m) + x : x, m);
          });
        });
      });
    });
  });
}

// sumRows(out, x; N, C, ldX, accumulate)
void sumRows(const Call& call) {
  const long N = call.size(0), C = call.size(1), ldX = call.size(2);
  float* out = call.buffers[0].f32();
  if (!call.flag(3)) std::fill(out, out + C, 0.0f);
  withType(call.buffers[1], [&](const auto* x) {
    eachPart(teamSize(call.threads, N * C), C, 16, [&](long begin, long end, int) {
      // Blocks of rows keep each partial sum short, which keeps its rounding error small.
      const Scratch<float> block(end - begin + W);
      for (long first = 0; first < N; first += 64) {
        std::fill(block.data(), block.data() + (end - begin), 0.0f);
        for (long n = first; n < std::min(N, first + 64); n++)
          eachVector(begin, end, [&](long c, auto m) {
            float* p = block.data() + (c - begin);
            store(p, load(p, m) + load(x + n * ldX + c, m), m);
          });
        for (long c = begin; c < end; c++) out[c] += block[c - begin];
      }
    });
  });
}

// addBias(x, bias; N, C, ldX)
void addBias(const Call& call) {
  const long N = call.size(0), C = call.size(1), ldX = call.size(2);
  withType(call.buffers[0], [&](auto* x) {
    withType(call.buffers[1], [&](const auto* bias) {
      eachRowRange(call, N, C, [&](long begin, long end) {
        for (long n = begin; n < end; n++)
          eachVector(0, C, [&](long c, auto m) {
            store(x + n * ldX + c, load(x + n * ldX + c, m) + load(bias + c, m), m);
          });
      });
    });
  });
}

// scaleColumns(out, a, factors; N, C, ldOut, ldA, accumulate)
void scaleColumns(const Call& call) {
  const long N = call.size(0), C = call.size(1), ldOut = call.size(2), ldA = call.size(3);
  const bool accumulate = call.flag(4);
  const float* factors = call.buffers[2].f32();
  withType(call.buffers[0], [&](auto* out) {
    withType(call.buffers[1], [&](const auto* a) {
      eachRowRange(call, N, C, [&](long begin, long end) {
        for (long n = begin; n < end; n++)
          eachVector(0, C, [&](long c, auto m) {
            const Vec x = load(a + n * ldA + c, m) * load(factors + c, m);
            store(out + n * ldOut + c, accumulate ? load(out + n * ldOut + c, m) + x : x, m);
          });
      });
    });
  });
}

// scaleRows(out, a, factors; N, C, accumulate)
void scaleRows(const Call& call) {
  const long N = call.size(0), C = call.size(1);
  const bool accumulate = call.flag(2);
  const float* factors = call.buffers[2].f32();
  withType(call.buffers[0], [&](auto* out) {
    withType(call.buffers[1], [&](const auto* a) {
      eachRowRange(call, N, C, [&](long begin, long end) {
        for (long n = begin; n < end; n++)
          eachVector(n * C, (n + 1) * C, [&](long i, auto m) {
            const Vec x = load(a + i, m) * factors[n];
            store(out + i, accumulate ? load(out + i, m) + x : x, m);
          });
      });
    });
  });
}

// rowNorms(out, a; N, C, isReciprocal)
void rowNorms(const Call& call) {
  const long N = call.size(0), C = call.size(1);
  float* out = call.buffers[0].f32();
  withType(call.buffers[1], [&](const auto* a) {
    eachRowRange(call, N, C, [&](long begin, long end) {
      for (long n = begin; n < end; n++) {
        Vec total = splat(0);
        eachVector(0, C, [&](long c, auto m) {
          const Vec x = load(a + n * C + c, m);
          total += x * x;
        });
        float lanes[W];
        store(lanes, total);
        double sum = 0;
        for (int lane = 0; lane < W; lane++) sum += lanes[lane];
        out[n] = static_cast<float>(call.flag(2) ? 1 / std::sqrt(sum) : std::sqrt(sum));
      }
    });
  });
}

// sumSquares(out, a; index, length)
void sumSquares(const Call& call) {
  constexpr long kBlock = 2048;  // squares are summed in f32 lanes inside a block, in double between blocks
  const long length = call.size(1);
  const long blocks = (length + kBlock - 1) / kBlock;
  const Scratch<double> sums(blocks);
  withType(call.buffers[1], [&](const auto* a) {
    eachRowRange(call, blocks, kBlock, [&](long begin, long end) {
      for (long block = begin; block < end; block++) {
        Vec squares[4] = {};
        int lane = 0;
        eachVector(block * kBlock, std::min(length, (block + 1) * kBlock), [&](long i, auto m) {
          Vec x = load(a + i, m);
          squares[lane & 3] += x * x;
          lane++;
        });
        double total = 0;
        for (const Vec& part : squares)
          for (int i = 0; i < W; i++) total += part[i];
        sums[block] = total;
      }
    });
  });
  double total = 0;
  for (long block = 0; block < blocks; block++) total += sums[block];
  call.buffers[0].f32()[call.size(0)] = static_cast<float>(total);
}

// softCap(out, a; length, cap). cap · tanh(x/cap), tanh x = 2 sigmoid(2x) − 1.
void softCap(const Call& call) {
  const float cap = call.real(1), inverse = 2.0f / cap;
  withType(call.buffers[0], [&](auto* out) {
    withType(call.buffers[1], [&](const auto* a) {
      eachElementRange(call, call.size(0), [&](long begin, long end) {
        eachVector(begin, end, [&](long i, auto m) {
          store(out + i, (sigmoid(load(a + i, m) * inverse) * 2.0f - 1.0f) * cap, m);
        });
      });
    });
  });
}

// softCapBackward(dA, dOut, out; length, cap)
void softCapBackward(const Call& call) {
  const float inverse = 1.0f / call.real(1);
  withType(call.buffers[0], [&](auto* dA) {
    withType(call.buffers[1], [&](const auto* dOut) {
      withType(call.buffers[2], [&](const auto* out) {
        eachElementRange(call, call.size(0), [&](long begin, long end) {
          eachVector(begin, end, [&](long i, auto m) {
            const Vec t = load(out + i, m) * inverse;
            store(dA + i, load(dOut + i, m) * (1.0f - t * t), m);
          });
        });
      });
    });
  });
}

// dropout(out, a; length, p, seed). Mask: Wellons' lowbias32 hash of i + seed · 0x9e3779b9, kept when ≥ ⌊p · 2^32⌋.
void dropout(const Call& call) {
  const double p = call.numbers[1];
  const uint64_t threshold = static_cast<uint64_t>(p * 4294967296.0);
  const float factor = static_cast<float>(1.0 / (1.0 - p));
  const uint32_t offset = static_cast<uint32_t>(static_cast<int64_t>(call.numbers[2])) * 0x9e3779b9u;
  withType(call.buffers[0], [&](auto* out) {
    withType(call.buffers[1], [&](const auto* a) {
      eachElementRange(call, call.size(0), [&](long begin, long end) {
        VecBits lane;
        for (int i = 0; i < W; i++) lane[i] = static_cast<uint32_t>(i);
        eachVector(begin, end, [&](long i, auto m) {
          VecBits x = lane + (static_cast<uint32_t>(i) + offset);
          x ^= x >> 16;
          x *= 0x7feb352du;
          x ^= x >> 15;
          x *= 0x846ca68bu;
          x ^= x >> 16;
          const Vec kept = load(a + i, m) * factor;
          store(out + i, threshold > 0xffffffffu ? Vec{} : x >= static_cast<uint32_t>(threshold) ? kept : Vec{}, m);
        });
      });
    });
  });
}

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
