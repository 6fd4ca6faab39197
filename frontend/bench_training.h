// What a step of training costs beside a forward pass of the same batch.
#pragma once

#include "frontend/bench.h"

namespace lorikeet {

struct TrainingBench {
  int64_t sequences = 4, tokens = 256;  // of the batch, and of each sequence
  uint32_t experts = 6, rank = 8;       // of DynMoLE on the feed-forward layers; of 1 expert: a plain LoRA
  double seconds = 2;                   // time spent on each line
};

// A forward pass, a step, and a step with recomputation; the notes say how many forward passes a step takes, and the
// bytes of its activations.
Result<std::vector<BenchLine>> bench_training(Model& model, const TrainingBench& what);
// Where the time of a step goes, a line a kernel, the longest first.
Result<std::vector<BenchLine>> profile_training(Model& model, const TrainingBench& what);

}  // namespace lorikeet
