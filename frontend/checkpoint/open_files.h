// How each format's files become TensorFiles: single, split and sharded.
#pragma once

#include <filesystem>

#include "frontend/checkpoint/gguf_metadata.h"
#include "frontend/checkpoint/tensor_files.h"
#include "runtime/base/result.h"

namespace lorikeet {

enum class FileFormat { gguf, safetensors, torch_zip };

// By the first bytes. Errors: unsupported for anything else, with a word on what it looks like.
Result<FileFormat> file_format(Bytes bytes, const std::string& file);

// Adds the tensors of one safetensors or torch file.
Status add_tensor_file(TensorFiles& files, const std::filesystem::path& path);
// Adds the tensors that an index (`weight_map`: tensor -> file beside the index) names.
Status add_sharded(TensorFiles& files, const std::filesystem::path& index);
// Adds the tensors of a GGUF file and its further parts; the metadata is that of the first part.
Result<GgufMetadata> add_gguf(TensorFiles& files, const std::filesystem::path& path);

}  // namespace lorikeet
