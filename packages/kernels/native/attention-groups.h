// Packed segments that are read together: one, and those that go on where it ends.
#pragma once
#include <algorithm>
#include <cstdint>

#include "attention-scores.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

// A segment and those that go on from it; rows are counted from its first.
struct Group {
  const int32_t* bounds;  // of the first segment
  long segments;

  long start() const { return bounds[0]; }
  long length() const { return bounds[segments] - bounds[0]; }
  long firstRow(long s) const { return bounds[s] - bounds[0]; }
  long rowsOf(long s) const { return bounds[s + 1] - bounds[s]; }
  // Rows that queries of segment s see before its own.
  long before(long s) const { return s == 0 ? 0 : rowsOf(0); }
  // Blocks of keys begin anew with every segment.
  long blocksOf(long s) const { return (rowsOf(s) + kKeys - 1) / kKeys; }
  long blocksBefore(long s) const {
    long blocks = 0;
    for (long earlier = 0; earlier < s; earlier++) blocks += blocksOf(earlier);
    return blocks;
  }
  long blocks() const { return blocksBefore(segments); }
};

// use(row, block, first, columns) for the blocks of keys that `queries` queries of segment s see, the first of them at
// position `position`: the block's first row, its place among the packed ones, the position of its first key, its keys.
template <class Use>
inline void eachKeyBlock(const Group& group, long s, long position, long queries, long window, Use use) {
  const long earliest = position - window + 1;
  auto visit = [&](long part, long partPosition) {
    const long end = std::min(group.rowsOf(part), position + queries - partPosition);
    const long row = group.firstRow(part), block = group.blocksBefore(part);
    for (long b = std::max(0L, earliest - partPosition) / kKeys; b * kKeys < end; b++)
      use(row + b * kKeys, block + b, partPosition + b * kKeys, std::min(kKeys, end - b * kKeys));
  };
  if (s > 0) visit(0, 0);
  visit(s, group.before(s));
}

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
