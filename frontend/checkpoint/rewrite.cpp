#include "frontend/checkpoint/rewrite.h"

#include <algorithm>
#include <system_error>

#include "frontend/checkpoint/gguf_writer.h"
#include "frontend/checkpoint/json_text.h"
#include "frontend/checkpoint/output_folder.h"
#include "frontend/checkpoint/safetensors.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

using std::filesystem::path;

constexpr const char* kContext = "[checkpoint]";
// Files that hold tensors, or say where they lie.
constexpr std::string_view kWeightEndings[] = {".safetensors", ".bin",     ".pt",   ".pth",       ".gguf",
                                               ".h5",          ".msgpack", ".onnx", ".index.json"};

// The tensor as it is written; its bytes stay where they are.
Result<NamedBytes> written(const Checkpoint& source, const TensorInfo& tensor, const NewValues& values) {
  const auto found = values.find(&tensor);
  if (found == values.end()) {
    LK_ASSIGN(const Bytes bytes, source.data(tensor));
    return NamedBytes{tensor.name, tensor.type, tensor.shape, bytes};
  }
  if (found->second.size() != tensor.elements())
    return invalid(join(kContext, " tensor ", tensor.name, " has ", tensor.elements(), " values, ",
                        found->second.size(), " were given."));
  return NamedBytes{tensor.name, DType::f32, tensor.shape, std::as_bytes(std::span(found->second))};
}

Status write_gguf(const Checkpoint& source, const std::vector<NamedBytes>& tensors, const path& place) {
  GgufHeader header;
  for (const GgufMetadata::Entry& entry : source.metadata().entries())
    if (!entry.key.starts_with("split.") && entry.key != "general.alignment") header.copy(entry.key, entry.value);
  for (const NamedBytes& tensor : tensors) LK_TRY(header.add_tensor(tensor.name, tensor.type, tensor.shape));
  LK_ASSIGN(GgufWriter writer, GgufWriter::create(place, header));
  for (const NamedBytes& tensor : tensors) LK_TRY(writer.write(tensor.bytes));
  return writer.finish();
}

// Where the directory looks for its tower's folder: the last part of the name in config.json.
Result<path> tower_folder(const Checkpoint& source) {
  LK_ASSIGN(const std::string text, source.text("config.json"));
  LK_ASSIGN(const Json config,
            parse_json_object(text, (source.path() / "config.json").string(), DuplicateKeys::last_wins));
  const auto named = config.find("mm_vision_tower");
  path name = named != config.end() && named->is_string() ? path(named->get<std::string>()) : source.tower_path();
  if (!name.has_filename()) name = name.parent_path();
  return name.filename();
}

Status write_directory(const Checkpoint& source, const std::vector<NamedBytes>& tensors, const path& place) {
  LK_ASSIGN(OutputFolder out, OutputFolder::create(place, kContext));
  LK_TRY(copy_texts(source.path(), out.folder()));
  if (!source.tower_path().empty()) {
    LK_ASSIGN(const path tower, tower_folder(source));
    LK_TRY(copy_texts(source.tower_path(), out.folder() / tower));
  }
  LK_TRY(write_safetensors(out.folder() / "model.safetensors", tensors, {{"format", "pt"}}));
  return out.finish();
}

}  // namespace

Status copy_texts(const path& from, const path& to) {
  std::error_code failure;
  std::filesystem::create_directories(to, failure);
  for (const auto& entry : std::filesystem::directory_iterator(from, failure)) {
    const std::string name = entry.path().filename().string();
    const bool weights = std::any_of(std::begin(kWeightEndings), std::end(kWeightEndings),
                                     [&](std::string_view ending) { return name.ends_with(ending); });
    if (weights || !entry.is_regular_file(failure)) continue;
    std::filesystem::copy_file(entry.path(), to / name, failure);
    if (failure) break;
    std::filesystem::permissions(to / name, std::filesystem::perms::owner_write, std::filesystem::perm_options::add,
                                 failure);
  }
  if (!failure) return Done{};
  return Error{ErrorCode::io,
               join(kContext, " cannot copy ", from.string(), " to ", to.string(), ": ", failure.message(), "."),
               {}};
}

const char* rewritten_name(const Checkpoint& source) {
  return source.kind() == Checkpoint::Kind::gguf ? "model.gguf" : "model";
}

Status rewrite_checkpoint(const Checkpoint& source, const NewValues& values, const path& place) {
  std::vector<NamedBytes> tensors;
  for (const TensorInfo& tensor : source.tensors()) {
    LK_ASSIGN(NamedBytes one, written(source, tensor, values));
    tensors.push_back(std::move(one));
  }
  return source.kind() == Checkpoint::Kind::gguf ? write_gguf(source, tensors, place)
                                                 : write_directory(source, tensors, place);
}

}  // namespace lorikeet
