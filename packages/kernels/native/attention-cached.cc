// One query a row over a key/value cache (decoding). Limited by reading the cache once; query heads that share a
// key/value head share the read.
#include "kernel-list.h"
#include "score-changes.h"
#include "simd.h"
#include "threads.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

// attentionCached(out, q, kCache, vCache, slots, lengths; B, H, G, D, capacity, scale, window, softCap, alibi)
void attentionCached(const Call& call) {
  const long B = call.size(0), H = call.size(1), G = call.size(2), D = call.size(3), capacity = call.size(4);
  const float scale = call.real(5);
  const long window = call.size(6);
  const ScoreChanges changes{call.real(7), call.flag(8)};
  const int32_t* slots = call.buffers[4].i32();
  const int32_t* lengths = call.buffers[5].i32();
  long positions = 0;
  for (long b = 0; b < B; b++) positions += lengths[b];
  const int team = static_cast<int>(std::min<long>(teamSize(call.threads, positions * H * D), B * G));
  withType(call.buffers[0], [&](auto* out) {
    using T = std::remove_reference_t<decltype(*out)>;
    const T* q = static_cast<const T*>(call.buffers[1].data);
    const T* kCache = static_cast<const T*>(call.buffers[2].data);
    const T* vCache = static_cast<const T*>(call.buffers[3].data);
#pragma omp parallel for num_threads(team) schedule(dynamic, 1) if (team > 1)
    for (long index = 0; index < B * G; index++) {
      const long b = index / G, g = index % G;
      const long length = lengths[b], first = std::max(0L, length - window), count = length - first;
      const T* k = kCache + ((slots[b] * capacity + first) * G + g) * D;
      const T* v = vCache + ((slots[b] * capacity + first) * G + g) * D;
      long heads = 0, firstHead = -1;
      for (long h = 0; h < H; h++)
        if (h * G / H == g) {
          if (firstHead < 0) firstHead = h;
          heads++;
        }
      const long stride = (count + W - 1) / W * W;
      const Scratch<float> memory(heads * (stride + 2 * (D + W)));
      float* scores = memory.data();
      float* query = scores + heads * stride;
      float* sums = query + heads * (D + W);
      for (long h = 0; h < heads; h++)
        eachVector(0, D, [&](long d, auto m) {
          store(query + h * (D + W) + d, load(q + b * H * D + (firstHead + h) * D + d, m) * scale);
        });
      for (long j = 0; j < count; j++)
        for (long h = 0; h < heads; h++) {
          Vec dot = {};
          eachVector(0, D, [&](long d, auto m) { dot += load(k + j * G * D + d, m) * load(query + h * (D + W) + d); });
          scores[h * stride + j] = sum(dot);
        }
      for (long h = 0; h < heads; h++) {
        float* row = scores + h * stride;
        if (changes.any())
          changes.apply(row, nullptr, count, static_cast<float>(count - 1), changes.slopeOf(firstHead + h, H));
        std::fill(row + count, row + stride, -INFINITY);
        Vec highest = splat(-INFINITY), total = {};
        for (long j = 0; j < count; j += W) highest = maximum(load(row + j), highest);
        const float most = maximum(highest);
        for (long j = 0; j < count; j += W) {
          const Vec e = exponential(load(row + j) - most);
          store(row + j, e);
          total += e;
        }
        const float inverse = count > 0 ? 1.0f / sum(total) : 0.0f;
        for (long j = 0; j < count; j += W) store(row + j, load(row + j) * inverse);
      }
      for (long j = 0; j < count; j++)
        eachVector(0, D, [&](long d, auto m) {
          const Vec value = load(v + j * G * D + d, m);
          for (long h = 0; h < heads; h++) {
            float* p = sums + h * (D + W) + d;
            store(p, load(p) + value * scores[h * stride + j]);
          }
        });
      for (long h = 0; h < heads; h++)
        eachVector(0, D, [&](long d, auto m) {
          store(out + b * H * D + (firstHead + h) * D + d, load(sums + h * (D + W) + d), m);
        });
    }
  });
}

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
