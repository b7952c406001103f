// Temporary memory of kernels. Not std::vector: its functions would be compiled once per instruction set under one name,
// and the linker would keep any one of them, perhaps one this processor cannot run.
#pragma once
#include <cstdlib>
#include <cstring>
#include <new>

#include "kernels.h"

namespace tuiqiao {
namespace TUIQIAO_ISA {

// Aligned numbers that keep their memory when they shrink.
template <class T>
class Scratch {
 public:
  Scratch() = default;
  explicit Scratch(long length) {
    reserve(length);
    memset(data_, 0, static_cast<size_t>(capacity_) * sizeof(T));
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { free(data_); }

  // At least `length` numbers; their values are lost when the memory grows.
  T* reserve(long length) {
    if (length > capacity_ || data_ == nullptr) {
      free(data_);
      data_ = nullptr;
      capacity_ = length + 64;
      void* memory = nullptr;
      if (posix_memalign(&memory, 64, static_cast<size_t>(capacity_) * sizeof(T)) != 0) throw std::bad_alloc();
      data_ = static_cast<T*>(memory);
    }
    return data_;
  }

  T* data() const { return data_; }
  T& operator[](long index) const { return data_[index]; }

 private:
  T* data_ = nullptr;
  long capacity_ = 0;
};

}  // namespace TUIQIAO_ISA
}  // namespace tuiqiao
