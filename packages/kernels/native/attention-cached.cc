// One query a row over a key/value cache (decoding). Limited by reading the cache once; query heads that share a
// key/value head share the read. Rows are fetched a few ahead, after the last keys the first values, after those the
// next head's keys: a sequence is too short for the processor to foresee where the next one lies.
#include <type_traits>

#include "kernel-list.h"
#include "score-changes.h"
#include "simd.h"
#include "threads.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

namespace {

// Rows between the one that is fetched and the one that is read.
constexpr long kAhead = 16;
constexpr long kRowsAtOnce = 4, kVectorsAtOnce = 4, kHeadsAtOnce = 4;

// The rows of one sequence and head: position p lies in page table[p >> shift], which has 1 << shift positions of it,
// `D` numbers each.
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

  // body(j, rows, n, after): the rows from j on that lie in one page, and where the rows after them begin.
  template <class Body>
  void eachPage(const PagedRows* next, Body body) const {
    for (long j = 0; j < count;) {
      const long n = std::min(count - j, (1L << shift) - ((first + j) & ((1L << shift) - 1)));
      const T* after = j + n < count ? at(j + n) : next && next->count > 0 ? next->at(0) : nullptr;
      body(j, at(j), n, after);
      j += n;
    }
  }
};

// Row r + kAhead of a page of n rows, or the row after them.
template <class T>
inline void fetchAhead(const T* rows, long n, const T* after, long r, long D, long columns) {
  const T* row = r + kAhead < n ? rows + (r + kAhead) * D : after ? after + (r + kAhead - n) * D : nullptr;
  if (row == nullptr) return;
  for (long d = 0; d < columns; d += 64 / static_cast<long>(sizeof(T))) __builtin_prefetch(row + d, 0, 2);
}

inline void storeScores(float* to, const Quarter& four, long count) {
  if (count == kRowsAtOnce) {
    memcpy(to, &four, sizeof four);
  } else {
    for (long r = 0; r < count; r++) to[r] = four[r];
  }
}

#if defined(__AVX512BF16__)

constexpr long kPairStep = 32;

// The same for `Heads` query rows that lie `D` apart, in products of bf16 pairs: exact in f32, as those of f32 are.
template <int Heads>
inline void scorePairs(float* scores, long stride, const bf16* query, float scale, long D, const bf16* const (&row)[kRowsAtOnce],
                       long rows) {
  Vec dots[Heads][kRowsAtOnce] = {};
  for (long d = 0; d < D; d += kPairStep) {
    __m512bh key[kRowsAtOnce];
#pragma GCC unroll 4
    for (int r = 0; r < kRowsAtOnce; r++) key[r] = reinterpret_cast<__m512bh>(_mm512_loadu_si512(row[r] + d));
#pragma GCC unroll 2
    for (int h = 0; h < Heads; h++) {
      const __m512bh a = reinterpret_cast<__m512bh>(_mm512_loadu_si512(query + h * D + d));
#pragma GCC unroll 4
      for (int r = 0; r < kRowsAtOnce; r++) dots[h][r] = _mm512_dpbf16_ps(dots[h][r], a, key[r]);
    }
  }
  for (int h = 0; h < Heads; h++)
    storeScores(scores + h * stride, sums(dots[h][0], dots[h][1], dots[h][2], dots[h][3]) * scale, rows);
}

// scores[h · stride + j] = scale · query[h] · k.at(j), D a multiple of kPairStep. `next` is read after it.
void scorePairRows(float* scores, long stride, const bf16* query, float scale, long heads, const PagedRows<bf16>& k,
                   const PagedRows<bf16>& next) {
  const long D = k.D;
  k.eachPage(&next, [&](long j, const bf16* page, long n, const bf16* after) {
    for (long i = 0; i < n; i += kRowsAtOnce) {
      const long rows = std::min(kRowsAtOnce, n - i);
      const bf16* row[kRowsAtOnce];
      for (long r = 0; r < kRowsAtOnce; r++) {
        row[r] = page + (i + std::min(r, rows - 1)) * D;
        fetchAhead(page, n, after, i + r, D, D);
      }
      long h = 0;
      for (; h + 2 <= heads; h += 2) scorePairs<2>(scores + h * stride + j + i, stride, query + h * D, scale, D, row, rows);
      if (h < heads) scorePairs<1>(scores + h * stride + j + i, stride, query + h * D, scale, D, row, rows);
    }
  });
}

#endif

// scores[h · stride + j] = query[h] · k.at(j); query rows are `ldQuery` apart and zero past D. `next` is read after it.
template <class T>
void scoreRows(float* scores, long stride, const float* query, long ldQuery, long heads, const PagedRows<T>& k,
               const PagedRows<T>& next) {
  const long D = k.D;
  k.eachPage(&next, [&](long j, const T* page, long n, const T* after) {
    for (long i = 0; i < n; i += kRowsAtOnce) {
      const long rows = std::min(kRowsAtOnce, n - i);
      const T* row[kRowsAtOnce];
      for (long r = 0; r < kRowsAtOnce; r++) {
        row[r] = page + (i + std::min(r, rows - 1)) * D;
        fetchAhead(page, n, after, i + r, D, D);
      }
      float* to = scores + j + i;
      if (heads == 1) {
        Vec dots[kRowsAtOnce] = {};
        eachVector(0, D, [&](long d, auto m) {
          const Vec a = load(query + d);
#pragma GCC unroll 4
          for (int r = 0; r < kRowsAtOnce; r++) dots[r] += load(row[r] + d, m) * a;
        });
        storeScores(to, sums(dots[0], dots[1], dots[2], dots[3]), rows);
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
        storeScores(to + h * stride, sums(dots[0][0], dots[0][1], dots[0][2], dots[0][3]), rows);
        if (h + 1 < heads) storeScores(to + (h + 1) * stride, sums(dots[1][0], dots[1][1], dots[1][2], dots[1][3]), rows);
      }
    }
  });
}

// scores[h · stride + j] = scale · q[h] · k.at(j), by pairs where the processor multiplies them; `query` is memory for q in f32.
template <class T>
void score(float* scores, long stride, const T* q, float* query, long ldQuery, float scale, long heads, const PagedRows<T>& k,
           const PagedRows<T>& next) {
#if defined(__AVX512BF16__)
  if constexpr (std::is_same<T, bf16>::value) {
    if (k.D % kPairStep == 0) {
      scorePairRows(scores, stride, q, scale, heads, k, next);
      return;
    }
  }
#endif
  for (long h = 0; h < heads; h++)
    eachVector(0, k.D, [&](long d, auto m) { store(query + h * ldQuery + d, keep(load(q + h * k.D + d, m) * scale, m, 0.0f)); });
  scoreRows(scores, stride, query, ldQuery, heads, k, next);
}

// out[h, d] = Σ_j scores[h · stride + j] · v.at(j)[d] for up to kHeadsAtOnce heads and kVectorsAtOnce vectors of columns.
// `next` is read after it; null where the same values are read once more.
template <int Heads, class TOut, class T>
void addValues(TOut* out, long ldOut, const float* scores, long stride, const PagedRows<T>& v, long columns,
               const PagedRows<T>* next) {
  Vec total[Heads][kVectorsAtOnce] = {};
  const long vectors = (columns + W - 1) / W;
  const bool isWhole = columns == kVectorsAtOnce * W;
  v.eachPage(next, [&](long j, const T* page, long n, const T* after) {
    for (long i = 0; i < n; i++) {
      const T* row = page + i * v.D;
      fetchAhead(page, n, after, i, v.D, columns);
      Vec value[kVectorsAtOnce] = {};
      if (isWhole) {
#pragma GCC unroll 4
        for (int c = 0; c < kVectorsAtOnce; c++) value[c] = load(row + c * W);
      } else {
        for (long c = 0; c < vectors; c++)
          value[c] = columns - c * W >= W ? load(row + c * W) : load(row + c * W, Part{columns - c * W});
      }
#pragma GCC unroll 4
      for (int h = 0; h < Heads; h++) {
        const Vec p = splat(scores[h * stride + j + i]);
#pragma GCC unroll 4
        for (int c = 0; c < kVectorsAtOnce; c++) total[h][c] += value[c] * p;
      }
    }
  });
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
        score(scores, stride, q + b * H * D + firstHead * D, query, ldQuery, scale, heads, k, v);
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
