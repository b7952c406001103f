// What the binding and the kernels agree on. A kernel gets its operands positionally, outputs first, then inputs, then
// sizes, exactly as packages/kernels/src/contract/ lists them. The kernel sources are compiled once per instruction
// set, each time in its own namespace (TUIQIAO_ISA); the binding picks one set at run time.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tuiqiao {

enum class Type { f32, bf16, i32, u8 };

struct bf16 {
  uint16_t bits;
};

struct Buffer {
  void* data;
  Type type;
  size_t length;

  explicit operator bool() const { return data != nullptr; }
  float* f32() const { return static_cast<float*>(data); }
  uint8_t* u8() const { return static_cast<uint8_t*>(data); }
  const int32_t* i32() const { return static_cast<const int32_t*>(data); }
};

constexpr int kMaxBuffers = 11;
constexpr int kMaxNumbers = 12;

struct Call {
  Buffer buffers[kMaxBuffers];
  double numbers[kMaxNumbers];
  int threads;

  long size(int index) const { return static_cast<long>(numbers[index]); }
  float real(int index) const { return static_cast<float>(numbers[index]); }
  bool flag(int index) const { return numbers[index] != 0; }
};

struct Kernel {
  const char* name;
  int outputs;  // the first so many buffers are written
  int buffers;
  int numbers;
  void (*run)(const Call&);
};

// out[M, N] = alpha * op(a)[M, K] * op(b)[K, N] (+ out). Leading dimensions in elements.
struct Gemm {
  long M, N, K;
  bool transposeA, transposeB, accumulate, isConstantB;
  float alpha;
  long ldA, ldB, ldOut;
};

struct KernelSet {
  const char* isa;
  const Kernel* kernels;
  int count;
  void (*portableGemm)(const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads);
  // For products of a few rows; false: this set has nothing special for the operands.
  bool (*smallGemm)(const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads);
  // For the transposed left operand of an adapter's gradients; as above.
  bool (*thinGemm)(const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads);
  // On the tile unit; null or false: as above.
  bool (*tileGemm)(const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads);
};

namespace generic {
extern const KernelSet kernelSet;
}
#if defined(__x86_64__)
namespace avx2 {
extern const KernelSet kernelSet;
}
namespace avx512_bf16 {
extern const KernelSet kernelSet;
// The same, and products on the tile unit.
extern const KernelSet tileKernelSet;
}
#endif

}  // namespace tuiqiao
