// The layers of a decoder, written once for conversations with a cache and for batches that learn.
#pragma once

#include <functional>

#include "frontend/adapters/adapter_writer.h"
#include "frontend/config.h"
#include "frontend/gated_experts.h"
#include "runtime/graph/graph.h"

namespace lorikeet {

// A factored network on normed rows.
struct FactoredInput {
  Tensor x, router, bias, residual;  // (rows, hidden), (experts, hidden), (experts), (rows, hidden) or absent
  uint32_t active = 0;               // experts that a row goes through; 0: as the model's files say
};

struct DecoderLayers {
  const DecoderConfig* config = nullptr;
  std::function<Tensor(WeightRole, uint32_t layer)> weight;  // empty tensors where the model has none
  Tensor control, frequencies;
  // Attention among the rows: q (rows, heads * head_dim), k and v (rows, kv_heads * head_dim), q and k rotated.
  std::function<Tensor(uint32_t layer, Tensor q, Tensor k, Tensor v)> attend;
  AdapterWriter* adapters = nullptr;  // null: none
  std::function<void(uint32_t layer, Tensor neurons)> neurons;  // sees those of dense networks: (rows, intermediate)
  // Of factored models.
  std::function<GatedExperts(uint32_t layer)> experts;
  std::function<Tensor(const GatedExperts&, const FactoredInput&)> factored;  // writes them; empty: write_factored
  uint32_t active = 0;       // experts that a row goes through; 0: as the files say
  bool keep_routes = false;  // `blk.N.scores` and `blk.N.weights` (rows, experts) are kept
};

// h (rows, hidden) -> (rows, hidden), before the last norm.
Tensor write_layers(Graph& g, Tensor h, const DecoderLayers& parts);

}  // namespace lorikeet
