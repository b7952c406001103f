// What this processor can do, how many threads to use, and how memory is mapped.
#pragma once
#include "kernels.h"

namespace tuiqiao {

// The best kernels this processor can run.
const KernelSet& bestKernelSet();

// The kernels compiled for the instruction set of that name, or null when there are none or the processor lacks it.
const KernelSet* findKernelSet(const char* isa);

// Physical cores this process may run on: the affinity mask, one thread per core. At least 1.
int availableCores();

// Asks for 2 MiB pages under large blocks: fewer page faults and address translations.
void useHugePages(void* data, size_t bytes);
// Zeroed memory backed by a new file in the folder that has no name any more; null where that fails.
void* mapTemporaryFile(const char* folder, size_t bytes);
// A part of a file; null where that fails. Pages are read when first touched, and what is written stays in memory.
void* mapFilePart(const char* file, size_t offset, size_t bytes);
void unmapFile(void* data, size_t bytes);

}  // namespace tuiqiao
