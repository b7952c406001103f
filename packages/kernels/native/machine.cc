#include "machine.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#if defined(__linux__)
#include <sched.h>
#include <sys/syscall.h>
#endif
#if !defined(_WIN32)
#include <cstdlib>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace tuiqiao {

namespace {

// Whether the processor multiplies bf16 tiles (AMX) and the system lets this process use them: it has to be asked.
bool mayUseTiles() {
#if defined(__x86_64__) && defined(__linux__)
  static const bool may = [] {
    unsigned a, b, c, d;
    constexpr unsigned kTile = 1u << 24, kBf16 = 1u << 22;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & kTile) == 0 || (d & kBf16) == 0) return false;
    constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  }();
  return may;
#else
  return false;
#endif
}

}  // namespace

const KernelSet& bestKernelSet() {
#if defined(__x86_64__)
  for (const char* isa : {"amx_bf16", "avx512_bf16", "avx2"})
    if (const KernelSet* set = findKernelSet(isa)) return *set;
#endif
  return generic::kernelSet;
}

const KernelSet* findKernelSet(const char* isa) {
  if (strcmp(isa, "generic") == 0) return &generic::kernelSet;
#if defined(__x86_64__)
  const bool hasAvx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool hasAvx512 = hasAvx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (strcmp(isa, "avx2") == 0 && hasAvx2) return &avx2::kernelSet;
  // Processors with AVX-512 but without its bf16 part run the AVX2 kernels: they are limited by memory, and a third
  // copy of the kernels would lengthen the build.
  const bool hasBf16 = hasAvx512 && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni");
  if (strcmp(isa, "avx512_bf16") == 0 && hasBf16) return &avx512_bf16::kernelSet;
  if (strcmp(isa, "amx_bf16") == 0 && hasBf16 && mayUseTiles()) return &avx512_bf16::tileKernelSet;
#endif
  return nullptr;
}

int availableCores() {
#if defined(__linux__)
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) {
    std::set<std::string> cores;  // the hyper-thread siblings of a core share this list
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
      if (!CPU_ISSET(cpu, &mask)) continue;
      std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
      std::string siblings;
      if (!std::getline(file, siblings)) siblings = "cpu" + std::to_string(cpu);
      cores.insert(siblings);
    }
    if (!cores.empty()) return static_cast<int>(cores.size());
  }
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void useHugePages(void* data, size_t bytes) {
#if defined(__linux__)
  constexpr uintptr_t kPage = uintptr_t{2} << 20;
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(data) + kPage - 1) / kPage * kPage;
  const uintptr_t end = (reinterpret_cast<uintptr_t>(data) + bytes) / kPage * kPage;
  if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // a wish: failure is harmless
#else
  (void)data;
  (void)bytes;
#endif
}

void* mapTemporaryFile(const char* folder, size_t bytes) {
#if !defined(_WIN32)
  std::string name = std::string(folder) + "/.optimizer-XXXXXX";
  const int file = mkstemp(&name[0]);
  if (file < 0) return nullptr;
  unlink(name.c_str());
  void* data = MAP_FAILED;
  if (ftruncate(file, static_cast<off_t>(bytes)) == 0)
    data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  return data == MAP_FAILED ? nullptr : data;
#else
  (void)folder;
  (void)bytes;
  return nullptr;
#endif
}

void* mapFilePart(const char* name, size_t offset, size_t bytes) {
#if !defined(_WIN32)
  const int file = open(name, O_RDONLY | O_CLOEXEC);
  if (file < 0) return nullptr;
  const size_t before = offset % static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* data = mmap(nullptr, bytes + before, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, static_cast<off_t>(offset - before));
  close(file);
  if (data == MAP_FAILED) return nullptr;
  madvise(data, bytes + before, MADV_WILLNEED);  // a wish: reading ahead while the rest of the model is put together
  return static_cast<char*>(data) + before;
#else
  (void)name;
  (void)offset;
  (void)bytes;
  return nullptr;
#endif
}

void unmapFile(void* data, size_t bytes) {
#if !defined(_WIN32)
  const size_t before = reinterpret_cast<uintptr_t>(data) % static_cast<size_t>(sysconf(_SC_PAGESIZE));
  munmap(static_cast<char*>(data) - before, bytes + before);
#else
  (void)data;
  (void)bytes;
#endif
}

}  // namespace tuiqiao
