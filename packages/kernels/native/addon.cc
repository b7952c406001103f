// The N-API binding. Every kernel becomes a function of the same name that takes its buffers (typed arrays, or null for
// an optional one), then its numbers. Arguments are trusted: the TypeScript side has checked them. Beside the kernels:
//   selectKernels(isa: string | null): string        which instruction set's kernels answer from now on
//   setThreads(count: number): number                0: one per physical core
//   gemmName(): string
//   prepareMemory(memory: ArrayBuffer): number       the first offset in it that is 64-byte aligned
//   mapMemory(folder: string, bytes: number): ArrayBuffer | null   zeroed, backed by an unnamed file in the folder
//   mapFile(file: string, offset: number, bytes: number): ArrayBuffer | null   a part of a file, read when touched
//   forgetPacked(array: TypedArray): void            the array was written from JavaScript
//   matmul(out, a, b, M, N, K, transposeA, transposeB, accumulate, alpha, ldA, ldB, ldOut, isConstantB, usePortable)
#include <node_api.h>

#include <atomic>
#include <exception>
#include <string>

#include "gemm.h"
#include "machine.h"

namespace {

using namespace tuiqiao;

constexpr uintptr_t kAlignment = 64;
constexpr int kMatmulNumbers = 12;
constexpr size_t kMaxArguments = kMaxBuffers + kMaxNumbers + 2;

// One choice for the process: it only changes speed, and which rounding of sums one gets.
std::atomic<const KernelSet*> selected{nullptr};
std::atomic<int> threadCount{1};

Buffer toBuffer(napi_env env, napi_value value) {
  Buffer buffer = {nullptr, Type::f32, 0};
  napi_typedarray_type type;
  if (napi_get_typedarray_info(env, value, &type, &buffer.length, &buffer.data, nullptr, nullptr) != napi_ok) {
    return buffer;  // null or undefined: an optional operand left out
  }
  buffer.type = type == napi_uint16_array  ? Type::bf16
                : type == napi_int32_array ? Type::i32
                : type == napi_uint8_array ? Type::u8
                                           : Type::f32;
  return buffer;
}

size_t bytesOf(const Buffer& buffer) {
  return buffer.length * (buffer.type == Type::bf16 ? 2 : buffer.type == Type::u8 ? 1 : 4);
}

double toNumber(napi_env env, napi_value value) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) != napi_ok) {
    bool flag = false;
    napi_get_value_bool(env, value, &flag);
    number = flag ? 1 : 0;
  }
  return number;
}

napi_value runKernel(napi_env env, napi_callback_info info) {
  size_t count = kMaxArguments;
  napi_value arguments[kMaxArguments];
  void* data;
  napi_get_cb_info(env, info, &count, arguments, nullptr, &data);
  // The tables of all instruction sets have the same order, so the index finds the selected one's entry.
  const KernelSet& set = *selected.load(std::memory_order_relaxed);
  const Kernel& kernel = set.kernels[reinterpret_cast<intptr_t>(data)];
  if (count < static_cast<size_t>(kernel.buffers + kernel.numbers)) {
    const std::string message = std::string(kernel.name) + ": expected " +
                                std::to_string(kernel.buffers + kernel.numbers) + " arguments, got " + std::to_string(count);
    napi_throw_type_error(env, nullptr, message.c_str());
    return nullptr;
  }
  Call call;
  for (int i = 0; i < kernel.buffers; i++) call.buffers[i] = toBuffer(env, arguments[i]);
  for (int i = 0; i < kernel.numbers; i++) call.numbers[i] = toNumber(env, arguments[kernel.buffers + i]);
  call.threads = threadCount.load(std::memory_order_relaxed);
  for (int i = 0; i < kernel.outputs; i++) forgetPacked(call.buffers[i].data, bytesOf(call.buffers[i]));
  try {
    kernel.run(call);
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, (std::string(kernel.name) + ": " + error.what()).c_str());
  }
  return nullptr;
}

napi_value matmul(napi_env env, napi_callback_info info) {
  size_t count = kMaxArguments;
  napi_value arguments[kMaxArguments];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  if (count < 3 + kMatmulNumbers) {
    napi_throw_type_error(env, nullptr, "matmul: expected 15 arguments");
    return nullptr;
  }
  const Buffer out = toBuffer(env, arguments[0]), a = toBuffer(env, arguments[1]), b = toBuffer(env, arguments[2]);
  double n[kMatmulNumbers];
  for (int i = 0; i < kMatmulNumbers; i++) n[i] = toNumber(env, arguments[3 + i]);
  const Gemm gemm = {static_cast<long>(n[0]),  static_cast<long>(n[1]), static_cast<long>(n[2]), n[3] != 0, n[4] != 0,
                     n[5] != 0,                n[10] != 0,              static_cast<float>(n[6]),
                     static_cast<long>(n[7]),  static_cast<long>(n[8]), static_cast<long>(n[9])};
  if (gemm.M == 0 || gemm.N == 0) return nullptr;
  const KernelSet& set = *selected.load(std::memory_order_relaxed);
  const int threads = threadCount.load(std::memory_order_relaxed);
  forgetPacked(out.data, bytesOf(out));
  try {
    if (n[11] != 0 || gemm.K == 0) {
      set.portableGemm(out, a, b, gemm, threads);
    } else {
      runGemm(set, out, a, b, gemm, threads);
    }
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, (std::string("matmul: ") + error.what()).c_str());
  }
  return nullptr;
}

// Memory belongs to the JavaScript engine, which frees it as soon as it is collected; memory of an addon's own would wait
// for the event loop, which a long synchronous computation never reaches.
napi_value prepareMemory(napi_env env, napi_callback_info info) {
  size_t count = 1, bytes = 0;
  napi_value argument, result;
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  napi_get_arraybuffer_info(env, argument, &data, &bytes);
  forgetPacked(data, bytes);  // of a buffer that was at this address before
  useHugePages(data, bytes);
  const uintptr_t address = reinterpret_cast<uintptr_t>(data);
  napi_create_double(env, static_cast<double>((kAlignment - address % kAlignment) % kAlignment), &result);
  return result;
}

// Mapped memory as a buffer that unmaps it when it is collected; null where there is none.
napi_value mappedBuffer(napi_env env, void* data, size_t bytes) {
  napi_value result;
  if (data != nullptr) {
    forgetPacked(data, bytes);
    auto release = [](napi_env, void* memory, void* hint) { unmapFile(memory, reinterpret_cast<size_t>(hint)); };
    if (napi_create_external_arraybuffer(env, data, bytes, release, reinterpret_cast<void*>(bytes), &result) == napi_ok)
      return result;
    unmapFile(data, bytes);
  }
  napi_get_null(env, &result);
  return result;
}

// Pages of a file that has no name any more: the system writes them out when memory is short, and frees them with the
// last view of the buffer.
napi_value mapMemory(napi_env env, napi_callback_info info) {
  size_t count = 2, length = 0;
  napi_value arguments[2];
  char folder[4096] = "";
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  napi_get_value_string_utf8(env, arguments[0], folder, sizeof folder, &length);
  const size_t bytes = static_cast<size_t>(toNumber(env, arguments[1]));
  return mappedBuffer(env, mapTemporaryFile(folder, bytes), bytes);
}

napi_value mapFile(napi_env env, napi_callback_info info) {
  size_t count = 3, length = 0;
  napi_value arguments[3];
  char file[4096] = "";
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  napi_get_value_string_utf8(env, arguments[0], file, sizeof file, &length);
  const size_t bytes = static_cast<size_t>(toNumber(env, arguments[2]));
  return mappedBuffer(env, mapFilePart(file, static_cast<size_t>(toNumber(env, arguments[1])), bytes), bytes);
}

napi_value forget(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  const Buffer buffer = toBuffer(env, argument);
  forgetPacked(buffer.data, bytesOf(buffer));
  return nullptr;
}

napi_value setThreads(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument, result;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  int threads = static_cast<int>(toNumber(env, argument));
  if (threads < 1) threads = availableCores();
#if !defined(_OPENMP)
  threads = 1;
#endif
  threadCount = threads;
  napi_create_int32(env, threads, &result);
  return result;
}

napi_value selectKernels(napi_env env, napi_callback_info info) {
  size_t count = 1, length = 0;
  napi_value argument, result;
  char isa[32] = "";
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  const KernelSet* set = &bestKernelSet();
  if (napi_get_value_string_utf8(env, argument, isa, sizeof isa, &length) == napi_ok) {
    set = findKernelSet(isa);
    if (set == nullptr) {
      napi_throw_error(env, nullptr, (std::string("selectKernels: this processor or build has no ") + isa).c_str());
      return nullptr;
    }
  }
  selected = set;
  napi_create_string_utf8(env, set->isa, NAPI_AUTO_LENGTH, &result);
  return result;
}

napi_value nameGemm(napi_env env, napi_callback_info) {
  napi_value result;
  napi_create_string_utf8(env, gemmName().c_str(), NAPI_AUTO_LENGTH, &result);
  return result;
}

void define(napi_env env, napi_value exports, const char* name, napi_callback callback, void* data = nullptr) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, data, &function);
  napi_set_named_property(env, exports, name, function);
}

}  // namespace

NAPI_MODULE_INIT() {
  if (selected.load() == nullptr) selected = &bestKernelSet();
  const KernelSet& set = *selected.load();
  for (int i = 0; i < set.count; i++)
    define(env, exports, set.kernels[i].name, runKernel, reinterpret_cast<void*>(static_cast<intptr_t>(i)));
  define(env, exports, "matmul", matmul);
  define(env, exports, "prepareMemory", prepareMemory);
  define(env, exports, "mapMemory", mapMemory);
  define(env, exports, "mapFile", mapFile);
  define(env, exports, "forgetPacked", forget);
  define(env, exports, "setThreads", setThreads);
  define(env, exports, "selectKernels", selectKernels);
  define(env, exports, "gemmName", nameGemm);
  return exports;
}
