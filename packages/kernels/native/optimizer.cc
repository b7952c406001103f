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

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
