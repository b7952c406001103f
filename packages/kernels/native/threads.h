// How work is split. Splits depend on sizes and the thread count only, and every sum over rows is made of a fixed number
// of partial sums added in order: the same input and thread count give the same bits.
#pragma once
#include <algorithm>
#if defined(_OPENMP)
#include <omp.h>
#endif

#include "kernels.h"
#include "scratch.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

// Below this many elements waking the other threads costs more than it saves.
constexpr long kElementsWorthAThread = 32768;

inline int teamSize(int threads, long elements) {
  return static_cast<int>(std::max(1L, std::min<long>(threads, elements / kElementsWorthAThread)));
}

// body(begin, end, part) for `parts` even pieces of [0, length), borders on multiples of `grain`.
template <class Body>
inline void eachPart(int parts, long length, long grain, Body body) {
  const long piece = ((length + parts - 1) / parts + grain - 1) / grain * grain;
#pragma omp parallel for num_threads(parts) schedule(static) if (parts > 1)
  for (int part = 0; part < parts; part++) {
    const long begin = std::min(length, part * piece);
    const long end = std::min(length, begin + piece);
    if (begin < end) body(begin, end, part);
  }
}

template <class Body>
inline void eachElementRange(const Call& call, long length, Body body) {
  eachPart(teamSize(call.threads, length), length, 64, [&](long begin, long end, int) { body(begin, end); });
}

// body(begin, end) over rows of `cost` elements each.
template <class Body>
inline void eachRowRange(const Call& call, long rows, long cost, Body body) {
  eachPart(teamSize(call.threads, rows * cost), rows, 1, [&](long begin, long end, int) { body(begin, end); });
}

// body(begin, end, sums) over row ranges, each with its own zeroed sums[C]; then target[c] += the ranges' sums in order.
// `target` may be null: body then gets null sums.
template <class Body>
inline void eachRowRangeWithSums(const Call& call, long rows, long cost, float* target, long C, Body body) {
  const int parts = teamSize(call.threads, rows * cost);
  const long stride = (C + 15) / 16 * 16;
  const Scratch<float> sums(target ? parts * stride : 0);
  eachPart(parts, rows, 1, [&](long begin, long end, int part) {
    body(begin, end, target ? sums.data() + part * stride : nullptr);
  });
  if (target)
    for (int part = 0; part < parts; part++)
      for (long c = 0; c < C; c++) target[c] += sums[part * stride + c];
}

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
