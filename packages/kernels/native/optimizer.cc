// Parameter updates in place, one pass over parameter, state and gradient.
#include "kernel-list.h"
#include "simd.h"
#include "threads.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

// adamw(parameter, m, v, bf16Copy?, grad; length, learningRate, beta1, beta2, epsilon, weightDecay, step, gradientScale)
void adamw(const Call& call) {
  float* parameter = call.buffers[0].f32();
  float* first = call.buffers[1].f32();
  float* second = call.buffers[2].f32();
  bf16* copy = static_cast<bf16*>(call.buffers[3].data);
  const float* grad = call.buffers[4].f32();
  const double learningRate = call.numbers[1], beta1 = call.numbers[2], beta2 = call.numbers[3], step = call.numbers[6];
  const float decay = static_cast<float>(1.0 - learningRate * call.numbers[5]);
  const float rate = static_cast<float>(learningRate / (1.0 - std::pow(beta1, step)));
  const float correction = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(beta2, step)));
  const float b1 = static_cast<float>(beta1), c1 = static_cast<float>(1.0 - beta1);
  const float b2 = static_cast<float>(beta2), c2 = static_cast<float>(1.0 - beta2);
  const float epsilon = call.real(4), gradientScale = call.real(7);
  eachElementRange(call, call.size(0), [&](long begin, long end) {
    eachVector(begin, end, [&](long i, auto mask) {
      const Vec g = load(grad + i, mask) * gradientScale;
      const Vec m = load(first + i, mask) * b1 + g * c1;
      const Vec v = load(second + i, mask) * b2 + g * g * c2;
      const Vec p = load(parameter + i, mask) * decay - rate * m / (squareRoot(v) * correction + epsilon);
      store(first + i, m, mask);
      store(second + i, v, mask);
      store(parameter + i, p, mask);
      if (copy) store(copy + i, p, mask);
    });
  });
}

// sgd(parameter, momentumBuffer?, bf16Copy?, grad; length, learningRate, momentum, weightDecay, step, gradientScale)
void sgd(const Call& call) {
  float* parameter = call.buffers[0].f32();
  float* momentumBuffer = call.buffers[1] ? call.buffers[1].f32() : nullptr;
  bf16* copy = static_cast<bf16*>(call.buffers[2].data);
  const float* grad = call.buffers[3].f32();
  const float learningRate = call.real(1), momentum = call.real(2), weightDecay = call.real(3);
  const float gradientScale = call.real(5);
  const bool isFirst = call.size(4) <= 1;
  eachElementRange(call, call.size(0), [&](long begin, long end) {
    eachVector(begin, end, [&](long i, auto mask) {
      Vec p = load(parameter + i, mask);
      Vec g = load(grad + i, mask) * gradientScale + p * weightDecay;
      if (momentumBuffer) {
        if (!isFirst) g += load(momentumBuffer + i, mask) * momentum;
        store(momentumBuffer + i, g, mask);
      }
      p -= g * learningRate;
      store(parameter + i, p, mask);
      if (copy) store(copy + i, p, mask);
    });
  });
}

// lion(parameter, m, bf16Copy?, grad; length, learningRate, beta1, beta2, weightDecay, gradientScale)
void lion(const Call& call) {
  float* parameter = call.buffers[0].f32();
  float* mean = call.buffers[1].f32();
  bf16* copy = static_cast<bf16*>(call.buffers[2].data);
  const float* grad = call.buffers[3].f32();
  const float rate = call.real(1), gradientScale = call.real(5);
  const float b1 = call.real(2), c1 = static_cast<float>(1.0 - call.numbers[2]);
  const float b2 = call.real(3), c2 = static_cast<float>(1.0 - call.numbers[3]);
  const float decay = static_cast<float>(1.0 - call.numbers[1] * call.numbers[4]);
  eachElementRange(call, call.size(0), [&](long begin, long end) {
    for (long i = begin; i < end; i++) {
      const float g = grad[i] * gradientScale;
      const float direction = mean[i] * b1 + g * c1;
      mean[i] = mean[i] * b2 + g * c2;
      parameter[i] = parameter[i] * decay - (direction > 0 ? rate : direction < 0 ? -rate : 0.0f);
      if (copy) fromFloat(copy + i, parameter[i]);
    }
  });
}

// adafactor(parameter, row, column?, bf16Copy?, grad; O, I, learningRate, beta2, epsilon, clipThreshold, weightDecay,
//           gradientScale)
void adafactor(const Call& call) {
  float* parameter = call.buffers[0].f32();
  float* row = call.buffers[1].f32();
  float* column = call.buffers[2] ? call.buffers[2].f32() : nullptr;
  bf16* copy = static_cast<bf16*>(call.buffers[3].data);
  const float* grad = call.buffers[4].f32();
  const long O = call.size(0), I = call.size(1), length = O * I;
  const double learningRate = call.numbers[2], beta2 = call.numbers[3], epsilon = call.numbers[4];
  const double scale = call.numbers[7];
  double rowMean = 1;
  if (column == nullptr) {
    for (long i = 0; i < length; i++) {
      const double g = scale * grad[i];
      row[i] = static_cast<float>(beta2 * row[i] + (1 - beta2) * (g * g + epsilon));
    }
  } else {
    const Scratch<double> sums(I);
    std::fill(sums.data(), sums.data() + I, 0.0);
    rowMean = 0;
    for (long o = 0; o < O; o++) {
      double sum = 0;
      for (long i = 0; i < I; i++) {
        const double g = scale * grad[o * I + i], q = g * g + epsilon;
        sum += q;
        sums[i] += q;
      }
      row[o] = static_cast<float>(beta2 * row[o] + (1 - beta2) * sum / I);
      rowMean += static_cast<double>(row[o]) / O;
    }
    for (long i = 0; i < I; i++) column[i] = static_cast<float>(beta2 * column[i] + (1 - beta2) * sums[i] / O);
  }
  // The factors of the update, so that the two passes over the matrix need no roots: u = scale·g·rowFactor·columnFactor.
  const Scratch<double> columnFactors(I);
  const float* second = column == nullptr ? row : column;
  for (long i = 0; i < I; i++) columnFactors[i] = 1 / std::sqrt(static_cast<double>(second[i]));
  const auto rowFactor = [&](long o) { return column == nullptr ? scale : scale / std::sqrt(row[o] / rowMean); };
  double total = 0;
  for (long o = 0; o < O; o++) {
    const double factor = rowFactor(o);
    double sum = 0;
    for (long i = 0; i < I; i++) {
      const double u = grad[o * I + i] * columnFactors[i];
      sum += u * u;
    }
    total += sum * factor * factor;
  }
  const double rate = learningRate / std::max(1.0, std::sqrt(total / length) / call.numbers[5]);
  const double decay = 1 - learningRate * call.numbers[6];
  eachRowRange(call, O, I, [&](long begin, long end) {
    for (long o = begin; o < end; o++) {
      const double factor = rate * rowFactor(o);
      for (long i = 0; i < I; i++) {
        float& p = parameter[o * I + i];
        p = static_cast<float>(p * decay - factor * grad[o * I + i] * columnFactors[i]);
        if (copy) fromFloat(copy + o * I + i, p);
      }
    }
  });
}

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
