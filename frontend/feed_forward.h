// The second half of a decoder's layer: the dense network, or one that is factored into experts (FactorLLM).
#pragma once

#include "frontend/decoder_layers.h"

namespace lorikeet {

// A factored network through the road of all mixtures of experts:
//   scores = x router^T + bias; the `active` highest are chosen; y = scale * sum of the chosen experts' outputs +
//   residual
struct FactoredRows {
  Tensor scores, weights;  // (rows, experts); a weight is the scale, or 0 where the expert is not chosen
  Tensor y;                // (rows, hidden)
};
FactoredRows write_factored(Graph& g, const FactorConfig& factor, const GatedExperts& experts,
                            const FactoredInput& input);

// h + feed_forward(rms_norm(h)), with whatever adapters add.                                       -> (rows, hidden)
Tensor write_feed_forward(Graph& g, Tensor h, uint32_t layer, const DecoderLayers& parts);

}  // namespace lorikeet
