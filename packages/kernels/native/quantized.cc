// Numbers kept in fewer bits: 4-bit weights in blocks, 8-bit optimizer state in blocks.
#include "kernel-list.h"
#include "simd.h"
#include "threads.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

namespace {

// Sixteen 4-bit numbers in eight bytes, the high half of a byte first, through the table.
#if defined(__AVX512F__)
inline Vec lookUp(const uint8_t* bytes, Vec table) {
  const __m512i wide = _mm512_cvtepu8_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes)));
  const __m512i high = _mm512_srli_epi64(wide, 4);
  const __m512i low = _mm512_slli_epi64(_mm512_and_si512(wide, _mm512_set1_epi64(15)), 32);
  return _mm512_permutexvar_ps(_mm512_or_si512(high, low), table);
}
#endif

// out[0 … count) from bytes on, times scale.
template <class T>
inline void dequantizeRun(T* out, const uint8_t* bytes, const float* code, float scale, long count) {
  long i = 0;
#if defined(__AVX512F__)
  const Vec table = load(code);
  for (; i + W <= count; i += W) store(out + i, lookUp(bytes + i / 2, table) * scale);
#endif
  for (; i < count; i++) fromFloat(out + i, code[i % 2 == 0 ? bytes[i / 2] >> 4 : bytes[i / 2] & 15] * scale);
}

// The index of the code nearest to x; of two equally near, the lower. `borders` lie midway between neighbours.
inline int nearest(const float* borders, float x) {
  int low = 0, high = 255;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (x > borders[middle]) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

inline float quantizeBlock(uint8_t* out, const float* values, const float* borders, long count) {
  float largest = 0;
  for (long i = 0; i < count; i++) largest = std::max(largest, std::fabs(values[i]));
  const float scale = largest == 0 ? 0 : 1 / largest;
  for (long i = 0; i < count; i++) out[i] = static_cast<uint8_t>(nearest(borders, values[i] * scale));
  return largest;
}

}  // namespace

// dequantize4(out, packed, absmax, code, nestedAbsmax?, nestedCode?; offset, length, blockSize, nestedBlockSize,
//             nestedOffset). `offset` is even.
void dequantize4(const Call& call) {
  const uint8_t* packed = call.buffers[1].u8();
  const Buffer& absmax = call.buffers[2];
  const float* code = call.buffers[3].f32();
  const long offset = call.size(0), length = call.size(1), blockSize = call.size(2), nestedBlockSize = call.size(3);
  const float nestedOffset = call.real(4);
  const auto scaleOf = [&](long block) {
    if (absmax.type != Type::u8) return absmax.f32()[block];
    // Not contracted to one rounding: the scales are those of the library that wrote the file.
    volatile float product = call.buffers[5].f32()[absmax.u8()[block]] * call.buffers[4].f32()[block / nestedBlockSize];
    return product + nestedOffset;
  };
  const long firstBlock = offset / blockSize, blocks = length == 0 ? 0 : (offset + length - 1) / blockSize - firstBlock + 1;
  withType(call.buffers[0], [&](auto* out) {
    eachRowRange(call, blocks, blockSize, [&](long begin, long end) {
      for (long b = begin; b < end; b++) {
        const long start = std::max(offset, (firstBlock + b) * blockSize);
        const long stop = std::min(offset + length, (firstBlock + b + 1) * blockSize);
        dequantizeRun(out + (start - offset), packed + start / 2, code, scaleOf(firstBlock + b), stop - start);
      }
    });
  });
}

// quantize4(packed, absmax, a, code; length, blockSize). `blockSize` is even: blocks share no byte.
void quantize4(const Call& call) {
  constexpr int kCodes = 16;
  uint8_t* packed = call.buffers[0].u8();
  float* maxima = call.buffers[1].f32();
  const float* code = call.buffers[3].f32();
  const long length = call.size(0), blockSize = call.size(1), blocks = (length + blockSize - 1) / blockSize;
  int32_t order[kCodes];
  for (int i = 0; i < kCodes; i++) {
    int place = i;
    for (; place > 0 && code[order[place - 1]] > code[i]; place--) order[place] = order[place - 1];
    order[place] = i;
  }
  float borders[kCodes - 1];
  for (int i = 0; i + 1 < kCodes; i++)
    borders[i] = static_cast<float>((static_cast<double>(code[order[i]]) + code[order[i + 1]]) / 2);
  const auto ranks = [&](Vec x) {
    VecInt rank = {};
    for (int i = 0; i + 1 < kCodes; i++) rank -= x > splat(borders[i]);
    return rank;
  };
  const auto codeOf = [&](int32_t rank) { return static_cast<uint8_t>(order[rank]); };
  withType(call.buffers[2], [&](const auto* a) {
    eachRowRange(call, blocks, 2 * blockSize, [&](long begin, long end) {
      const Scratch<int32_t> row(blockSize + W);
      for (long block = begin; block < end; block++) {
        const long first = block * blockSize, count = std::min(blockSize, length - first);
        Vec most = {};
        eachVector(0, count, [&](long i, auto m) {
          const Vec x = load(a + first + i, m);
          most = maximum(maximum(x, -x), most);
        });
        const float largest = maximum(most);
        maxima[block] = largest;
        eachVector(0, count, [&](long i, auto m) {
          const Vec x = largest == 0 ? Vec{} : load(a + first + i, m) / largest;
          const VecInt rank = ranks(x);
          memcpy(row.data() + i, &rank, sizeof rank);
        });
        if (count % 2 == 1) row[count] = ranks(Vec{})[0];
        for (long i = 0; i < count; i += 2)
          packed[(first + i) / 2] = static_cast<uint8_t>(codeOf(row[i]) << 4 | codeOf(row[i + 1]));
      }
    });
  });
}

// adamw8bit(parameter, m, mScale, v, vScale, bf16Copy?, grad, mCode, vCode; length, learningRate, beta1, beta2, epsilon,
//           weightDecay, step, gradientScale, blockSize)
void adamw8bit(const Call& call) {
  float* parameter = call.buffers[0].f32();
  uint8_t* firstCodes = call.buffers[1].u8();
  float* firstScales = call.buffers[2].f32();
  uint8_t* secondCodes = call.buffers[3].u8();
  float* secondScales = call.buffers[4].f32();
  bf16* copy = static_cast<bf16*>(call.buffers[5].data);
  const float* grad = call.buffers[6].f32();
  const float* firstTable = call.buffers[7].f32();
  const float* secondTable = call.buffers[8].f32();
  const long length = call.size(0), blockSize = call.size(8);
  const double learningRate = call.numbers[1], beta1 = call.numbers[2], beta2 = call.numbers[3], step = call.numbers[6];
  const float decay = static_cast<float>(1.0 - learningRate * call.numbers[5]);
  const float rate = static_cast<float>(learningRate / (1.0 - std::pow(beta1, step)));
  const float correction = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(beta2, step)));
  const float b1 = static_cast<float>(beta1), c1 = static_cast<float>(1.0 - beta1);
  const float b2 = static_cast<float>(beta2), c2 = static_cast<float>(1.0 - beta2);
  const float epsilon = call.real(4), gradientScale = call.real(7);
  float firstBorders[255], secondBorders[255];
  for (int i = 0; i < 255; i++) {
    firstBorders[i] = 0.5f * (firstTable[i] + firstTable[i + 1]);
    secondBorders[i] = 0.5f * (secondTable[i] + secondTable[i + 1]);
  }
  const long blocks = (length + blockSize - 1) / blockSize;
  eachRowRange(call, blocks, blockSize, [&](long begin, long end) {
    const Scratch<float> first(blockSize), second(blockSize);
    for (long block = begin; block < end; block++) {
      const long start = block * blockSize, count = std::min(blockSize, length - start);
      const float firstScale = firstScales[block], secondScale = secondScales[block];
      for (long k = 0; k < count; k++) {
        const long i = start + k;
        const float g = grad[i] * gradientScale;
        const float m = firstTable[firstCodes[i]] * firstScale * b1 + g * c1;
        const float v = secondTable[secondCodes[i]] * secondScale * b2 + g * g * c2;
        first[k] = m;
        second[k] = v;
        parameter[i] = parameter[i] * decay - rate * m / (std::sqrt(v) * correction + epsilon);
        if (copy) fromFloat(copy + i, parameter[i]);
      }
      firstScales[block] = quantizeBlock(firstCodes + start, first.data(), firstBorders, count);
      secondScales[block] = quantizeBlock(secondCodes + start, second.data(), secondBorders, count);
    }
  });
}

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
