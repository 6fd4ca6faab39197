// A run between two steps as one file: every parameter with its moments, and where the run stands. The file is complete
// or absent, whenever the program ends.
#pragma once

#include <filesystem>

#include "frontend/checkpoint/json_text.h"
#include "frontend/dataset/batch_order.h"
#include "frontend/training/trainer.h"

namespace lorikeet {

struct TrainingPosition {
  BatchPlace place;  // of the next batch
  Json facts;        // see run_facts
};

// safetensors with the parameters' states under their names and the position in its metadata. Errors: io.
Status write_training_checkpoint(const std::filesystem::path& file, const Trainer& trainer,
                                 const TrainingPosition& position);
// Puts the trainer where it was. All of the file is checked before the trainer is changed. Errors: not_found, corrupt;
// invalid_argument if it has other parameters.
Result<TrainingPosition> read_training_checkpoint(const std::filesystem::path& file, Trainer& trainer);

}  // namespace lorikeet
