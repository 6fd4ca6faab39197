#include "frontend/checkpoint/checkpoint.h"

#include <array>
#include <system_error>

#include "frontend/checkpoint/open_files.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr uint64_t kMaximumTextBytes = uint64_t(512) << 20;

struct WeightFile {
  std::string_view name;
  bool index;
};
constexpr std::array kWeightFiles = {
    WeightFile{"model.safetensors", false},
    WeightFile{"model.safetensors.index.json", true},
    WeightFile{"pytorch_model.bin", false},
    WeightFile{"pytorch_model.bin.index.json", true},
};

bool on_disk(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

}  // namespace

Result<Checkpoint> Checkpoint::open(const std::filesystem::path& path) {
  Checkpoint checkpoint;
  checkpoint.path_ = path;
  if (!on_disk(path))
    return not_found(join(path.string(), " does not exist; a GGUF file or a Hugging Face directory was expected."));
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    LK_TRY(checkpoint.open_directory());
  } else {
    LK_TRY(checkpoint.open_gguf());
  }
  return checkpoint;
}

Status Checkpoint::open_gguf() {
  kind_ = Kind::gguf;
  {
    LK_ASSIGN(const MappedFile file, MappedFile::open(path_));
    LK_ASSIGN(const FileFormat format, file_format(file.bytes(), path_.string()));
    if (format != FileFormat::gguf)
      return invalid(join(path_.string(),
                          " holds weights without a configuration; give the directory that also has config.json."));
  }
  LK_ASSIGN(metadata_, add_gguf(files_, path_));
  return Done{};
}

Status Checkpoint::open_directory() {
  kind_ = Kind::huggingface;
  if (!has_text("config.json")) {
    std::error_code ignored;
    if (std::filesystem::is_empty(path_, ignored)) return not_found(join(path_.string(), " is an empty directory."));
    return not_found(join(path_.string(), " has no config.json, so it is not a Hugging Face model directory."));
  }
  for (const WeightFile& weights : kWeightFiles) {
    const std::filesystem::path path = path_ / weights.name;
    if (on_disk(path)) return weights.index ? add_sharded(files_, path) : add_tensor_file(files_, path);
  }
  return not_found(
      join(path_.string(), " has no weights: neither model.safetensors nor pytorch_model.bin nor an index of either."));
}

bool Checkpoint::has_text(std::string_view file) const { return kind_ == Kind::huggingface && on_disk(path_ / file); }

Result<std::string> Checkpoint::text(std::string_view file) const {
  if (!has_text(file)) return not_found(join((path_ / file).string(), " is missing."));
  LK_ASSIGN(const MappedFile mapped, MappedFile::open(path_ / file));
  if (mapped.bytes().size() > kMaximumTextBytes)
    return corrupt(join((path_ / file).string(), " has ", mapped.bytes().size(), " bytes, too many for a text."));
  return std::string(as_text(mapped.bytes()));
}

Result<TensorFiles> open_tensors(const std::filesystem::path& path) {
  TensorFiles files;
  if (!on_disk(path)) return not_found(join(path.string(), " does not exist; a file of tensors was expected."));
  LK_TRY(add_tensor_file(files, path));
  return files;
}

}  // namespace lorikeet
