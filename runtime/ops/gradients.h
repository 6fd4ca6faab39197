// The front functions of ops that only gradients are made of. Those of the forward pass are in runtime/ops/ops.h; which
// belong together, Op::backward says at the end of each op's file.
#pragma once

#include "runtime/ops/ops.h"

namespace lorikeet {

// Gradients of gate and up under y = silu(gate) * up.
struct SiluMulGrad {
  Tensor gate, up;
};
SiluMulGrad silu_mul_grad(Graph& g, Tensor gate, Tensor up, Tensor dy);
Tensor gelu_grad(Graph& g, Tensor x, Tensor dy, Gelu kind);

// Of the input and the weight of a norm. The weight's is empty unless it is wanted.
struct NormGrad {
  Tensor x, weight;
};
NormGrad rms_norm_grad(Graph& g, Tensor x, Tensor weight, Tensor dy, double eps, bool weight_wanted);
NormGrad layer_norm_grad(Graph& g, Tensor x, Tensor weight, Tensor dy, double eps, bool weight_wanted);

struct SpanAttentionGrad {
  Tensor q, k, v;
};
SpanAttentionGrad span_attention_grad(Graph& g, const Node& forward, Tensor dy);

// -weights[r] * log softmax(logits[r])[target[r]], and its gradient.
struct SoftmaxLoss {
  Tensor losses;  // (rows)
  Tensor logits;  // (rows, vocabulary): the gradient
};
SoftmaxLoss softmax_loss(Graph& g, Tensor logits, Tensor target, Tensor weights);

// The loss (1) as it is, whose gradients have been computed already: gradients[i] of inputs[i].
Tensor with_gradients(Graph& g, Tensor loss, const Tensors& inputs, const Tensors& gradients);

// dy weight, where weight is a packed (n, k) of any weight type, read as it is.         dy (rows, n)  -> (rows, k)
Tensor matmul_grad(Graph& g, Tensor dy, Tensor weight);

}  // namespace lorikeet
