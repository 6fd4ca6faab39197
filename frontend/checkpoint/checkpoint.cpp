#include "frontend/checkpoint/checkpoint.h"

#include <array>
#include <nlohmann/json.hpp>
#include <system_error>

#include "frontend/checkpoint/embedded_model.h"
#include "frontend/checkpoint/open_files.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

// A tower's folder names its weights as CLIP does; models that contain one put this before it.
constexpr std::string_view kTowerNames = "vision_model.", kTowerPrefix = "model.vision_tower.vision_tower.";
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

// A state dict under a name that says when it was saved: pytorch_model_epoch0_step2000.bin. Empty if there is none.
Result<std::filesystem::path> find_state_dict(const std::filesystem::path& directory) {
  std::filesystem::path found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("pytorch_model") || !name.ends_with(".bin")) continue;
    if (!found.empty())
      return invalid(join(directory.string(), " has several files of weights, ", found.filename().string(), " and ",
                          name, " among them; a directory with one of them was expected."));
    found = entry.path();
  }
  return found;
}

bool on_disk(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

Result<std::string> read_text_file(const std::filesystem::path& path) {
  if (!on_disk(path)) return not_found(join(path.string(), " is missing."));
  LK_ASSIGN(const MappedFile mapped, MappedFile::open(path));
  if (mapped.bytes().size() > kMaximumTextBytes)
    return corrupt(join(path.string(), " has ", mapped.bytes().size(), " bytes, too many for a text."));
  return std::string(as_text(mapped.bytes()));
}

}  // namespace

Result<Checkpoint> Checkpoint::open(const std::filesystem::path& path, const std::filesystem::path& vision) {
  Checkpoint checkpoint;
  checkpoint.path_ = path;
  const bool embedded = path == kEmbeddedModel && !embedded_model().empty();
  if (!embedded && !on_disk(path))
    return not_found(join(path.string(), " does not exist; a GGUF file or a Hugging Face directory was expected."));
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    LK_TRY(checkpoint.open_directory());
    LK_TRY(checkpoint.open_tower(vision));
  } else {
    LK_TRY(checkpoint.open_gguf());
  }
  return checkpoint;
}

Result<Checkpoint> Checkpoint::open_config(const std::filesystem::path& directory,
                                           const std::filesystem::path& vision) {
  Checkpoint checkpoint;
  checkpoint.kind_ = Kind::huggingface;
  checkpoint.path_ = directory;
  LK_TRY(checkpoint.open_tower(vision));
  return checkpoint;
}

Status Checkpoint::open_gguf() {
  kind_ = Kind::gguf;
  {
    LK_ASSIGN(const MappedFile file, open_file(path_));
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
  LK_ASSIGN(const std::filesystem::path state_dict, find_state_dict(path_));
  if (!state_dict.empty()) return add_tensor_file(files_, state_dict);
  return not_found(
      join(path_.string(), " has no weights: neither model.safetensors nor pytorch_model.bin nor an index of either."));
}

Status Checkpoint::open_tower(const std::filesystem::path& given) {
  LK_ASSIGN(const std::string config, text("config.json"));
  const nlohmann::json json = nlohmann::json::parse(config, nullptr, false);
  const bool named = json.is_object() && json.contains("mm_vision_tower") && json["mm_vision_tower"].is_string();
  const std::filesystem::path name(named ? json["mm_vision_tower"].get<std::string>() : std::string());
  std::vector<std::filesystem::path> places;
  if (!given.empty()) {
    places = {given};
  } else if (!name.empty()) {
    const std::filesystem::path last = name.has_filename() ? name.filename() : name.parent_path().filename();
    places = {name, path_ / name, path_ / ".." / name, path_ / last, path_ / ".." / last};
  }
  for (const std::filesystem::path& place : places) {
    if (!on_disk(place / "config.json")) continue;
    tower_path_ = place;
    for (const WeightFile& weights : kWeightFiles) {
      const std::filesystem::path path = place / weights.name;
      if (!on_disk(path)) continue;
      TensorFiles files;
      LK_TRY(weights.index ? add_sharded(files, path) : add_tensor_file(files, path));
      files_.adopt(std::move(files), kTowerNames, kTowerPrefix);
      break;
    }
    return Done{};
  }
  if (given.empty()) return Done{};  // whoever needs it says what is missing
  return not_found(join((given / "config.json").string(), " is missing: a vision tower's folder was expected."));
}

Result<std::string> Checkpoint::tower_text(std::string_view file) const {
  if (tower_path_.empty()) return not_found(join(path_.string(), " has no vision tower."));
  return read_text_file(tower_path_ / file);
}

bool Checkpoint::has_text(std::string_view file) const { return kind_ == Kind::huggingface && on_disk(path_ / file); }

Result<std::string> Checkpoint::text(std::string_view file) const {
  if (!has_text(file)) return not_found(join((path_ / file).string(), " is missing."));
  return read_text_file(path_ / file);
}

Result<TensorFiles> open_tensors(const std::filesystem::path& path) {
  TensorFiles files;
  if (!on_disk(path)) return not_found(join(path.string(), " does not exist; a file of tensors was expected."));
  LK_TRY(add_tensor_file(files, path));
  return files;
}

}  // namespace lorikeet
