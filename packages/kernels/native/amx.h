// The tile instructions (AMX, bf16) as inline assembly: they need no compiler flag, and code that holds them runs on any
// processor as long as it is not reached. Eight tiles of 16 rows of 64 bytes. `dotProduct(c, a, b)` adds to the f32 tile c
// [16, 16] the product of a, 16 rows of 32 bf16 numbers, with b, 16 rows of 16 pairs: row p holds numbers 2p and 2p + 1
// of each column.
#pragma once
#include <cstdint>

#if defined(__x86_64__) && defined(__linux__) && defined(__AVX512BF16__)
#define TUIQIAO_HAS_AMX 1

namespace tuiqiao {
namespace TUIQIAO_ISA {

constexpr long kTileSide = 16;       // rows of a tile, and f32 numbers in one
constexpr long kTileDepth = 32;      // bf16 numbers in a row
constexpr long kTileNumbers = 512;   // bf16 numbers of a tile

struct alignas(64) TileConfiguration {
  uint8_t palette = 1, start = 0, reserved[14] = {};
  uint16_t rowBytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// All eight tiles at their full size, for as long as this lives: each thread needs its own.
class Tiles {
 public:
  Tiles() {
    static const TileConfiguration full;
    asm volatile("ldtilecfg %0" ::"m"(full));
  }
  ~Tiles() { asm volatile("tilerelease"); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;
};

// Tile loads do not tell the compiler what they read: this makes everything written so far visible to them.
inline void beforeTileLoads() { asm volatile("" ::: "memory"); }

#define TUIQIAO_TILE_ZERO(tile) asm volatile("tilezero %%tmm" #tile ::)
#define TUIQIAO_TILE_LOAD(tile, data, strideBytes) \
  asm volatile("tileloadd (%0,%1,1), %%tmm" #tile ::"r"(data), "r"(static_cast<long>(strideBytes)))
#define TUIQIAO_TILE_STORE(tile, data, strideBytes) \
  asm volatile("tilestored %%tmm" #tile ", (%0,%1,1)" ::"r"(data), "r"(static_cast<long>(strideBytes)) : "memory")
#define TUIQIAO_TILE_DOT(c, a, b) asm volatile("tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #c ::)

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
#endif
