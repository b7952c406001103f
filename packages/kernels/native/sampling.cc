// From rows of logits to tokens: penalties, mask, temperature, top-k, top-p, min-p, typical, the draw. The steps, and the
// order of everything that is added up, are those of src/reference/sampling.ts; sums are doubles as there.
#include "doubles.h"
#include "kernel-list.h"
#include "threads.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

namespace {

constexpr long kSumBlock = 256;
constexpr int kMassBuckets = 4096;
constexpr int kBucketShift = 14;
constexpr int32_t kOneBits = 0x3ff00000;
constexpr int kRequestNumbers = 5, kSettings = 9, kResults = 3;
constexpr int32_t kBanned = -1;

struct Settings {
  double temperature, topK, topP, minP, typicalP, repetitionPenalty, presencePenalty, frequencyPenalty, uniform;
  bool hasFilters() const { return topK > 0 || topP < 1 || minP > 0 || typicalP < 1; }
};

// Tokens that may be drawn with their unnormalised weights; without ids weight i belongs to token i.
struct Candidates {
  Scratch<double> weights;
  Scratch<int32_t> ids;
  bool hasIds = false;
  long count = 0;
  double sum = 0;

  int32_t idOf(long i) const { return hasIds ? ids[i] : static_cast<int32_t>(i); }
};

float highest(const float* row, long V) {
  Vec most = splat(-INFINITY);
  eachVector(0, V, [&](long v, auto m) { most = maximum(keep(load(row + v, m), m, -INFINITY), most); });
  return maximum(most);
}

// weights[i] = exp((row[i] − best) · inverse), sums of blocks of them (either may be null); returns their sum.
double exponentiate(double* weights, double* sums, const float* row, long V, double best, double inverse) {
  double total = 0;
  for (long begin = 0, block = 0; begin < V; begin += kSumBlock, block++) {
    const long end = std::min(V, begin + kSumBlock);
    Doubles sum[2] = {};
    long v = begin;
    int lane = 0;
    for (; v + kDoubles <= end; v += kDoubles, lane ^= 1) {
      const Doubles weight = exponentialOfNegative((loadDoubles(row + v) - best) * inverse);
      if (weights) storeDoubles(weights + v, weight);
      sum[lane] += weight;
    }
    double blockSum = sumOfDoubles(sum[0] + sum[1]);
    for (; v < end; v++) {
      const double weight = exponentialOfNegative((row[v] - best) * inverse);
      if (weights) weights[v] = weight;
      blockSum += weight;
    }
    if (sums) sums[block] = blockSum;
    total += blockSum;
  }
  return total;
}

// body(v) of every allowed token.
template <class Body>
void eachAllowed(const uint32_t* mask, long V, Body body) {
  for (long word = 0; word * 32 < V; word++)
    for (uint32_t bits = mask[word]; bits != 0; bits &= bits - 1) {
      const long v = word * 32 + __builtin_ctz(bits);
      if (v >= V) break;
      body(v);
    }
}

// The sum of the allowed tokens' weights; each is handed to body(v, weight) in ascending order.
template <class Body>
double eachAllowedWeight(const float* row, const uint32_t* mask, long V, double best, double inverse, Body body) {
  double sum = 0;
  for (long word = 0; word * 32 < V; word++) {
    if (mask[word] == 0) continue;
    const long begin = word * 32, end = std::min(V, begin + 32);
    double weights[32];
    const uint32_t bits = mask[word];
    if (end - begin == 32 && __builtin_popcount(bits) >= kDoubles) {
      for (long i = 0; i < 32; i += kDoubles)
        storeDoubles(weights + i, exponentialOfNegative((loadDoubles(row + begin + i) - best) * inverse));
      for (uint32_t left = bits; left != 0; left &= left - 1) {
        const int i = __builtin_ctz(left);
        sum += weights[i];
        body(begin + i, weights[i]);
      }
      continue;
    }
    for (uint32_t left = bits; left != 0; left &= left - 1) {
      const long v = begin + __builtin_ctz(left);
      if (v >= end) break;
      const double weight = exponentialOfNegative((row[v] - best) * inverse);
      sum += weight;
      body(v, weight);
    }
  }
  return sum;
}

// Arg-max, the lowest id on a tie; −1 when no allowed token is above −∞.
long bestAllowed(const float* row, const uint32_t* mask, long V) {
  float best = -INFINITY;
  long id = -1;
  if (mask) {
    eachAllowed(mask, V, [&](long v) {
      if (row[v] > best) {
        best = row[v];
        id = v;
      }
    });
    return id;
  }
  best = highest(row, V);
  if (best == -INFINITY) return -1;
  long v = 0;
  while (v + W <= V && !anyEqual(load(row + v), splat(best))) v += W;
  while (v < V && row[v] != best) v++;
  return v < V ? v : -1;
}

void reweigh(Candidates& pool, const float* row, const uint32_t* mask, long V, double temperature) {
  pool.count = 0;
  pool.sum = 0;
  pool.hasIds = mask != nullptr;
  const double inverse = 1 / temperature;
  if (!mask) {
    const double best = highest(row, V);
    if (best == -INFINITY) return;
    pool.count = V;
    pool.sum = exponentiate(pool.weights.reserve(V), nullptr, row, V, best, inverse);
    return;
  }
  const long bestId = bestAllowed(row, mask, V);
  if (bestId < 0) return;
  pool.weights.reserve(V);
  pool.ids.reserve(V);
  long count = 0;
  pool.sum = eachAllowedWeight(row, mask, V, row[bestId], inverse, [&](long v, double weight) {
    pool.ids[count] = static_cast<int32_t>(v);
    pool.weights[count++] = weight;
  });
  pool.count = count;
}

// Candidates of which isKept(i) holds, moved to the front.
template <class Test>
void keepWhere(Candidates& pool, long V, Test isKept) {
  pool.ids.reserve(V);
  long count = 0;
  double sum = 0;
  for (long i = 0; i < pool.count; i++) {
    if (!isKept(i)) continue;
    const double weight = pool.weights[i];
    pool.ids[count] = pool.idOf(i);
    pool.weights[count++] = weight;
    sum += weight;
  }
  pool.hasIds = true;
  pool.count = count;
  pool.sum = sum;
}

void siftDown(double* heap, long length, long parent) {
  for (;;) {
    long child = 2 * parent + 1;
    if (child >= length) return;
    if (child + 1 < length && heap[child + 1] < heap[child]) child++;
    if (heap[parent] <= heap[child]) return;
    const double kept = heap[parent];
    heap[parent] = heap[child];
    heap[child] = kept;
    parent = child;
  }
}

// Through a heap of the k largest so far, the smallest at its root.
double kthLargest(const Candidates& pool, long k) {
  Scratch<double> heap;
  heap.reserve(k);
  std::copy_n(pool.weights.data(), k, heap.data());
  for (long i = k / 2 - 1; i >= 0; i--) siftDown(heap.data(), k, i);
  for (long i = k; i < pool.count; i++) {
    if (pool.weights[i] <= heap[0]) continue;
    heap[0] = pool.weights[i];
    siftDown(heap.data(), k, 0);
  }
  return heap[0];
}

// 0 for the largest weights; monotone, as the bits of positive numbers are.
int bucketOf(double weight) {
  int64_t bits;
  memcpy(&bits, &weight, sizeof bits);
  return std::min(kMassBuckets - 1, (kOneBits - static_cast<int32_t>(bits >> 32)) >> kBucketShift);
}

// The smallest weight in the smallest set of best tokens whose share reaches topP.
double topPThreshold(const Candidates& pool, double topP) {
  const Scratch<double> masses(kMassBuckets);
  for (long i = 0; i < pool.count; i++) masses[bucketOf(pool.weights[i])] += pool.weights[i];
  const double wanted = topP * pool.sum;
  double mass = 0;
  int bucket = 0;
  while (bucket < kMassBuckets - 1 && mass + masses[bucket] < wanted) mass += masses[bucket++];
  Scratch<double> equals;
  equals.reserve(pool.count);
  long count = 0;
  for (long i = 0; i < pool.count; i++)
    if (bucketOf(pool.weights[i]) == bucket) equals[count++] = pool.weights[i];
  std::sort(equals.data(), equals.data() + count, [](double a, double b) { return a < b; });
  for (long i = count - 1; i > 0; i--) {
    mass += equals[i];
    if (mass >= wanted) return equals[i];
  }
  return count > 0 ? equals[0] : 0;
}

// Candidates in the order of |−log p − entropy| until their share reaches typicalP, and equals of the last.
void keepTypical(Candidates& pool, long V, double typicalP) {
  double entropy = 0;
  for (long i = 0; i < pool.count; i++) {
    const double p = pool.weights[i] / pool.sum;
    if (p > 0) entropy -= p * std::log(p);
  }
  Scratch<double> distances;
  Scratch<int32_t> order;
  distances.reserve(pool.count);
  order.reserve(pool.count);
  for (long i = 0; i < pool.count; i++) {
    distances[i] = std::fabs(-std::log(pool.weights[i] / pool.sum) - entropy);
    order[i] = static_cast<int32_t>(i);
  }
  const double* by = distances.data();
  std::sort(order.data(), order.data() + pool.count,
            [by](int32_t a, int32_t b) { return by[a] != by[b] ? by[a] < by[b] : a < b; });
  double mass = 0;
  long last = 0;
  while (last < pool.count - 1 && mass + pool.weights[order[last]] < typicalP * pool.sum) mass += pool.weights[order[last++]];
  const double limit = distances[order[last]];
  keepWhere(pool, V, [&](long i) { return distances[i] <= limit; });
}

void filter(Candidates& pool, long V, const Settings& s) {
  const auto keepFrom = [&](double threshold) { keepWhere(pool, V, [&](long i) { return pool.weights[i] >= threshold; }); };
  if (s.topK > 0 && s.topK < static_cast<double>(pool.count)) keepFrom(kthLargest(pool, static_cast<long>(s.topK)));
  if (s.topP < 1 && pool.count > 0) keepFrom(topPThreshold(pool, s.topP));
  if (s.minP > 0) keepFrom(s.minP);
  if (s.typicalP < 1 && pool.count > 0) keepTypical(pool, V, s.typicalP);
}

// Walks the running sum of the weights to `uniform` of the total.
long draw(const Candidates& pool, double uniform) {
  double left = uniform * pool.sum;
  long last = -1;
  for (long i = 0; i < pool.count; i++) {
    const double weight = pool.weights[i];
    if (weight == 0) continue;
    last = i;
    left -= weight;
    if (left < 0) break;
  }
  return last < 0 ? -1 : pool.idOf(last);
}

// The same over every token, first by blocks, then within one. `sums`: of blocks of the weights; `total`: of all.
long drawFromAll(const float* row, long V, const Settings& s, double best, const double* sums, double total) {
  const double inverse = 1 / s.temperature;
  const long blocks = (V + kSumBlock - 1) / kSumBlock;
  double left = s.uniform * total;
  long block = 0;
  while (block < blocks - 1 && (sums[block] == 0 || left >= sums[block])) left -= sums[block++];
  // Rounding may leave a rest past the last weight: the last token that has any is meant then.
  while (block > 0 && sums[block] == 0) block--;
  const long begin = block * kSumBlock, end = std::min(V, begin + kSumBlock);
  double weights[kSumBlock];
  exponentiate(weights, nullptr, row + begin, end - begin, best, inverse);
  long last = -1;
  for (long v = begin; v < end; v++) {
    const double weight = weights[v - begin];
    if (weight == 0) continue;
    last = v;
    left -= weight;
    if (left < 0) break;
  }
  return last;
}

// Penalties and bans on single tokens and a bias on all, in place; the destructor takes them back.
class Changes {
 public:
  Changes(float* row, long V, const int32_t* edits, long count, const float* bias, const Settings& s)
      : row_(row), edits_(edits), count_(count), length_(bias ? V : 0) {
    float* saved = saved_.reserve(bias ? V : count);
    if (bias) {
      std::copy_n(row, V, saved);
    } else {
      for (long e = 0; e < count; e++) saved[e] = row[edits[2 * e]];
    }
    for (long e = 0; e < count; e++) {
      float& logit = row[edits[2 * e]];
      const int32_t code = edits[2 * e + 1];
      if (code == kBanned) {
        logit = -INFINITY;
        continue;
      }
      const double x = logit, penalty = s.repetitionPenalty;
      if (code >= 0 && penalty != 1) logit = static_cast<float>(x > 0 ? x / penalty : x * penalty);
      const int32_t times = code >= 0 ? code : kBanned - code;
      if (times > 0) logit = static_cast<float>(logit - s.presencePenalty - s.frequencyPenalty * times);
    }
    if (bias) eachVector(0, V, [&](long v, auto m) { store(row + v, load(row + v, m) + load(bias + v, m), m); });
  }
  ~Changes() {
    if (length_ > 0) {
      std::copy_n(saved_.data(), length_, row_);
    } else {
      for (long e = 0; e < count_; e++) row_[edits_[2 * e]] = saved_[e];
    }
  }

 private:
  float* row_;
  const int32_t* edits_;
  long count_, length_;
  Scratch<float> saved_;
};

}  // namespace

// sampleTokens(results f64 [R, 3], probabilities? f64 [R, V], logits, masks? [·, words], biases? f32 [·, V],
//              edits i32 [·, 2], requests i32 [R, 5], settings f64 [R, 9]; R, V, words)
// A request: row, mask or −1, bias or −1, first edit, end of the edits. An edit: id; how often it was generated, 0 where
// only the repetition penalty counts it; or −1: it must not come; or −1 − how often, without repetition penalty. Results:
// id (−1: nothing is allowed, −2: the logits are not numbers), log-probability in the model's own distribution, share of
// that which the mask leaves.
void sampleTokens(const Call& call) {
  const long R = call.size(0), V = call.size(1), words = call.size(2);
  double* results = static_cast<double*>(call.buffers[0].data);
  double* probabilities = static_cast<double*>(call.buffers[1].data);
  float* logits = call.buffers[2].f32();
  const uint32_t* masks = static_cast<const uint32_t*>(call.buffers[3].data);
  const float* biases = static_cast<const float*>(call.buffers[4].data);
  const int32_t* edits = call.buffers[5].i32();
  const int32_t* requests = call.buffers[6].i32();
  const double* settings = static_cast<const double*>(call.buffers[7].data);
  const int team = static_cast<int>(std::min<long>(R, teamSize(call.threads, 8 * R * V)));
  const auto sample = [&](long r) {
    const int32_t* request = requests + r * kRequestNumbers;
    float* row = logits + request[0] * V;
    const uint32_t* mask = request[1] < 0 ? nullptr : masks + request[1] * words;
    const float* bias = request[2] < 0 ? nullptr : biases + request[2] * V;
    Settings s;
    memcpy(&s, settings + r * kSettings, sizeof s);
    double* result = results + r * kResults;
    const double best = highest(row, V);
    const bool isChanged = bias != nullptr || request[3] != request[4];
    Scratch<double> sums;
    sums.reserve((V + kSumBlock - 1) / kSumBlock);
    const double sum = exponentiate(nullptr, sums.data(), row, V, best, 1);
    result[0] = -2;
    if (!std::isfinite(best) || std::isnan(sum)) return;
    result[2] = mask ? eachAllowedWeight(row, mask, V, best, 1, [](long, double) {}) / sum : 1;
    {
      const Changes changes(row, V, edits + 2 * request[3], request[4] - request[3], bias, s);
      if (probabilities) {
        Candidates pool;
        reweigh(pool, row, mask, V, s.temperature);
        filter(pool, V, s);
        std::fill_n(probabilities + r * V, V, 0.0);
        for (long i = 0; i < pool.count; i++) probabilities[r * V + pool.idOf(i)] = pool.weights[i] / pool.sum;
      }
      if (s.temperature == 0) {
        result[0] = static_cast<double>(bestAllowed(row, mask, V));
      } else if (!mask && !s.hasFilters()) {
        const double most = isChanged ? highest(row, V) : best;
        // At temperature 1 the model's own distribution is drawn from: the sums are there.
        double total = sum;
        if (most > -INFINITY && (isChanged || s.temperature != 1))
          total = exponentiate(nullptr, sums.data(), row, V, most, 1 / s.temperature);
        result[0] = most == -INFINITY ? -1 : static_cast<double>(drawFromAll(row, V, s, most, sums.data(), total));
      } else {
        Candidates pool;
        reweigh(pool, row, mask, V, s.temperature);
        filter(pool, V, s);
        result[0] = static_cast<double>(draw(pool, s.uniform));
      }
    }
    if (result[0] >= 0) result[1] = row[static_cast<long>(result[0])] - (best + std::log(sum));
  };
  const auto rowOf = [&](long r) { return requests[r * kRequestNumbers]; };
  // A row is changed while a request for it is answered: all of its requests are one thread's, in order.
#pragma omp parallel for num_threads(team) schedule(dynamic, 1) if (team > 1)
  for (long r = 0; r < R; r++) {
    bool isFirst = true;
    for (long other = 0; isFirst && other < r; other++) isFirst = rowOf(other) != rowOf(r);
    if (!isFirst) continue;
    for (long other = r; other < R; other++)
      if (rowOf(other) == rowOf(r)) sample(other);
  }
}

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
