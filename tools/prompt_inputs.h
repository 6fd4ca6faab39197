// Files of prompts, and the conversations that they ask for.
#pragma once

#include <string>
#include <vector>

#include "frontend/batch_answers.h"
#include "frontend/prompt_file.h"
#include "tools/model_options.h"

namespace lorikeet::tool {

// `path` -: stdin.
Result<std::vector<PromptLine>> read_prompts(const std::string& path, const SamplingWishes& defaults);

// As token ids, with the numbers of the adapters: those that a line names by their folder's name or as they were given,
// all of them where it names none. Messages are written down in the model's own chat template. Errors name the line.
Result<std::vector<BatchPrompt>> batch_prompts(Loaded& loaded, const std::vector<PromptLine>& lines);

}  // namespace lorikeet::tool
