// One query a row over a key/value cache (decoding). Limited by reading the cache once; query heads that share a
// key/value head share the read. Values are fetched while keys are multiplied, and the next head's keys while values
// are summed: a sequence is too short for the processor to foresee where the next one lies.
#include "kernel-list.h"
#include "score-changes.h"
#include "simd.h"
#include "threads.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

namespace {

// Keys or values of one head that are fetched before they are read; of longer sequences the processor foresees enough.
constexpr long kFetchedBytes = 1 << 16;
constexpr long kRowsAtOnce = 4, kVectorsAtOnce = 4, kHeadsAtOnce = 4;

// The rows of one sequence and head: position p lies in page table[p >> shift], which has 1 << shift positions of it.
template <class T>
struct PagedRows {
  const T* base;
  const int32_t* table;
  // Numbers from a page to the next.
  long ldPage;
  long shift, D, first, count;

  const T* at(long j) const {
    const long position = first + j;
    return base + table[position >> shift] * ldPage + (position & ((1L << shift) - 1)) * D;
  }

  // Where nothing of it is read yet.
  void fetch(long j) const {
    if (j >= count || count * D * static_cast<long>(sizeof(T)) > kFetchedBytes) return;
    const T* row = at(j);
    for (long d = 0; d < D; d += 64 / static_cast<long>(sizeof(T))) __builtin_prefetch(row + d);
  }
};

// scores[h · stride + j] = query[h] · k.at(j); query rows are `ldQuery` apart and zero past D. Fetches `next` meanwhile.
template <class T>
void scoreRows(float* scores, long stride, const float* query, long ldQuery, long heads, const PagedRows<T>& k,
               const PagedRows<T>& next) {
  const long D = k.D;
  for (long j = 0; j < k.count; j += kRowsAtOnce) {
    const long rows = std::min(kRowsAtOnce, k.count - j);
    const T* row[kRowsAtOnce];
    for (long r = 0; r < kRowsAtOnce; r++) {
      row[r] = k.at(j + std::min(r, rows - 1));
      next.fetch(j + r);
    }
    if (heads == 1) {
      Vec dots[kRowsAtOnce] = {};
      eachVector(0, D, [&](long d, auto m) {
        const Vec a = load(query + d);
#pragma GCC unroll 4
        for (int r = 0; r < kRowsAtOnce; r++) dots[r] += load(row[r] + d, m) * a;
      });
      const Quarter here = sums(dots[0], dots[1], dots[2], dots[3]);
      memcpy(scores + j, &here, sizeof here);
      continue;
    }
    for (long h = 0; h < heads; h += 2) {
      const float *first = query + h * ldQuery, *second = query + std::min(h + 1, heads - 1) * ldQuery;
      Vec dots[2][kRowsAtOnce] = {};
      eachVector(0, D, [&](long d, auto m) {
        const Vec a = load(first + d), b = load(second + d);
#pragma GCC unroll 4
        for (int r = 0; r < kRowsAtOnce; r++) {
          const Vec key = load(row[r] + d, m);
          dots[0][r] += key * a;
          dots[1][r] += key * b;
        }
      });
      // Whole quarters: rows of scores hold whole vectors.
      const Quarter here = sums(dots[0][0], dots[0][1], dots[0][2], dots[0][3]);
      memcpy(scores + h * stride + j, &here, sizeof here);
      if (h + 1 == heads) continue;
      const Quarter next = sums(dots[1][0], dots[1][1], dots[1][2], dots[1][3]);
      memcpy(scores + (h + 1) * stride + j, &next, sizeof next);
    }
  }
}

// out[h, d] = Σ_j scores[h · stride + j] · v.at(j)[d] for up to kHeadsAtOnce heads and kVectorsAtOnce vectors of columns.
// Fetches `next` meanwhile, where there is one.
template <int Heads, class TOut, class T>
void addValues(TOut* out, long ldOut, const float* scores, long stride, const PagedRows<T>& v, long columns,
               const PagedRows<T>* next) {
  Vec total[Heads][kVectorsAtOnce] = {};
  const long vectors = (columns + W - 1) / W;
  const bool isWhole = columns == kVectorsAtOnce * W;
  for (long j = 0; j < v.count; j++) {
    const T* row = v.at(j);
    if (next) next->fetch(j);
    Vec value[kVectorsAtOnce] = {};
    if (isWhole) {
#pragma GCC unroll 4
      for (int i = 0; i < kVectorsAtOnce; i++) value[i] = load(row + i * W);
    } else {
      for (long i = 0; i < vectors; i++)
        value[i] = columns - i * W >= W ? load(row + i * W) : load(row + i * W, Part{columns - i * W});
    }
#pragma GCC unroll 4
    for (int h = 0; h < Heads; h++) {
      const Vec p = splat(scores[h * stride + j]);
#pragma GCC unroll 4
      for (int i = 0; i < kVectorsAtOnce; i++) total[h][i] += value[i] * p;
    }
  }
  for (int h = 0; h < Heads; h++)
    for (long i = 0; i < vectors; i++) {
      if (columns - i * W >= W) {
        store(out + h * ldOut + i * W, total[h][i]);
      } else {
        store(out + h * ldOut + i * W, total[h][i], Part{columns - i * W});
      }
    }
}

// softmax over count scores; the row is padded to a multiple of W.
void normalise(float* row, long count, long stride) {
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

}  // namespace

// attentionCached(out, q, kCache, vCache, tables, lengths; B, H, G, D, pageSize, ldTable, scale, window, softCap, alibi)
void attentionCached(const Call& call) {
  const long B = call.size(0), H = call.size(1), G = call.size(2), D = call.size(3);
  const long pageSize = call.size(4), ldTable = call.size(5);
  const long shift = __builtin_ctzl(static_cast<unsigned long>(pageSize));
  const float scale = call.real(6);
  const long window = call.size(7);
  const ScoreChanges changes{call.real(8), call.flag(9)};
  const int32_t* tables = call.buffers[4].i32();
  const int32_t* lengths = call.buffers[5].i32();
  long positions = 0, longest = 0;
  for (long b = 0; b < B; b++) {
    positions += lengths[b];
    longest = std::max<long>(longest, lengths[b]);
  }
  const int team = static_cast<int>(std::min<long>(teamSize(call.threads, positions * H * D), B * G));
  const long mostHeads = (H + G - 1) / G, ldQuery = (D + W - 1) / W * W, stride = (longest + W - 1) / W * W;
  withType(call.buffers[0], [&](auto* out) {
    using T = std::remove_reference_t<decltype(*out)>;
    const T* q = static_cast<const T*>(call.buffers[1].data);
    const T* kCache = static_cast<const T*>(call.buffers[2].data);
    const T* vCache = static_cast<const T*>(call.buffers[3].data);
#pragma omp parallel num_threads(team) if (team > 1)
    {
      const Scratch<float> memory(mostHeads * (stride + ldQuery));
      float* scores = memory.data();
      float* query = scores + mostHeads * stride;
      const auto rowsOf = [&](const T* cache, long index) {
        const long b = index / G, g = index % G;
        const long length = lengths[b], first = std::max(0L, length - window);
        return PagedRows<T>{cache + g * pageSize * D, tables + b * ldTable, G * pageSize * D, shift, D, first, length - first};
      };
#pragma omp for schedule(static)
      for (long index = 0; index < B * G; index++) {
        const long b = index / G, g = index % G;
        const PagedRows<T> k = rowsOf(kCache, index), v = rowsOf(vCache, index);
        const PagedRows<T> following = rowsOf(kCache, std::min(index + 1, B * G - 1));
        const long firstHead = (g * H + G - 1) / G, heads = ((g + 1) * H + G - 1) / G - firstHead;
        for (long h = 0; h < heads; h++)
          eachVector(0, D, [&](long d, auto m) {
            store(query + h * ldQuery + d, keep(load(q + b * H * D + (firstHead + h) * D + d, m) * scale, m, 0.0f));
          });
        scoreRows(scores, stride, query, ldQuery, heads, k, v);
        for (long h = 0; h < heads; h++) {
          float* row = scores + h * stride;
          if (changes.any())
            changes.apply(row, nullptr, k.count, static_cast<float>(k.count - 1), changes.slopeOf(firstHead + h, H));
          normalise(row, k.count, (k.count + W - 1) / W * W);
        }
        const PagedRows<T>* next = &following;
        for (long h = 0; h < heads; h += kHeadsAtOnce)
          for (long d = 0; d < D; d += kVectorsAtOnce * W) {
            T* to = out + b * H * D + (firstHead + h) * D + d;
            const float* p = scores + h * stride;
            const long columns = std::min(kVectorsAtOnce * W, D - d);
            PagedRows<T> part = v;
            part.base += d;
            switch (std::min(kHeadsAtOnce, heads - h)) {
              case 1: addValues<1>(to, D, p, stride, part, columns, next); break;
              case 2: addValues<2>(to, D, p, stride, part, columns, next); break;
              case 3: addValues<3>(to, D, p, stride, part, columns, next); break;
              default: addValues<4>(to, D, p, stride, part, columns, next);
            }
            next = nullptr;
          }
      }
    }
  });
}

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
