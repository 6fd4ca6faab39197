// A model as it lies on disk: a GGUF file, or a Hugging Face directory.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/checkpoint/gguf_metadata.h"
#include "frontend/checkpoint/tensor_files.h"
#include "runtime/base/result.h"

namespace lorikeet {

// Owns the mapped files. Knows tensors and texts, not what they mean: see frontend/config.h for that. Move-only; all
// const functions may be called from several threads.
class Checkpoint {
 public:
  enum class Kind { gguf, huggingface };

  // `path`: a GGUF file (of a split one the first part, the others are found beside it), or a directory with
  // config.json and model.safetensors, model.safetensors.index.json, pytorch_model.bin or pytorch_model.bin.index.json
  // (in this order), or else one file of the name pytorch_model*.bin. Errors: not_found, corrupt, unsupported; each
  // names the file. A directory is completed from its vision tower's own folder: `vision` if it is given, else the one
  // that config.json names (mm_vision_tower), as it is named, inside the directory or beside it. What the directory has
  // itself wins.
  static Result<Checkpoint> open(const std::filesystem::path& path, const std::filesystem::path& vision = {});

  // A directory of which only the configuration is wanted: it need not have weights.
  static Result<Checkpoint> open_config(const std::filesystem::path& directory,
                                        const std::filesystem::path& vision = {});

  Kind kind() const { return kind_; }
  const std::filesystem::path& path() const { return path_; }
  uint64_t file_bytes() const { return files_.file_bytes(); }  // of the files that hold tensors

  const std::vector<TensorInfo>& tensors() const { return files_.tensors(); }
  const TensorInfo* find(std::string_view name) const { return files_.find(name); }
  Result<Bytes> data(const TensorInfo& tensor) const { return files_.data(tensor); }
  void release(const TensorInfo& tensor) const { files_.release(tensor); }

  const GgufMetadata& metadata() const { return metadata_; }  // empty unless kind() is gguf
  // Of a directory: "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", ...
  bool has_text(std::string_view file) const;
  Result<std::string> text(std::string_view file) const;
  // Of the vision tower's folder.
  const std::filesystem::path& tower_path() const { return tower_path_; }  // empty if there is none
  Result<std::string> tower_text(std::string_view file) const;

 private:
  Checkpoint() = default;
  Status open_gguf();
  Status open_directory();
  Status open_tower(const std::filesystem::path& given);

  Kind kind_ = Kind::gguf;
  std::filesystem::path path_, tower_path_;
  TensorFiles files_;
  GgufMetadata metadata_;
};

// One file of tensors (safetensors, torch zip or GGUF, told apart by their first bytes), without a configuration:
// adapters, reference data.
Result<TensorFiles> open_tensors(const std::filesystem::path& path);

}  // namespace lorikeet
