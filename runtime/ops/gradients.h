// The front functions of ops that only gradients are made of. Those of the forward pass are in runtime/ops/ops.h; which
// belong together, Op::backward says at the end of each op's file.
#pragma once

#include "runtime/ops/ops.h"

namespace lorikeet {

// Rows `first` .. of a tensor of `rows` rows that is zero elsewhere: the gradient of Graph::rows.
Tensor pad_rows(Graph& g, Tensor x, int64_t first, int64_t rows);

// Gradients of gate and up under y = silu(gate) * up.
struct SiluMulGrad {
  Tensor gate, up;
};
SiluMulGrad silu_mul_grad(Graph& g, Tensor gate, Tensor up, Tensor dy);
Tensor gelu_grad(Graph& g, Tensor x, Tensor dy, Gelu kind);

// dy weight, where weight is a packed (n, k) of any weight type, read as it is.         dy (rows, n)  -> (rows, k)
Tensor matmul_grad(Graph& g, Tensor dy, Tensor weight);

}  // namespace lorikeet
