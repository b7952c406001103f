// Blocks of zeroed, 64-byte aligned memory for the kernels' buffers.
#pragma once
#include <cstddef>

namespace tuiqiao {

// Null when the system has no memory left.
void* allocateBlock(size_t bytes);
void freeBlock(void* data, size_t bytes);

}  // namespace tuiqiao
