// Products of bf16 matrices on the tile unit (AMX). oneDNN 2 reaches a third of its speed at the shapes of training a
// small model and a hundredth at those of adapters; this packs both operands into whole tiles first, whichever way they
// are stored, so that every product, however flat, runs through one inner loop of four tiles.
//
// C[m, n] = Σ_k left[m, k] · right[k, n]. Where that packs less, the transposed product is computed and stored transposed.
#include "amx.h"
#include "kernel-list.h"
#include "simd.h"
#include "threads.h"
#include "tile.h"
#include "transpose.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

#if defined(TUIQIAO_HAS_AMX)

namespace {

constexpr long kPanel = 2 * kTileSide;  // rows and columns of the inner loop's block
// Depth at a time, in tiles: a pair of left tiles then fits the first-level cache.
constexpr long kMaxSteps = 16;
// Pairs of tiles a task: its right columns and its sums stay in the second-level cache.
constexpr long kTaskRows = 8, kTaskColumns = 4;
// Where the whole depth is done at once no sums are kept, and wide tasks write whole rows.
constexpr long kWideColumns = 64;
// Tiles packed side by side: the lines of memory they share are read once.
constexpr long kTilesAtOnce = 8;
// A right operand up to this size is packed once for all tasks.
constexpr long kMaxShared = 1 << 23;
// Up to so many rows, transposing sums costs less than transposing a weight.
constexpr long kFlatRows = 512;
// Below this many multiplications waking the other threads costs more than it saves.
constexpr long kWorthAThread = 1 << 19;

// One operand: `count` rows (of left) or columns (of right), K deep.
struct Operand {
  const bf16* data;
  long ld, count;
  bool isDepthContiguous;  // element (i, k) lies at i · ld + k, else at k · ld + i
};

inline uint32_t lowBits(long count) { return count >= 32 ? ~0u : (1u << count) - 1; }

// The 16 × 32 numbers from (first, k0) on as 16 vectors: [row] of pairs, or [pair] of rows. Past the ends zero.
inline void loadTile(__m512i tile[16], const Operand& x, long first, long k0, long K) {
  const long rows = std::min(kTileSide, x.count - first), depth = std::min(kTileDepth, K - k0);
  if (x.isDepthContiguous) {
    const bf16* from = x.data + first * x.ld + k0;
    const __mmask32 mask = lowBits(depth);
    for (long i = 0; i < 16; i++) {
      tile[i] = i >= rows      ? _mm512_setzero_si512()
                : depth == 32 ? _mm512_loadu_si512(from + i * x.ld)
                              : _mm512_maskz_loadu_epi16(mask, from + i * x.ld);
    }
    return;
  }
  const bf16* from = x.data + k0 * x.ld + first;
  const __mmask16 mask = static_cast<__mmask16>(lowBits(rows));
  auto row = [&](long k) {
    return k < depth ? _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, from + k * x.ld)) : _mm512_setzero_si512();
  };
  for (long p = 0; p < 16; p++) tile[p] = _mm512_or_si512(row(2 * p), _mm512_slli_epi32(row(2 * p + 1), 16));
}

// The tiles of some rows (or columns) of an operand, [tile][step]. Step by step, so that memory is read along its lines.
void packTiles(bf16* to, const Operand& x, bool isLeft, long firstTile, long lastTile, long k0, long steps, long K) {
  for (long s = 0; s < steps; s++)
    for (long t = firstTile; t < lastTile; t++) {
      __m512i tile[16];
      loadTile(tile, x, t * kTileSide, k0 + s * kTileDepth, K);
      if (isLeft != x.isDepthContiguous) transpose16(tile);
      bf16* out = to + ((t - firstTile) * steps + s) * kTileNumbers;
      for (long i = 0; i < 16; i++) _mm512_store_si512(out + i * kTileDepth, tile[i]);
    }
}

// Tiles of the left operand: packed, or where the matrix lies.
struct LeftTile {
  const bf16* data;
  long strideBytes, step;
};

// sums [32, 32] (+)= the product of 16 · Rows left rows with 16 · Columns right columns.
template <int Rows, int Columns>
inline void multiplyTiles(float* sums, const LeftTile left[2], const bf16* right, const bf16* nextRight, long steps, bool adds) {
  constexpr long kLine = kPanel * 4;
  float *s1 = sums + kTileSide, *s2 = sums + kTileSide * kPanel, *s3 = s2 + kTileSide;
  if (adds) {
    TUIQIAO_TILE_LOAD(0, sums, kLine);
    if (Columns > 1) TUIQIAO_TILE_LOAD(1, s1, kLine);
    if (Rows > 1) TUIQIAO_TILE_LOAD(2, s2, kLine);
    if (Rows > 1 && Columns > 1) TUIQIAO_TILE_LOAD(3, s3, kLine);
  } else {
    TUIQIAO_TILE_ZERO(0);
    if (Columns > 1) TUIQIAO_TILE_ZERO(1);
    if (Rows > 1) TUIQIAO_TILE_ZERO(2);
    if (Rows > 1 && Columns > 1) TUIQIAO_TILE_ZERO(3);
  }
  const bf16 *a = left[0].data, *b = left[1].data, *c = right, *d = nextRight;
  const long strideA = left[0].strideBytes, strideB = left[1].strideBytes;
  for (long s = 0; s < steps; s++) {
    TUIQIAO_TILE_LOAD(6, c, 64);
    TUIQIAO_TILE_LOAD(4, a, strideA);
    TUIQIAO_TILE_DOT(0, 4, 6);
    if (Columns > 1) {
      TUIQIAO_TILE_LOAD(7, d, 64);
      TUIQIAO_TILE_DOT(1, 4, 7);
    }
    if (Rows > 1) {
      TUIQIAO_TILE_LOAD(5, b, strideB);
      TUIQIAO_TILE_DOT(2, 5, 6);
      if (Columns > 1) TUIQIAO_TILE_DOT(3, 5, 7);
    }
    a += left[0].step;
    b += left[1].step;
    c += kTileNumbers;
    d += kTileNumbers;
  }
  TUIQIAO_TILE_STORE(0, sums, kLine);
  if (Columns > 1) TUIQIAO_TILE_STORE(1, s1, kLine);
  if (Rows > 1) TUIQIAO_TILE_STORE(2, s2, kLine);
  if (Rows > 1 && Columns > 1) TUIQIAO_TILE_STORE(3, s3, kLine);
}

inline void transposeBlock(float* block) {
  auto at = [&](long r, long c) { return block + r * kTileSide * kPanel + c * kTileSide; };
  auto take = [&](__m512i rows[16], const float* p) {
    for (long i = 0; i < 16; i++) rows[i] = _mm512_load_si512(p + i * kPanel);
    transpose16(rows);
  };
  auto put = [&](float* p, const __m512i rows[16]) {
    for (long i = 0; i < 16; i++) _mm512_store_si512(p + i * kPanel, rows[i]);
  };
  __m512i one[16], other[16];
  for (long i = 0; i < 2; i++) {
    take(one, at(i, i));
    put(at(i, i), one);
  }
  take(one, at(0, 1));
  take(other, at(1, 0));
  put(at(1, 0), one);
  put(at(0, 1), other);
}

// out = alpha · sums (+ out) for a block of rows and columns.
template <class T>
inline void storeBlock(T* out, long ld, const float* sums, long rows, long columns, float alpha, bool accumulate) {
  auto row = [&](T* to, const float* from, auto first, auto second, bool hasSecond) {
    Vec x = load(from) * alpha;
    store(to, accumulate ? load(to, first) + x : x, first);
    if (hasSecond) {
      Vec y = load(from + W) * alpha;
      store(to + W, accumulate ? load(to + W, second) + y : y, second);
    }
  };
  for (long r = 0; r < rows; r++) {
    T* to = out + r * ld;
    const float* from = sums + r * kPanel;
    if (columns == kPanel) row(to, from, Full{}, Full{}, true);
    else if (columns > W) row(to, from, Full{}, Part{columns - W}, true);
    else if (columns == W) row(to, from, Full{}, Full{}, false);
    else row(to, from, Part{columns}, Full{}, false);
  }
}

struct Product {
  Operand left, right;
  long K;
  bool isTransposed;  // out is [right.count, left.count]
};

Product arrange(const Buffer& a, const Buffer& b, const Gemm& g) {
  const Operand rows = {static_cast<const bf16*>(a.data), g.ldA, g.M, !g.transposeA};
  const Operand columns = {static_cast<const bf16*>(b.data), g.ldB, g.N, g.transposeB};
  // Transposing while packing is dear: the smaller operand should be the one that needs it.
  bool isTransposed = false;
  if (rows.isDepthContiguous && columns.isDepthContiguous) isTransposed = 2 * g.M < g.N && g.M <= kFlatRows;
  if (!rows.isDepthContiguous && !columns.isDepthContiguous) isTransposed = g.N < g.M;
  if (isTransposed) return {columns, rows, g.K, true};
  return {rows, columns, g.K, false};
}

thread_local Scratch<bf16> packedLeft, packedRight;

// How the work is cut: pairs of tiles a task, steps at a time.
struct Plan {
  long leftTiles, rightTiles, steps, stepsAtOnce, taskRows, taskColumns;
  int team;
  bool isLeftDirect, isRightShared;

  Plan(const Product& z, int threads) {
    const long M = z.left.count, N = z.right.count;
    leftTiles = (M + kTileSide - 1) / kTileSide;
    rightTiles = (N + kTileSide - 1) / kTileSide;
    steps = (z.K + kTileDepth - 1) / kTileDepth;
    const long blocks = (steps + kMaxSteps - 1) / kMaxSteps;
    stepsAtOnce = (steps + blocks - 1) / blocks;
    team = static_cast<int>(std::max(1L, std::min<long>(threads, M * N * z.K / kWorthAThread)));
    taskRows = std::min((leftTiles + 1) / 2, kTaskRows);
    taskColumns = std::min((rightTiles + 1) / 2, blocks > 1 ? kTaskColumns : kWideColumns);
    while (team > 1 && rowTasks() * columnTasks() < 3 * team && (taskRows > 2 || taskColumns > 2)) {
      long& larger = taskRows > taskColumns ? taskRows : taskColumns;
      larger = (larger + 1) / 2;
    }
    isLeftDirect = z.left.isDepthContiguous && z.K % kTileDepth == 0;
    isRightShared = rowTasks() > 1 && rightTiles * steps * kTileNumbers <= kMaxShared;
  }
  long rowTasks() const { return ((leftTiles + 1) / 2 + taskRows - 1) / taskRows; }
  long columnTasks() const { return ((rightTiles + 1) / 2 + taskColumns - 1) / taskColumns; }
};

template <class T>
void multiply(T* out, const Product& z, const Gemm& gemm, int threads) {
  const Plan plan(z, threads);
  const long M = z.left.count, N = z.right.count, K = z.K, steps = plan.steps;
  // The rows of the last, unfilled tile are always packed.
  const long directTiles = plan.isLeftDirect ? M / kTileSide : 0;
  bf16* leftPack = packedLeft.reserve((plan.leftTiles - directTiles) * steps * kTileNumbers);
  bf16* rightPack = packedRight.reserve(plan.isRightShared ? plan.rightTiles * steps * kTileNumbers : 0);
  const long rowTasks = plan.rowTasks(), columnTasks = plan.columnTasks();

#pragma omp parallel num_threads(plan.team) if (plan.team > 1)
  {
    const Tiles tiles;
    static thread_local Scratch<bf16> ownRight;
    static thread_local Scratch<float> ownSums;
    bf16* own = plan.isRightShared ? nullptr
                                   : ownRight.reserve(2 * plan.taskColumns * plan.stepsAtOnce * kTileNumbers);
    const bool isWhole = plan.stepsAtOnce == steps;
    float* allSums = ownSums.reserve((isWhole ? 1 : plan.taskRows * plan.taskColumns) * kPanel * kPanel);
    if (plan.isRightShared) {
#pragma omp for schedule(dynamic, 1) nowait
      for (long t = 0; t < plan.rightTiles; t += kTilesAtOnce)
        packTiles(rightPack + t * steps * kTileNumbers, z.right, false, t, std::min(plan.rightTiles, t + kTilesAtOnce), 0,
                  steps, K);
    }
#pragma omp for schedule(dynamic, 1)
    for (long t = directTiles; t < plan.leftTiles; t += kTilesAtOnce)
      packTiles(leftPack + (t - directTiles) * steps * kTileNumbers, z.left, true, t,
                std::min(plan.leftTiles, t + kTilesAtOnce), 0, steps, K);
    beforeTileLoads();
    auto leftTile = [&](long t, long step) -> LeftTile {
      if (t >= directTiles) return {leftPack + ((t - directTiles) * steps + step) * kTileNumbers, 64, kTileNumbers};
      return {z.left.data + t * kTileSide * z.left.ld + step * kTileDepth, z.left.ld * 2, kTileDepth};
    };
#pragma omp for schedule(dynamic, 1)
    for (long task = 0; task < rowTasks * columnTasks; task++) {
      const long firstRow = task % rowTasks * plan.taskRows, firstColumn = task / rowTasks * plan.taskColumns;
      const long lastRow = std::min((plan.leftTiles + 1) / 2, firstRow + plan.taskRows);
      const long lastColumn = std::min((plan.rightTiles + 1) / 2, firstColumn + plan.taskColumns);
      for (long step = 0; step < steps; step += plan.stepsAtOnce) {
        const long count = std::min(plan.stepsAtOnce, steps - step);
        if (own != nullptr) {
          packTiles(own, z.right, false, 2 * firstColumn, std::min(plan.rightTiles, 2 * lastColumn), step * kTileDepth,
                    count, K);
          beforeTileLoads();
        }
        for (long i = firstRow; i < lastRow; i++) {
          const bool hasTwoRows = 2 * i + 1 < plan.leftTiles;
          const LeftTile left[2] = {leftTile(2 * i, step), leftTile(hasTwoRows ? 2 * i + 1 : 2 * i, step)};
          for (long j = firstColumn; j < lastColumn; j++) {
            const bool hasTwoColumns = 2 * j + 1 < plan.rightTiles;
            const long ld = own != nullptr ? count : steps;
            const bf16* right = own != nullptr ? own + 2 * (j - firstColumn) * count * kTileNumbers
                                               : rightPack + (2 * j * steps + step) * kTileNumbers;
            const bf16* nextRight = right + ld * kTileNumbers;
            float* sums =
                isWhole ? allSums
                        : allSums + ((i - firstRow) * plan.taskColumns + j - firstColumn) * kPanel * kPanel;
            if (hasTwoRows && hasTwoColumns) multiplyTiles<2, 2>(sums, left, right, nextRight, count, step > 0);
            else if (hasTwoRows) multiplyTiles<2, 1>(sums, left, right, nextRight, count, step > 0);
            else if (hasTwoColumns) multiplyTiles<1, 2>(sums, left, right, nextRight, count, step > 0);
            else multiplyTiles<1, 1>(sums, left, right, nextRight, count, step > 0);
            if (step + count < steps) continue;
            long m = i * kPanel, n = j * kPanel;
            long rows = std::min(kPanel, M - m), columns = std::min(kPanel, N - n);
            if (z.isTransposed) {
              transposeBlock(sums);
              std::swap(m, n);
              std::swap(rows, columns);
            }
            storeBlock(out + m * gemm.ldOut + n, gemm.ldOut, sums, rows, columns, gemm.alpha, gemm.accumulate);
          }
        }
      }
    }
  }
}

}  // namespace

bool tileGemm(const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads) {
  if (a.type != Type::bf16) return false;
  const Product product = arrange(a, b, gemm);
  withType(out, [&](auto* to) { multiply(to, product, gemm, threads); });
  return true;
}

#else

bool tileGemm(const Buffer&, const Buffer&, const Buffer&, const Gemm&, int) { return false; }

#endif

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
