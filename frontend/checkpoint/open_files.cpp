#include "frontend/checkpoint/open_files.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "frontend/checkpoint/gguf.h"
#include "frontend/checkpoint/json_text.h"
#include "frontend/checkpoint/safetensors.h"
#include "frontend/checkpoint/torch_zip.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr uint64_t kMaximumParts = 9999;
constexpr uint64_t kMaximumIndexBytes = uint64_t(256) << 20;

Result<std::vector<TensorInfo>> parse_tensors(const MappedFile& file, uint32_t number) {
  const std::string name = file.path().string();
  LK_ASSIGN(const FileFormat format, file_format(file.bytes(), name));
  std::vector<TensorInfo> tensors;
  if (format == FileFormat::gguf) {
    LK_ASSIGN(GgufFile parsed, parse_gguf(file.bytes(), name));
    tensors = std::move(parsed.tensors);
  } else if (format == FileFormat::safetensors) {
    LK_ASSIGN(SafetensorsFile parsed, parse_safetensors(file.bytes(), name));
    tensors = std::move(parsed.tensors);
  } else {
    LK_ASSIGN(tensors, parse_torch_zip(file.bytes(), name));
  }
  for (TensorInfo& tensor : tensors) tensor.file = number;
  return tensors;
}

// "model-00001-of-00003.gguf" -> "model-00002-of-00003.gguf", or an empty path if the name is no such name.
std::filesystem::path part_path(const std::filesystem::path& first, uint64_t part, uint64_t parts) {
  char ending[40];
  std::snprintf(ending, sizeof(ending), "-%05u-of-%05u.gguf", 1u, unsigned(parts));
  const std::string name = first.filename().string();
  if (!name.ends_with(ending)) return {};
  const std::string stem = name.substr(0, name.size() - std::string_view(ending).size());
  std::snprintf(ending, sizeof(ending), "-%05u-of-%05u.gguf", unsigned(part + 1), unsigned(parts));
  return first.parent_path() / (stem + ending);
}

Status add_part(TensorFiles& files, const std::filesystem::path& path, uint64_t part, uint64_t parts) {
  LK_ASSIGN(const uint32_t number, files.map(path));
  const std::string name = path.string();
  LK_ASSIGN(GgufFile parsed, parse_gguf(files.file(number).bytes(), name));
  LK_ASSIGN(const uint64_t own_part, parsed.metadata.natural("split.no"));
  LK_ASSIGN(const uint64_t own_parts, parsed.metadata.natural("split.count"));
  if (own_part != part || own_parts != parts)
    return corrupt(join("[gguf] ", name, ": part ", part + 1, " of ", parts,
                        " was expected, the file says that it is part ", own_part + 1, " of ", own_parts, "."));
  for (TensorInfo& tensor : parsed.tensors) tensor.file = number;
  return files.add(std::move(parsed.tensors));
}

Status add_further_parts(TensorFiles& files, const std::filesystem::path& path, const GgufMetadata& metadata) {
  const std::string name = path.string();
  LK_ASSIGN(const uint64_t parts, metadata.natural_or("split.count", 1));
  LK_ASSIGN(const uint64_t part, metadata.natural_or("split.no", 0));
  if (parts <= 1) return Done{};
  if (parts > kMaximumParts)
    return corrupt(join("[gguf] ", name, ": split.count is ", parts, "; at most ", kMaximumParts, " was expected."));
  if (part != 0)
    return invalid(
        join("[gguf] ", name, ": the file is part ", part + 1, " of ", parts, "; open the first part instead."));
  if (part_path(path, 0, parts).empty())
    return invalid(join("[gguf] ", name, ": the first of ", parts, " parts must be named ...-00001-of-0000N.gguf."));
  for (uint64_t i = 1; i < parts; ++i) LK_TRY(add_part(files, part_path(path, i, parts), i, parts));
  LK_ASSIGN(const uint64_t expected, metadata.natural_or("split.tensors.count", files.tensors().size()));
  if (expected != files.tensors().size())
    return corrupt(join("[gguf] ", name, ": the parts should hold ", expected, " tensors, they hold ",
                        files.tensors().size(), "."));
  return Done{};
}

bool is_plain_file_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\:\0", 4)) == std::string::npos;
}

// file -> the tensors that the index expects in it
using Shards = std::map<std::string, std::set<std::string>>;

Result<Shards> parse_index(const std::filesystem::path& path) {
  const std::string name = "[index] " + path.string();
  LK_ASSIGN(const MappedFile file, MappedFile::open(path));
  if (file.bytes().size() > kMaximumIndexBytes)
    return corrupt(join(name, " has ", file.bytes().size(), " bytes, too many for an index."));
  LK_ASSIGN(const Json json, parse_json_object(as_text(file.bytes()), name, DuplicateKeys::refused));
  const auto map = json.find("weight_map");
  if (map == json.end() || !map->is_object() || map->empty())
    return corrupt(join(name, " must have a weight_map of tensor names."));
  Shards shards;
  for (const auto& [tensor, shard] : map->items()) {
    if (!shard.is_string() || !is_plain_file_name(shard.get_ref<const std::string&>()))
      return corrupt(join(name, ": the file of tensor ", tensor, " must be the name of a file in the same directory."));
    shards[shard.get<std::string>()].insert(tensor);
  }
  return shards;
}

}  // namespace

Result<FileFormat> file_format(Bytes bytes, const std::string& file) {
  if (is_gguf(bytes)) return FileFormat::gguf;
  const std::string_view text = as_text(bytes);
  if (text.starts_with("PK\x03\x04")) return FileFormat::torch_zip;
  if (text.size() > 8 && text[8] == '{') return FileFormat::safetensors;
  if (text.starts_with("\x80\x02\x8a\x0a"))
    return unsupported(join(file,
                            ": the file has torch's old format from before version 1.6; load it in a newer torch and "
                            "save it again."));
  if (text.starts_with("version https://git-lfs"))
    return corrupt(join(file, ": the file is a Git LFS pointer, not the model itself; fetch it with git lfs pull."));
  return unsupported(join(file, ": the file is neither GGUF, nor safetensors, nor a torch zip file."));
}

Status add_tensor_file(TensorFiles& files, const std::filesystem::path& path) {
  LK_ASSIGN(const uint32_t number, files.map(path));
  LK_ASSIGN(std::vector<TensorInfo> tensors, parse_tensors(files.file(number), number));
  return files.add(std::move(tensors));
}

Status add_sharded(TensorFiles& files, const std::filesystem::path& index) {
  LK_ASSIGN(const Shards shards, parse_index(index));
  for (const auto& [shard, names] : shards) {
    const std::filesystem::path path = index.parent_path() / shard;
    if (!std::filesystem::exists(path))
      return not_found(join(path.string(), " is missing; ", index.string(), " names it."));
    LK_ASSIGN(const uint32_t number, files.map(path));
    LK_ASSIGN(std::vector<TensorInfo> tensors, parse_tensors(files.file(number), number));
    std::erase_if(tensors, [&names = names](const TensorInfo& tensor) { return !names.contains(tensor.name); });
    LK_TRY(files.add(std::move(tensors)));
    for (const std::string& tensor : names)
      if (!files.find(tensor))
        return not_found(join(path.string(), ": tensor ", tensor, " is missing; ", index.string(), " names it."));
  }
  return Done{};
}

Result<GgufMetadata> add_gguf(TensorFiles& files, const std::filesystem::path& path) {
  LK_ASSIGN(const uint32_t number, files.map(path));
  LK_ASSIGN(GgufFile parsed, parse_gguf(files.file(number).bytes(), path.string()));
  LK_TRY(files.add(std::move(parsed.tensors)));
  LK_TRY(add_further_parts(files, path, parsed.metadata));
  return std::move(parsed.metadata);
}

}  // namespace lorikeet
