// Causal attention over packed segments, in blocks of queries and keys with a running softmax: scores never leave the
// first-level cache. One task is one key/value head, with all query heads that share it, of a segment and of those that go
// on from it: its packed keys and values are used by all of them, and its dK and dV belong to it alone, so the order of
// tasks does not matter.
#include "attention-groups.h"
#include "attention-scores.h"
#include "kernel-list.h"
#include "score-changes.h"
#include "simd.h"
#include "threads.h"
#include "tile.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

namespace {

constexpr long kQueries = 16;  // rows of a block of scores; small, so that little above the diagonal is computed

struct Sizes {
  long N, H, G, D, ldQ, ldK, ldV, S, window, width;  // width: D rounded up to whole vectors
  float scale;
  ScoreChanges changes;

  explicit Sizes(const Call& call)
      : N(call.size(0)), H(call.size(1)), G(call.size(2)), D(call.size(3)), ldQ(call.size(4)), ldK(call.size(5)),
        ldV(call.size(6)), S(call.size(7)), window(call.size(9)), width(roundUp(D, W)), scale(call.real(8)),
        changes{call.real(10), call.flag(11)} {}
};

thread_local Scratch<float> scratch;

// Where a family changes its scores: products become changed scores divided by the scale, which comes back later.
inline void changeRow(float* row, float* derivative, const Sizes& z, long columns, long distance, float slope) {
  for (long j = 0; j < columns; j += W) store(row + j, load(row + j) * z.scale);
  z.changes.apply(row, derivative, columns, static_cast<float>(distance), slope);
  const float inverse = 1.0f / z.scale;
  for (long j = 0; j < columns; j += W) store(row + j, load(row + j) * inverse);
}

// Scores of keys that query `query` may not see become −∞. The row holds the keys first … first + columns − 1.
inline void maskRow(float* row, long query, long first, long columns, long window) {
  const long from = query - window + 1 - first, to = std::min(columns, query + 1 - first);
  if (from > 0) {
    for (long j = 0; j < columns && j < from; j += W) store(row + j, keepLanes(load(row + j), from - j, W, -INFINITY));
  }
  for (long j = to > 0 ? to / W * W : 0; j < columns; j += W)
    store(row + j, keepLanes(load(row + j), 0, to - j, -INFINITY));
}

// body(h, slope, s, i0, queries) for blocks of queries, from row i0 on, of every head that shares key/value head g.
template <class Body>
inline void eachQueryBlock(const Group& group, const Sizes& z, long g, Body body) {
  for (long h = 0; h < z.H; h++) {
    if (h * z.G / z.H != g) continue;
    const float slope = z.changes.slopeOf(h, z.H);
    for (long s = 0; s < group.segments; s++) {
      const long first = group.firstRow(s), rows = group.rowsOf(s);
      for (long i = 0; i < rows; i += kQueries) body(h, slope, s, first + i, std::min(kQueries, rows - i));
    }
  }
}

template <class T>
void packGroupKeys(float* to, const T* from, long ld, const float* rows, const Group& group, const Sizes& z) {
  for (long s = 0; s < group.segments; s++) {
    const long row = group.firstRow(s);
    packKeys(to + group.blocksBefore(s) * keyBlockLength<T>(z.D), from + row * ld, ld, rows + row * z.width,
             group.rowsOf(s), z.D, z.width);
  }
}

template <class T>
void forwardTask(const Call& call, const Sizes& z, const Group& group, long g) {
  const long start = group.start(), length = group.length();
  T* out = static_cast<T*>(call.buffers[0].data) + start * z.H * z.D;
  float* lse = call.buffers[1].f32() + start * z.H;
  const T* q = static_cast<const T*>(call.buffers[2].data) + start * z.ldQ;
  const T* k = static_cast<const T*>(call.buffers[3].data) + start * z.ldK + g * z.D;
  const T* v = static_cast<const T*>(call.buffers[4].data) + start * z.ldV + g * z.D;
  const long blocks = group.blocks();
  const long rows = length * z.width;

  float* values = scratch.reserve(2 * rows + blocks * z.D * kKeys + kQueries * (2 * z.width + kKeys));
  float* keyRows = values + rows;
  float* keys = keyRows + rows;  // transposed blocks
  float* query = keys + blocks * z.D * kKeys;
  float* sums = query + kQueries * z.width;
  float* scores = sums + kQueries * z.width;
  const bool pairs = multipliesPairs<T>(z.D);
  packRows(values, v, z.ldV, length, z.D, z.width);
  if (!pairs) packRows(keyRows, k, z.ldK, length, z.D, z.width);
  packGroupKeys(keys, k, z.ldK, keyRows, group, z);

  eachQueryBlock(group, z, g, [&](long h, float slope, long s, long i0, long queries) {
    const long position = i0 - group.firstRow(s) + group.before(s);
    const T* queryRows = q + i0 * z.ldQ + h * z.D;
    if (!pairs) packRows(query, queryRows, z.ldQ, queries, z.D, z.width);
    std::fill(sums, sums + queries * z.width, 0.0f);
    float most[kQueries], total[kQueries];
    std::fill(most, most + kQueries, -INFINITY);
    std::fill(total, total + kQueries, 0.0f);
    bool isFirst = true;
    eachKeyBlock(group, s, position, queries, z.window, [&](long rowOfKeys, long block, long first, long columns) {
      scoreProduct(scores, queryRows, z.ldQ, query, z.width, keys + block * keyBlockLength<T>(z.D), queries,
                   roundUp(columns, W), z.D);
      for (long i = 0; i < queries; i++) {
        float* row = scores + i * kKeys;
        if (z.changes.any()) changeRow(row, nullptr, z, columns, position + i - first, slope);
        maskRow(row, position + i, first, columns, z.window);
        Vec highest = splat(most[i]);
        for (long j = 0; j < columns; j += W) highest = maximum(load(row + j) * z.scale, highest);
        const float newMost = maximum(highest);
        if (newMost == -INFINITY) {  // nothing visible in this block yet
          std::fill(row, row + columns, 0.0f);
          continue;
        }
        Vec exponentials = {};
        for (long j = 0; j < columns; j += W) {
          const Vec e = exponential(load(row + j) * z.scale - newMost);
          store(row + j, e);
          exponentials += e;
        }
        if (!isFirst && most[i] != newMost) {
          const float factor = std::exp(most[i] - newMost);
          total[i] *= factor;
          for (long d = 0; d < z.width; d += W) store(sums + i * z.width + d, load(sums + i * z.width + d) * factor);
        }
        most[i] = newMost;
        total[i] += sum(exponentials);
      }
      smallProduct(sums, z.width, scores, kKeys, 1, values + rowOfKeys * z.width, z.width, queries, z.width, columns, true);
      isFirst = false;
    });
    for (long i = 0; i < queries; i++) {
      const float inverse = 1.0f / total[i];
      T* to = out + (i0 + i) * z.H * z.D + h * z.D;
      eachVector(0, z.D, [&](long d, auto m) { store(to + d, load(sums + i * z.width + d) * inverse, m); });
      lse[(i0 + i) * z.H + h] = most[i] + std::log(total[i]);
    }
  });
}

template <class T>
void backwardTask(const Call& call, const Sizes& z, const Group& group, long g) {
  const long start = group.start(), length = group.length();
  T* dQ = static_cast<T*>(call.buffers[0].data) + start * z.ldQ;
  T* dK = static_cast<T*>(call.buffers[1].data) + start * z.ldK + g * z.D;
  T* dV = static_cast<T*>(call.buffers[2].data) + start * z.ldV + g * z.D;
  const T* dOut = static_cast<const T*>(call.buffers[3].data) + start * z.H * z.D;
  const T* q = static_cast<const T*>(call.buffers[4].data) + start * z.ldQ;
  const T* k = static_cast<const T*>(call.buffers[5].data) + start * z.ldK + g * z.D;
  const T* v = static_cast<const T*>(call.buffers[6].data) + start * z.ldV + g * z.D;
  const T* out = static_cast<const T*>(call.buffers[7].data) + start * z.H * z.D;
  const float* lse = call.buffers[8].f32() + start * z.H;
  const long blocks = group.blocks();
  const long rows = length * z.width, transposed = blocks * z.D * kKeys;

  float* keyRows = scratch.reserve(4 * rows + 2 * transposed + kQueries * (3 * z.width + 2 * kKeys));
  float* valueRows = keyRows + rows;
  float* keySums = valueRows + rows;
  float* valueSums = keySums + rows;
  float* keys = valueSums + rows;
  float* values = keys + transposed;
  float* query = values + transposed;
  float* gradient = query + kQueries * z.width;
  float* querySums = gradient + kQueries * z.width;
  float* probabilities = querySums + kQueries * z.width;
  float* dScores = probabilities + kQueries * kKeys;
  packRows(keyRows, k, z.ldK, length, z.D, z.width);
  if (!multipliesPairs<T>(z.D)) packRows(valueRows, v, z.ldV, length, z.D, z.width);
  packGroupKeys(keys, k, z.ldK, keyRows, group, z);
  packGroupKeys(values, v, z.ldV, valueRows, group, z);
  std::fill(keySums, keySums + 2 * rows, 0.0f);

  eachQueryBlock(group, z, g, [&](long h, float slope, long s, long i0, long queries) {
    const long position = i0 - group.firstRow(s) + group.before(s);
    const T* queryRows = q + i0 * z.ldQ + h * z.D;
    const T* gradientRows = dOut + i0 * z.H * z.D + h * z.D;
    packRows(query, queryRows, z.ldQ, queries, z.D, z.width);
    packRows(gradient, gradientRows, z.H * z.D, queries, z.D, z.width);
    std::fill(querySums, querySums + queries * z.width, 0.0f);
    float delta[kQueries];
    for (long i = 0; i < queries; i++) {
      const T* row = out + (i0 + i) * z.H * z.D + h * z.D;
      Vec dot = {};
      eachVector(0, z.D, [&](long d, auto m) { dot += load(row + d, m) * load(gradient + i * z.width + d, m); });
      delta[i] = sum(dot);
    }
    eachKeyBlock(group, s, position, queries, z.window, [&](long rowOfKeys, long block, long first, long columns) {
      const long padded = roundUp(columns, W);
      const long offset = block * keyBlockLength<T>(z.D);
      scoreProduct(probabilities, queryRows, z.ldQ, query, z.width, keys + offset, queries, padded, z.D);
      scoreProduct(dScores, gradientRows, z.H * z.D, gradient, z.width, values + offset, queries, padded, z.D);
      for (long i = 0; i < queries; i++) {
        float* p = probabilities + i * kKeys;
        float* dS = dScores + i * kKeys;
        float derivative[kKeys];
        if (z.changes.any()) changeRow(p, derivative, z, columns, position + i - first, slope);
        maskRow(p, position + i, first, columns, z.window);
        const float logSum = lse[(i0 + i) * z.H + h];
        for (long j = 0; j < columns; j += W) {
          const Vec probability = exponential(load(p + j) * z.scale - logSum);
          store(p + j, probability);
          store(dS + j, probability * (load(dS + j) - delta[i]));
        }
        if (z.changes.cap > 0)
          for (long j = 0; j < columns; j += W) store(dS + j, load(dS + j) * load(derivative + j));
      }
      const long at = rowOfKeys * z.width;
      smallProduct(querySums, z.width, dScores, kKeys, 1, keyRows + at, z.width, queries, z.width, columns, true);
      smallProduct(keySums + at, z.width, dScores, 1, kKeys, query, z.width, columns, z.width, queries, true);
      smallProduct(valueSums + at, z.width, probabilities, 1, kKeys, gradient, z.width, columns, z.width, queries, true);
    });
    for (long i = 0; i < queries; i++)
      eachVector(0, z.D, [&](long d, auto m) {
        store(dQ + (i0 + i) * z.ldQ + h * z.D + d, load(querySums + i * z.width + d) * z.scale, m);
      });
  });
  for (long n = 0; n < length; n++)
    eachVector(0, z.D, [&](long d, auto m) {
      store(dK + n * z.ldK + d, load(keySums + n * z.width + d) * z.scale, m);
      store(dV + n * z.ldV + d, load(valueSums + n * z.width + d), m);
    });
}

// Groups differ in length, so tasks are handed out as threads become free.
template <class Task>
void eachTask(const Call& call, const Sizes& z, const int32_t* segments, const int32_t* prefixes, Task task) {
  const int team = static_cast<int>(std::min<long>(call.threads, z.S * z.G));
#pragma omp parallel for num_threads(team) schedule(dynamic, 1) if (team > 1 && z.N * z.H * z.D >= kElementsWorthAThread)
  for (long index = 0; index < z.S * z.G; index++) {
    const long s = index / z.G, g = index % z.G;
    if (prefixes != nullptr && prefixes[s] >= 0) continue;
    Group group = {segments + s, 1};
    while (prefixes != nullptr && s + group.segments < z.S && prefixes[s + group.segments] == s) group.segments++;
    if (group.length() > 0) task(group, g);
  }
}

}  // namespace

// attention(out, lse, q, k, v, segments, prefixes?; N, H, G, D, ldQ, ldK, ldV, S, scale, window, softCap, alibi)
void attention(const Call& call) {
  const Sizes z(call);
  eachTask(call, z, call.buffers[5].i32(), call.buffers[6].i32(), [&](const Group& group, long g) {
    if (call.buffers[0].type == Type::bf16) {
      forwardTask<bf16>(call, z, group, g);
    } else {
      forwardTask<float>(call, z, group, g);
    }
  });
}

// attentionBackward(dQ, dK, dV, dOut, q, k, v, out, lse, segments, prefixes?;
//                   N, H, G, D, ldQ, ldK, ldV, S, scale, window, softCap, alibi)
void attentionBackward(const Call& call) {
  const Sizes z(call);
  eachTask(call, z, call.buffers[9].i32(), call.buffers[10].i32(), [&](const Group& group, long g) {
    if (call.buffers[0].type == Type::bf16) {
      backwardTask<bf16>(call, z, group, g);
    } else {
      backwardTask<float>(call, z, group, g);
    }
  });
}

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
