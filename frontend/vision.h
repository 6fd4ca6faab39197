// The recipe of seeing: pictures become visual tokens (vision tower, projector), and a question makes them its own
// (cross-attention, router, experts: Parrot, section 3).
#pragma once

#include "frontend/config.h"
#include "frontend/weights.h"
#include "runtime/graph/graph.h"
#include "runtime/ops/ops.h"

namespace lorikeet {

// `pixels` (channels, side, side) -> the projected tokens, kept as `projected` (visual tokens, hidden). States:
// `pixels`; `control`, a control table of `control_words` in which every row of the tower stands at its last position,
// so that it sees all others. `stages`: hidden states are kept as well, as `tower.pre_norm` and `tower.layer.N`.
Graph build_vision(const DecoderConfig& config, const WeightTable& weights, int64_t control_words, bool stages = false);
// The tower alone: kept as `features` (visual tokens, T), which a frozen tower computes once for all questions.
Graph build_tower(const DecoderConfig& config, const WeightTable& weights, int64_t control_words);

// States `projected` (visual tokens, hidden) and `control`: a control table whose rows are the text's tokens,
// `text_rows` at most. Kept: `attention` (1, text_rows), `pooled` (1, hidden), `scores`, `probabilities` and `weights`
// (1, experts), `entropy` (1), and `visual` (visual tokens, hidden).
struct VisualExpertsShape {
  int64_t text_rows = 0;
  int64_t control_words = 0;
  RoutingPolicy policy;
};
Graph build_visual_experts(const DecoderConfig& config, const WeightTable& weights, const VisualExpertsShape& shape);

// The pieces that these graphs, and those that learn, are written with.
Tensor write_tower(Graph& g, const PictureConfig& config, const WeightTable& weights, Tensor pixels, Tensor control,
                   bool stages);  // -> (visual tokens, T)
// Several pictures at once, as a tower in training takes them: their rows one picture after the other, each picture's
// class token before its squares.
struct TowerBatch {
  int64_t pictures = 0;
  Tensor pixels;     // (channels, pictures * side, side): in every channel one picture below the other
  Tensor tokens;     // wanted list of a control table: of each row 0, the class token, or 1 + its square
  Tensor positions;  // another: of each row its position
  Tensor spans;      // (pictures * positions, 4), see span_attention
};
Tensor write_towers(Graph& g, const PictureConfig& config, const WeightTable& weights,
                    const TowerBatch& batch);                                   // -> (pictures * positions, T)
Tensor write_projector(Graph& g, const WeightTable& weights, Tensor features);  // (rows, T) -> (rows, hidden)

// Questions about pictures, V visual tokens each, and text of at most `text_rows` tokens each.
struct VisualQuestions {
  Tensor projected;  // (questions * V, hidden)
  Tensor classes;    // (questions, hidden): of each the class token, the first of its visual tokens
  Tensor control;    // a table of questions * text_rows rows, each question's after the other's
  int64_t text_rows = 0;
  RoutingPolicy policy = {};
};
struct VisualExperts {
  CrossAttention asked;
  Tensor scores;  // (questions, experts)
  Routing routing;
  Tensor visual;  // (questions * V, hidden)
};
VisualExperts write_visual_experts(Graph& g, const DecoderConfig& config, const WeightTable& weights,
                                   const VisualQuestions& asked);

}  // namespace lorikeet
