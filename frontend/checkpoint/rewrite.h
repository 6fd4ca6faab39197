// A model's files with other values in some of their tensors, in the format that they came in.
#pragma once

#include <filesystem>
#include <map>
#include <vector>

#include "frontend/checkpoint/checkpoint.h"

namespace lorikeet {

// By tensor of a checkpoint: all its values, in the order of its file.
using NewValues = std::map<const TensorInfo*, std::vector<float>>;

// The name of what rewrite_checkpoint makes beside others: "model.gguf", or "model" for a directory.
const char* rewritten_name(const Checkpoint& source);

// Writes one GGUF file, or a directory with model.safetensors, the source's other files and, in a folder of its own,
// those of its vision tower: whole, or what was there stays. Tensors with new values become f32, all others keep their
// bytes and their types. Errors: io; invalid_argument for values of another number.
Status rewrite_checkpoint(const Checkpoint& source, const NewValues& values, const std::filesystem::path& place);

// Copies every file that lies in a model's folder itself but for weights. Errors: io.
Status copy_texts(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace lorikeet
