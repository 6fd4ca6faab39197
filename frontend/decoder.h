// The recipe of a decoder-only language model: writes the graph that advances conversations by some rows.
#pragma once

#include <vector>

#include "frontend/adapters/adapter_writer.h"
#include "frontend/config.h"
#include "frontend/weights.h"
#include "runtime/graph/graph.h"

namespace lorikeet {

// What follows the last layer.
enum class Head {
  none,      // the rows only fill the cache
  sample,    // the next token of each wanted row
  logits,    // kept as `logits` (wanted, vocabulary)
  log_prob,  // of the state `target` (wanted), kept as `log_prob` (wanted)
};

// The sizes of the states that a session owns. All plans of a session agree on them.
struct SessionSizes {
  int64_t places = 0;     // positions that the KV cache holds, all conversations together
  DType kv = DType::f32;  // or f16
  int64_t slots = 1;
  int64_t ring = 64;  // sampled tokens a slot that the host may be behind
  int64_t control_words = 0;
  int64_t kv_limit = 0;     // longest conversation
  int64_t visual_rows = 0;  // > 0: rows of the state `visual` (visual_rows, hidden)
  bool logit_bias = false;  // the state `logit_bias` (slots, vocabulary) is added before sampling
};

struct DecoderShape {
  int64_t rows = 1;
  Head head = Head::none;
  int64_t wanted = 0;  // rows that the head runs on
  SessionSizes sizes;
  std::vector<AdapterInGraph> adapters;
  uint32_t active = 0;       // of a factored model: experts that a row goes through; 0: as the files say
  bool keep_routes = false;  // of a factored model: `blk.N.scores` and `blk.N.weights` (rows, experts) are kept
};

// States: `control`, `cache.k.N`, `cache.v.N`, `seen`, `tokens`, `target`, `logit_bias`, `visual`. Weights are named as
// in GGUF files.
Graph build_decoder(const DecoderConfig& config, const WeightTable& weights, const DecoderShape& shape);

}  // namespace lorikeet
