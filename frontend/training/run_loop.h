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
  std::function<void(const std::string&)> on_recovery;  // what was lost, as a sentence
  std::function<bool()> stop;                           // true: no further step; what there is is saved
};

// After a lost device or a failed allocation it goes on from the checkpoint in the folder, which is its own, or from
// the beginning where there is none yet: steps are made again, to the same bits. Errors: cancelled if it was stopped,
// after saving; those of steps and of writing, which leave the last good checkpoint as it is; device_lost and
// out_of_memory if that happens again and again.
Status run_to_end(TrainingRun& run, RunFolder& folder, const RunLoop& loop);

}  // namespace lorikeet
