// A run from where it stands to its end, with checkpoints and evaluations on the way and what was trained at the end.
#pragma once

#include <functional>

#include "frontend/training/run.h"
#include "frontend/training/run_folder.h"

namespace lorikeet {

struct RunLoop {
  const Dataset* evaluation = nullptr;  // none: no evaluation
  uint64_t evaluate_every = 0;          // steps; 0: at the end only
  uint64_t save_every = 0;              // steps; 0: at the end only
  std::function<void(const RunStep&)> on_step;
  std::function<bool()> stop;  // true: no further step; what there is is saved
};

// Errors: cancelled if it was stopped, after saving; those of steps and of writing, which leave the last good
// checkpoint as it is.
Status run_to_end(TrainingRun& run, RunFolder& folder, const RunLoop& loop);

}  // namespace lorikeet
