// Tensor: a dtype, a shape and a number naming a value in a graph. No memory of its own.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "runtime/base/dtype.h"

namespace lorikeet {

// Row-major and dense, the outermost axis first; at most four axes.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<int64_t> axes) : rank_(int(axes.size())) {
    int i = 0;
    for (int64_t axis : axes) axes_[size_t(i++)] = axis;
  }
  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return axes_[size_t(axis < 0 ? axis + rank_ : axis)]; }
  int64_t columns() const { return rank_ ? (*this)[-1] : 1; }              // the last axis
  int64_t rows() const { return columns() ? elements() / columns() : 0; }  // all other axes together
  int64_t elements() const {
    int64_t product = 1;
    for (int i = 0; i < rank_; ++i) product *= axes_[size_t(i)];
    return product;
  }
  bool operator==(const Shape&) const = default;
  std::string text() const;  // "(2, 576)"

 private:
  std::array<int64_t, 4> axes_{};
  int rank_ = 0;
};

struct Tensor {
  int32_t id = -1;  // -1: no tensor (an optional input that is absent, or the result of a failed op)
  DType dtype = DType::f32;
  Shape shape;

  explicit operator bool() const { return id >= 0; }
};

using Tensors = std::vector<Tensor>;

enum class TensorKind {
  input,   // written by the host before a run
  weight,  // read only; packed by the model (matrices) or plain f32 (vectors)
  state,   // lives on between runs; may be written in place
  result,  // scratch
};

// Where a weight or state lies: a named storage that the caller of the plan provides. Neighbouring weights share one
// storage, so that products of one input can become one product.
struct StorageRef {
  std::string name;        // "blk.0.attn_qkv"
  int64_t first_row = 0;   // matrices: row in the storage, a multiple of 32; vectors: element
  int64_t rows = 0;        // rows of the whole storage (elements for vectors)
  int64_t block_rows = 0;  // matrices: > 0: rows of an expert; pages hold whole experts, see runtime/graph/packing.h
};

struct GraphTensor {
  Tensor tensor;
  TensorKind kind = TensorKind::result;
  std::string name;
  StorageRef storage;        // weight and state
  int32_t alias_of = -1;     // an alias has no memory of its own
  int64_t alias_offset = 0;  // bytes
  bool kept = false;         // a result that is read after the run
  bool constant = false;     // an alias that no gradient goes through
};

}  // namespace lorikeet
