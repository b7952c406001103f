// Matrix products for the binding: oneDNN when built with it, else the portable kernel.
#pragma once
#include <string>

#include "kernels.h"

namespace tuiqiao {

// e.g. `oneDNN 2.6.3`, or `portable`.
std::string gemmName();

void runGemm(const KernelSet& set, const Buffer& out, const Buffer& a, const Buffer& b, const Gemm& gemm, int threads);

// Forgets packed copies of constant operands that lie in [data, data + bytes): the memory was written, or is another's now.
void forgetPacked(const void* data, size_t bytes);

}  // namespace tuiqiao
