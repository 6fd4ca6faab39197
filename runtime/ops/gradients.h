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
// The same for rows (gate, up) of which the halves belong together.        both (rows, 2 n), dy (rows, n)  -> (rows, 2
// n)
Tensor gated_grad(Graph& g, Tensor both, Tensor dy);
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

// query text^T, each query with its own rows of text; 0 for rows not in use.     -> (queries, rows)
Tensor cross_attention_scores(Graph& g, Tensor query, Tensor text, Tensor control);
// Of query and text of a cross_attention. dattention (queries, rows): all that comes to its attention, through what it
// pooled as well; dpooled (queries, H).
struct CrossAttentionGradParts {
  Tensor query, text, control, attention, dattention, dpooled;
};
struct CrossAttentionGrad {
  Tensor query, text;
};
CrossAttentionGrad cross_attention_grad(Graph& g, const CrossAttentionGradParts& parts);

// -weights[r] * log softmax(logits[r])[target[r]], and its gradient.
struct SoftmaxLoss {
  Tensor losses;  // (rows)
  Tensor logits;  // (rows, vocabulary): the gradient
};
SoftmaxLoss softmax_loss(Graph& g, Tensor logits, Tensor target, Tensor weights);
// weights[r] * KL(softmax(wanted[r]) || softmax(logits[r])), and its gradient.          wanted (rows, vocabulary)
SoftmaxLoss softmax_divergence(Graph& g, Tensor logits, Tensor wanted, Tensor weights);

// The loss (1) as it is, whose gradients have been computed already: gradients[i] of inputs[i].
Tensor with_gradients(Graph& g, Tensor loss, const Tensors& inputs, const Tensors& gradients);

// matrix[e] = scale * sum over the pairs of expert e of a[pair]^T b[pair].
//                                                                                  -> (experts, columns a, columns b)
struct ExpertOuter {
  Tensor a, b, list;
  bool gather_a = false, gather_b = false;  // it has the rows that the pairs name, otherwise one row a pair
  double scale = 1;
};
Tensor expert_outer(Graph& g, const ExpertOuter& parts);

// y[row, expert] = scale * a[pair] . b[row if `gather_b`, otherwise the pair], 0 where the expert is not chosen; over
// all rows that share a row of the weights.                                                         -> as the weights
struct PairDot {
  Tensor a, b, weights, list;
  bool gather_b = false;
  double scale = 1;
};
Tensor pair_dot(Graph& g, const PairDot& parts);

// Gradient of the scores of a route node.
Tensor route_grad(Graph& g, const Node& forward, Tensor dweights, Tensor dprobabilities, Tensor dentropy);

// dy weight, where weight is a packed (n, k) of any weight type, read as it is.         dy (rows, n)  -> (rows, k)
Tensor matmul_grad(Graph& g, Tensor dy, Tensor weight);

// The same for a stack of experts: dy[pair] matrix of its expert.            dy (pairs, outputs)     -> (pairs, k)
struct ExpertMatmulGrad {
  Tensor dy, stack, list;
  int64_t outputs = 0;  // of an expert
  int64_t expert_rows = 0;
};
Tensor expert_matmul_grad(Graph& g, const ExpertMatmulGrad& parts);

// Of y = softmax(x) over the last axis.
Tensor softmax_grad(Graph& g, Tensor y, Tensor dy);

// Gradient of x under gather_rows(x): of so many rows.           dy (count, columns)  -> (rows, columns)
Tensor gather_rows_grad(Graph& g, Tensor dy, Tensor control, int64_t rows);

// Gradient of the pixels under patches: the squares put together.     dy (squares, channels * size * size)  -> `pixels`
Tensor patches_grad(Graph& g, Tensor dy, const Shape& pixels, int64_t size);

// Gradients of embed: of a trained table (vocabulary, hidden), and of the visual rows.
Tensor embed_grad(Graph& g, Tensor dy, Tensor control, int64_t rows, bool visual);

}  // namespace lorikeet
