// A training run on the terminal: its data and its memory told, its steps shown, the interrupt key obeyed.
#pragma once

#include <string>

#include "frontend/training/run_loop.h"

namespace lorikeet::tool {

// With what was found in the file told.
Result<Dataset> read_data(const std::string& file, const Model& model, const DatasetOptions& options);

std::string memory_text(const RunMemory& memory);

struct ShownRun {
  bool resume = false;  // from the folder's checkpoint, if there is one
  const Dataset* evaluation = nullptr;
  std::string evaluation_name;
  uint64_t evaluate_every = 0, save_every = 0;  // see RunLoop
};

// To the end. Errors: those of run_to_end.
Status run_shown(TrainingRun& run, RunFolder& folder, const ShownRun& shown);

}  // namespace lorikeet::tool
