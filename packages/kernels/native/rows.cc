// Kernels that move whole rows by index: embeddings, gathers, the key/value cache.
#include "kernel-list.h"
#include "simd.h"
#include "threads.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

// embed(out, table, ids; N, C, scale)
void embed(const Call& call) {
  const long N = call.size(0), C = call.size(1);
  const float scale = call.real(2);
  const int32_t* ids = call.buffers[2].i32();
  withType(call.buffers[0], [&](auto* out) {
    withType(call.buffers[1], [&](const auto* table) {
      eachRowRange(call, N, C, [&](long begin, long end) {
        for (long n = begin; n < end; n++) {
          const auto* row = table + ids[n] * C;
          eachVector(0, C, [&](long c, auto m) { store(out + n * C + c, load(row + c, m) * scale, m); });
        }
      });
    });
  });
}

// embedBackward(dTable, dOut, ids; N, C, V, scale). Split by columns: rows may repeat, and their order stays fixed.
void embedBackward(const Call& call) {
  const long N = call.size(0), C = call.size(1);
  const float scale = call.real(3);
  const int32_t* ids = call.buffers[2].i32();
  float* dTable = call.buffers[0].f32();
  withType(call.buffers[1], [&](const auto* dOut) {
    eachPart(teamSize(call.threads, N * C), C, 16, [&](long begin, long end, int) {
      for (long n = 0; n < N; n++) {
        float* row = dTable + ids[n] * C;
        eachVector(begin, end, [&](long c, auto m) { store(row + c, load(row + c, m) + load(dOut + n * C + c, m) * scale, m); });
      }
    });
  });
}

// gatherRows(out, x, rows; R, C)
void gatherRows(const Call& call) {
  const long R = call.size(0), C = call.size(1);
  const int32_t* rows = call.buffers[2].i32();
  withType(call.buffers[0], [&](auto* out) {
    withType(call.buffers[1], [&](const auto* x) {
      eachRowRange(call, R, C, [&](long begin, long end) {
        for (long r = begin; r < end; r++)
          eachVector(0, C, [&](long c, auto m) { store(out + r * C + c, load(x + rows[r] * C + c, m), m); });
      });
    });
  });
}

// scatterAddRows(dX, dOut, rows; R, C). Split by columns, as `embedBackward`.
void scatterAddRows(const Call& call) {
  const long R = call.size(0), C = call.size(1);
  const int32_t* rows = call.buffers[2].i32();
  withType(call.buffers[0], [&](auto* dX) {
    withType(call.buffers[1], [&](const auto* dOut) {
      eachPart(teamSize(call.threads, R * C), C, 16, [&](long begin, long end, int) {
        for (long r = 0; r < R; r++) {
          auto* row = dX + rows[r] * C;
          eachVector(begin, end, [&](long c, auto m) { store(row + c, load(row + c, m) + load(dOut + r * C + c, m), m); });
        }
      });
    });
  });
}

// cacheAppend(cache, x, rows; N, G, D, pageSize, ldX)
void cacheAppend(const Call& call) {
  const long N = call.size(0), G = call.size(1), D = call.size(2), pageSize = call.size(3), ldX = call.size(4);
  const int32_t* rows = call.buffers[2].i32();
  withType(call.buffers[0], [&](auto* cache) {
    withType(call.buffers[1], [&](const auto* x) {
      // Every row goes to memory of its own, which is far away.
      eachRowRange(call, N, 4 * G * D, [&](long begin, long end) {
        for (long n = begin; n < end; n++) {
          const long page = rows[n] / pageSize, place = rows[n] % pageSize;
          for (long g = 0; g < G; g++) {
            auto* to = cache + ((page * G + g) * pageSize + place) * D;
            const auto* from = x + n * ldX + g * D;
            eachVector(0, D, [&](long d, auto m) { store(to + d, load(from + d, m), m); });
          }
        }
      });
    });
  });
}

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
