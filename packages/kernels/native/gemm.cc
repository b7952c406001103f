// oneDNN matmul primitives, cached by shape (making one takes a third of a millisecond, running a small one a few
// microseconds), and packed copies of constant f32 weights (twice as fast; bf16 gains too little for the memory).
// State is per thread: worker threads of Node share nothing.
#include "gemm.h"

namespace {
// Up to so many rows the kernels' own product for few rows is faster.
constexpr long kFewRows = 128;
// And however many the rows, for the shallow and narrow products of adapters.
constexpr long kShallow = 64, kNarrow = 32;
// The same where there is a tile unit: reading the weight is all the work then.
constexpr long kFewTileRows = 2;
}  // namespace

#if defined(TUIQIAO_ONEDNN)
#include <dnnl.hpp>
#if defined(_OPENMP)
#include <omp.h>
#endif
#include <cstring>
#include <list>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

namespace tuiqiao {

namespace {

using dnnl::memory;

// Shapes vary with the number of packed tokens; oneDNN keeps compiled code in a cache of its own, so eviction is cheap.
constexpr size_t kMaxProducts = 512;
// Packed f32 copies: enough for the weights of a 0.6 B model, its output head excepted.
constexpr size_t kMaxPackedBytes = size_t{4} << 30;
// When there is no room for another packed copy, those unused for so many products go: their weights are gone.
constexpr uint64_t kPackedLifetime = 20000;

struct Key {
  int64_t values[10];
  bool operator==(const Key& other) const { return memcmp(values, other.values, sizeof values) == 0; }
};

struct KeyHash {
  size_t operator()(const Key& key) const {
    uint64_t hash = 0x9e3779b97f4a7c15u;
    for (int64_t value : key.values) {
      hash = (hash ^ static_cast<uint64_t>(value)) * 0xff51afd7ed558ccdu;
      hash ^= hash >> 32;
    }
    return static_cast<size_t>(hash);
  }
};

struct Product {
  dnnl::matmul primitive;
  memory a, b, out, scratch;
  memory::desc plainB, packedB;
  bool isReference = false;  // oneDNN has only its slow reference code for this
};

struct PackedKey {
  const void* data;
  size_t bytes;
  Key shape;
};

struct Packed {
  PackedKey key;
  memory copy;
  uint64_t lastUse;
};

struct State {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  std::list<std::pair<Key, Product>> products;  // most recently used first
  std::unordered_map<Key, std::list<std::pair<Key, Product>>::iterator, KeyHash> index;
  std::vector<char> scratch;
  std::list<Packed> packed;
  size_t packedBytes = 0;
  uint64_t productsRun = 0;

  char* scratchpad(size_t bytes) {
    if (scratch.size() < bytes + 64) scratch.resize(bytes + 64);
    return reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(scratch.data()) + 63) / 64 * 64);
  }
};

State& state() {
  static thread_local std::unique_ptr<State> instance = std::make_unique<State>();
  return *instance;
}
// Set once this thread has packed something, so that the common case of forgetPacked is one comparison.
thread_local bool hasPacked = false;

memory::data_type dataType(Type type) { return type == Type::bf16 ? memory::data_type::bf16 : memory::data_type::f32; }

dnnl::matmul::primitive_desc describe(State& s, const memory::desc& a, const memory::desc& b, const memory::desc& out,
                                      const Gemm& gemm) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::post_ops after;
#if DNNL_VERSION_MAJOR >= 3
  if (gemm.alpha != 1.0f) after.append_eltwise(dnnl::algorithm::eltwise_linear, gemm.alpha, 0.0f);
  if (gemm.accumulate) after.append_sum(1.0f);
  attributes.set_post_ops(after);
  return dnnl::matmul::primitive_desc(s.engine, a, b, out, attributes);
#else
  if (gemm.alpha != 1.0f) after.append_eltwise(1.0f, dnnl::algorithm::eltwise_linear, gemm.alpha, 0.0f);
  if (gemm.accumulate) after.append_sum(1.0f);
  attributes.set_post_ops(after);
  return dnnl::matmul::primitive_desc(dnnl::matmul::desc(a, b, out), attributes, s.engine);
#endif
}

Product makeProduct(State& s, const Gemm& gemm, Type in, Type result, bool packs) {
  const memory::dims strideA = gemm.transposeA ? memory::dims{1, gemm.ldA} : memory::dims{gemm.ldA, 1};
  const memory::dims strideB = gemm.transposeB ? memory::dims{1, gemm.ldB} : memory::dims{gemm.ldB, 1};
  const memory::desc a({gemm.M, gemm.K}, dataType(in), strideA);
  const memory::desc b({gemm.K, gemm.N}, dataType(in), strideB);
  const memory::desc out({gemm.M, gemm.N}, dataType(result), memory::dims{gemm.ldOut, 1});
  const memory::desc free({gemm.K, gemm.N}, dataType(in), memory::format_tag::any);
  const auto description = describe(s, a, packs ? free : b, out, gemm);
  Product product;
  product.isReference = strncmp(description.impl_info_str(), "ref", 3) == 0;
  product.primitive = dnnl::matmul(description);
  product.plainB = b;
  product.packedB = description.weights_desc();
  product.a = memory(a, s.engine, nullptr);
  product.b = memory(product.packedB, s.engine, nullptr);
  product.out = memory(out, s.engine, nullptr);
  product.scratch = memory(description.scratchpad_desc(), s.engine, nullptr);
  return product;
}

Product& findProduct(State& s, const Gemm& gemm, Type in, Type result, bool packs, int threads) {
  int32_t alphaBits;
  memcpy(&alphaBits, &gemm.alpha, 4);
  const int64_t flags = gemm.transposeA | gemm.transposeB << 1 | gemm.accumulate << 2 | packs << 3 |
                        (in == Type::bf16) << 4 | (result == Type::bf16) << 5;
  const Key key = {{gemm.M, gemm.N, gemm.K, gemm.ldA, gemm.ldB, gemm.ldOut, flags, alphaBits, threads, 0}};
  const auto found = s.index.find(key);
  if (found != s.index.end()) {
    s.products.splice(s.products.begin(), s.products, found->second);
    return s.products.front().second;
  }
  s.products.emplace_front(key, makeProduct(s, gemm, in, result, packs));
  s.index[key] = s.products.begin();
  if (s.products.size() > kMaxProducts) {
    s.index.erase(s.products.back().first);
    s.products.pop_back();
  }
  return s.products.front().second;
}

// The packed copy of b, or null when the bound on packed memory leaves no room for it.
memory* findPacked(State& s, const Product& product, const Buffer& b, const Gemm& gemm) {
  const Key shape = {{gemm.N, gemm.K, gemm.ldB, gemm.transposeB}};
  for (auto it = s.packed.begin(); it != s.packed.end(); ++it) {
    if (it->key.data == b.data && it->key.shape == shape && it->copy.get_desc() == product.packedB) {
      it->lastUse = s.productsRun;
      s.packed.splice(s.packed.begin(), s.packed, it);
      return &s.packed.front().copy;
    }
  }
  const size_t bytes = product.packedB.get_size();
  while (s.packedBytes + bytes > kMaxPackedBytes) {
    if (s.packed.empty() || s.packed.back().lastUse + kPackedLifetime > s.productsRun) return nullptr;
    s.packedBytes -= s.packed.back().copy.get_desc().get_size();
    s.packed.pop_back();
  }
  memory copy(product.packedB, s.engine);
  memory plain(product.plainB, s.engine, b.data);
  dnnl::reorder(plain, copy).execute(s.stream, plain, copy);
  s.stream.wait();
  s.packed.push_front({{b.data, product.plainB.get_size(), shape}, copy, s.productsRun});
  s.packedBytes += bytes;
  hasPacked = true;
  return &s.packed.front().copy;
}

}  // namespace

std::string gemmName() {
  const dnnl_version_t* version = dnnl_version();
  return "oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->patch);
}

void runGemm(const KernelSet& set, const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads) {
  if (gemm.M > kFewTileRows && set.tileGemm != nullptr && set.tileGemm(out, a, b, gemm, threads)) return;
  if ((gemm.M <= kFewRows || gemm.K <= kShallow || gemm.N <= kNarrow) && set.smallGemm(out, a, b, gemm, threads)) return;
  if (set.tileGemm != nullptr && set.tileGemm(out, a, b, gemm, threads)) return;
  if (set.thinGemm(out, a, b, gemm, threads)) return;
#if defined(_OPENMP)
  if (omp_get_max_threads() != threads) omp_set_num_threads(threads);  // oneDNN asks OpenMP
#endif
  State& s = state();
  s.productsRun++;
  bool packs = gemm.isConstantB && b.type == Type::f32;
  Product* product = &findProduct(s, gemm, a.type, out.type, packs, threads);
  if (product->isReference) {
    set.portableGemm(out, a, b, gemm, threads);
    return;
  }
  void* right = b.data;
  if (packs && product->packedB != product->plainB) {
    if (memory* copy = findPacked(s, *product, b, gemm)) {
      right = copy->get_data_handle();
    } else {
      product = &findProduct(s, gemm, a.type, out.type, false, threads);
    }
  }
  dnnl_memory_set_data_handle(product->a.get(), a.data);
  dnnl_memory_set_data_handle(product->b.get(), right);
  dnnl_memory_set_data_handle(product->out.get(), out.data);
  dnnl_memory_set_data_handle(product->scratch.get(), s.scratchpad(product->scratch.get_desc().get_size()));
  const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, product->a.get()},
                                       {DNNL_ARG_WEIGHTS, product->b.get()},
                                       {DNNL_ARG_DST, product->out.get()},
                                       {DNNL_ARG_SCRATCHPAD, product->scratch.get()}};
  dnnl::error::wrap_c_api(dnnl_primitive_execute(product->primitive.get(), s.stream.get(), 4, arguments),
                          "could not execute a matrix product");
}

void forgetPacked(const void* data, size_t bytes) {
  if (!hasPacked) return;
  State& s = state();
  const char* begin = static_cast<const char*>(data);
  for (auto it = s.packed.begin(); it != s.packed.end();) {
    const char* held = static_cast<const char*>(it->key.data);
    if (held < begin + bytes && begin < held + it->key.bytes) {
      s.packedBytes -= it->copy.get_desc().get_size();
      it = s.packed.erase(it);
    } else {
      ++it;
    }
  }
}

}  // namespace tuiqiao

#else

namespace tuiqiao {

std::string gemmName() { return "portable"; }

void runGemm(const KernelSet& set, const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads) {
  if (gemm.M > kFewTileRows && set.tileGemm != nullptr && set.tileGemm(out, a, b, gemm, threads)) return;
  if ((gemm.M <= kFewRows || gemm.K <= kShallow || gemm.N <= kNarrow) && set.smallGemm(out, a, b, gemm, threads)) return;
  if (set.tileGemm != nullptr && set.tileGemm(out, a, b, gemm, threads)) return;
  if (set.thinGemm(out, a, b, gemm, threads)) return;
  set.portableGemm(out, a, b, gemm, threads);
}

void forgetPacked(const void*, size_t) {}

}  // namespace tuiqiao

#endif
