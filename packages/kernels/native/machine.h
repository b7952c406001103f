// What this processor can do and how many threads to use.
#pragma once
#include "kernels.h"

namespace tuiqiao {

// The best kernels this processor can run.
const KernelSet& bestKernelSet();

// The kernels compiled for the instruction set of that name, or null when there are none or the processor lacks it.
const KernelSet* findKernelSet(const char* isa);

// Physical cores this process may run on: the affinity mask, one thread per core. At least 1.
int availableCores();

}  // namespace tuiqiao
