// What a checkpoint notes of its run, so that a change is told.
#pragma once

#include <string>
#include <vector>

#include "frontend/checkpoint/json_text.h"
#include "frontend/dataset/dataset.h"
#include "frontend/training/run_options.h"

namespace lorikeet {

// All that decides the numbers of its steps.
Json run_facts(const RunOptions& options, const Dataset& dataset, const std::string& device);
// What differs, a sentence each. Errors: invalid_argument if the run cannot go on so: the adapter is another.
Result<std::vector<std::string>> compare_run_facts(const Json& saved, const Json& present);

}  // namespace lorikeet
