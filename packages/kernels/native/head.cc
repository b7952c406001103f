// From logits to log-probabilities, entropies and arg max, and back. Rows stay in the cache between their two passes.
#include "kernel-list.h"
#include "simd.h"
#include "threads.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

// tokenLogProbs(logProbs, lse, entropy?, meanLogProbs?, top?, logits, targets; R, V)
void tokenLogProbs(const Call& call) {
  const long R = call.size(0), V = call.size(1);
  float* logProbs = call.buffers[0].f32();
  float* lse = call.buffers[1].f32();
  float* entropy = call.buffers[2] ? call.buffers[2].f32() : nullptr;
  float* mean = call.buffers[3] ? call.buffers[3].f32() : nullptr;
  int32_t* top = call.buffers[4] ? static_cast<int32_t*>(call.buffers[4].data) : nullptr;
  const int32_t* targets = call.buffers[6].i32();
  withType(call.buffers[5], [&](const auto* logits) {
    eachRowRange(call, R, 4 * V, [&](long begin, long end) {
      const Vec lowest = splat(-INFINITY);
      for (long r = begin; r < end; r++) {
        const auto* row = logits + r * V;
        Vec highest[2] = {lowest, lowest};
        int lane = 0;
        eachVector(0, V, [&](long v, auto m) {
          highest[lane & 1] = maximum(keep(load(row + v, m), m, -INFINITY), highest[lane & 1]);
          lane++;
        });
        const float most = maximum(maximum(highest[0], highest[1]));
        Vec exponentials[2] = {}, weighted[2] = {}, shifted[2] = {};
        eachVector(0, V, [&](long v, auto m) {
          const Vec x = load(row + v, m) - most;
          const Vec e = keep(exponential(x), m, 0.0f);
          exponentials[lane & 1] += e;
          if (entropy) weighted[lane & 1] += e * maximum(x, splat(-1e30f));  // 0 · −∞ is 0 here
          if (mean) shifted[lane & 1] += keep(x, m, 0.0f);
          lane++;
        });
        const float total = sum(exponentials[0] + exponentials[1]);
        const float logTotal = std::log(total);
        lse[r] = most + logTotal;
        logProbs[r] = (toFloat(row[targets[r]]) - most) - logTotal;
        if (entropy) entropy[r] = logTotal - sum(weighted[0] + weighted[1]) / total;
        if (mean) mean[r] = sum(shifted[0] + shifted[1]) / static_cast<float>(V) - logTotal;
        if (top) {
          long v = 0;
          while (v + W <= V && !anyEqual(load(row + v), splat(most))) v += W;
          while (v < V && toFloat(row[v]) != most) v++;
          top[r] = static_cast<int32_t>(v < V ? v : 0);
        }
      }
    });
  });
}

// tokenLogProbsBackward(dLogits, dLogProbs, dEntropy?, dMean?, logits, lse, entropy?, targets; R, V)
void tokenLogProbsBackward(const Call& call) {
  const long R = call.size(0), V = call.size(1);
  const float* dLogProbs = call.buffers[1].f32();
  const float* dEntropy = call.buffers[2] ? call.buffers[2].f32() : nullptr;
  const float* dMean = call.buffers[3] ? call.buffers[3].f32() : nullptr;
  const float* lse = call.buffers[5].f32();
  const float* entropy = call.buffers[6] ? call.buffers[6].f32() : nullptr;
  const int32_t* targets = call.buffers[7].i32();
  withType(call.buffers[0], [&](auto* dLogits) {
    withType(call.buffers[4], [&](const auto* logits) {
      eachRowRange(call, R, 4 * V, [&](long begin, long end) {
        for (long r = begin; r < end; r++) {
          const auto* row = logits + r * V;
          auto* to = dLogits + r * V;
          const float dLogProb = dLogProbs[r], dMeanRow = dMean ? dMean[r] : 0.0f;
          const float constant = dMeanRow / static_cast<float>(V);
          const float down = dLogProb + dMeanRow;
          const long target = targets[r];
          const float targetLogit = toFloat(row[target]);  // dLogits may alias logits
          float atTarget;
          if (dEntropy) {
            const float dH = dEntropy[r], h = entropy[r];
            auto gradient = [&](Vec x) {
              Vec logP = maximum(x - lse[r], splat(-1e30f));
              Vec p = exponential(x - lse[r]);
              return constant - p * (down + dH * (logP + h));
            };
            atTarget = gradient(splat(targetLogit))[0];
            eachVector(0, V, [&](long v, auto m) { store(to + v, gradient(load(row + v, m)), m); });
          } else {
            auto gradient = [&](Vec x) { return constant - exponential(x - lse[r]) * down; };
            atTarget = gradient(splat(targetLogit))[0];
            eachVector(0, V, [&](long v, auto m) { store(to + v, gradient(load(row + v, m)), m); });
          }
          fromFloat(to + target, atTarget + dLogProb);
        }
      });
    });
  });
}

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
