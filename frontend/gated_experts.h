// Experts that are gated feed-forward networks, the visual ones of a model or those of a factored layer: one way to run
// them all (expert_matmul), trained or not.
#pragma once

#include "frontend/config.h"
#include "frontend/weights.h"
#include "runtime/graph/graph.h"

namespace lorikeet {

struct GatedExperts {
  Tensor gate_up, down;  // packed stacks
  // Where the experts are trained, plain stacks instead: states under the names of the files' tensors.
  Tensor trained_gate, trained_up, trained_down;
  int64_t intermediate = 0, outputs = 0;  // of an expert
};

// `gate` is the role of their gates, which the roles of the ups and downs follow.
GatedExperts gated_experts(Graph& g, const DecoderConfig& config, const WeightTable& weights, WeightRole gate,
                           uint32_t layer = 0);

// The same as they are in the files, whether they are trained or not.
GatedExperts frozen_experts(Graph& g, const DecoderConfig& config, const WeightTable& weights, WeightRole gate,
                            uint32_t layer = 0);

// down(silu(gate x) * (up x)) of each row of x by the experts that a work list gives it.            -> (pairs, outputs)
Tensor write_gated_experts(Graph& g, const GatedExperts& experts, Tensor x, Tensor list);

}  // namespace lorikeet
