// Reverse-mode differentiation of a graph: appends, to the ops that compute a loss, those that compute its gradients.
#pragma once

#include <span>

#include "runtime/graph/graph.h"

namespace lorikeet {

// Gradients of the sum of the elements of `loss`, one for each of `wanted` and of its shape, by the rules of the ops
// between them (Op::backward). Nothing is computed for what no wanted tensor takes part in. On failure the graph keeps
// the error and the tensors are empty: an op on the way has no gradient, or the loss does not depend on a wanted
// tensor.
//
// With `recompute`, results between the graph's checkpoints are not kept for the gradients but computed again: less
// memory, more time.
Tensors differentiate(Graph& graph, Tensor loss, std::span<const Tensor> wanted, bool recompute = false);

}  // namespace lorikeet
