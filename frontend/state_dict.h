// A llama or qwen2 model as a folder of the published kind: config.json, pytorch_model.bin as torch.save writes a state
// dict, and factor.json where its feed-forward layers are cut into experts (FactorLLM).
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "frontend/checkpoint/checkpoint.h"
#include "runtime/base/result.h"

namespace lorikeet {

struct StateDictOptions {
  DType type = DType::f16;  // of all tensors: f32, f16 or bf16
  // Of a factored model: the dense layers are in the file too, as in published ones. Where experts are neighbouring
  // rows they are views of them, else both are there.
  bool dense_copies = false;
  std::function<bool(uint64_t done, uint64_t total)> progress;  // tensors; false cancels, which leaves no folder
};

struct StateDictReport {
  size_t tensors = 0;
  uint64_t bytes = 0;                // of pytorch_model.bin
  std::vector<std::string> notices;  // sentences: what the folder lacks
};

// The other files of a directory go along. A GGUF file has no tokenizer.json, which a notice says. Errors: as
// Checkpoint and DecoderConfig; unsupported (a model that sees, other types, what config.json cannot say);
// invalid_argument (dense copies without experts, or where nobody knows their rows; a folder that holds something); io;
// cancelled. The folder is complete or absent.
Result<StateDictReport> write_state_dict(const Checkpoint& source, const std::filesystem::path& folder,
                                         const StateDictOptions& options);

}  // namespace lorikeet
