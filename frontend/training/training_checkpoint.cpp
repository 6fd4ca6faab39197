#include "frontend/training/training_checkpoint.h"

#include <cstring>

#include "frontend/checkpoint/safetensors.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr const char* kKey = "lorikeet_training";
constexpr uint64_t kVersion = 1;
constexpr const char* kSavedParts[] = {"", ".momentum", ".variance"};

std::vector<uint64_t> shape_of(const Parameter& parameter) {
  std::vector<uint64_t> shape;
  for (int axis = 0; axis < parameter.shape.rank(); ++axis) shape.push_back(uint64_t(parameter.shape[axis]));
  return shape;
}

Result<uint64_t> natural(const Json& json, const char* key, const std::string& where) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_unsigned())
    return corrupt(join(where, ": expected a whole number as ", key, " of the run."));
  return found->get<uint64_t>();
}

}  // namespace

Status write_training_checkpoint(const std::filesystem::path& file, const Trainer& trainer,
                                 const TrainingPosition& position) {
  std::vector<std::vector<float>> values;
  std::vector<NamedBytes> tensors;
  for (const Parameter& parameter : trainer.parameters()) {
    for (const char* part : kSavedParts) {
      LK_ASSIGN(std::vector<float> read, trainer.read(parameter.name + part));
      values.push_back(std::move(read));
      const auto bytes = std::as_bytes(std::span(values.back()));
      tensors.push_back({parameter.name + part, DType::f32, shape_of(parameter), bytes});
    }
  }
  const Json note = {{"version", kVersion},           {"steps", trainer.steps()},      {"passes", trainer.passes()},
                     {"epoch", position.place.epoch}, {"index", position.place.index}, {"facts", position.facts}};
  return write_safetensors(file, tensors, {{kKey, note.dump(-1, ' ', false, Json::error_handler_t::replace)}});
}

Result<TrainingPosition> read_training_checkpoint(const std::filesystem::path& file, Trainer& trainer) {
  const std::string where = join("[resume] ", file.string());
  LK_ASSIGN(const MappedFile mapped, MappedFile::open(file));
  LK_ASSIGN(const SafetensorsFile content, parse_safetensors(mapped.bytes(), file.string()));
  const auto note = content.metadata.find(kKey);
  if (note == content.metadata.end()) return corrupt(join(where, " is no checkpoint of a training run."));
  LK_ASSIGN(const Json json, parse_json_object(note->second, where, DuplicateKeys::refused));
  LK_ASSIGN(const uint64_t version, natural(json, "version", where));
  if (version != kVersion)
    return unsupported(join(where, ": expected version ", kVersion, " of the format, given ", version, "."));
  LK_ASSIGN(const uint64_t steps, natural(json, "steps", where));
  LK_ASSIGN(const uint64_t passes, natural(json, "passes", where));
  TrainingPosition position;
  LK_ASSIGN(position.place.epoch, natural(json, "epoch", where));
  LK_ASSIGN(position.place.index, natural(json, "index", where));
  const auto facts = json.find("facts");
  if (facts == json.end() || !facts->is_object()) return corrupt(join(where, ": the options of the run are missing."));
  position.facts = *facts;

  std::map<std::string, const TensorInfo*> tensors;
  for (const TensorInfo& tensor : content.tensors) tensors[tensor.name] = &tensor;
  std::vector<std::pair<std::string, std::vector<float>>> states;
  for (const Parameter& parameter : trainer.parameters()) {
    for (const char* part : kSavedParts) {
      const std::string name = parameter.name + part;
      const auto found = tensors.find(name);
      if (found == tensors.end()) return invalid(join(where, ": tensor ", name, " is missing; it is of another run."));
      const TensorInfo& tensor = *found->second;
      if (tensor.type != DType::f32 || tensor.shape != shape_of(parameter))
        return invalid(join(where, ": tensor ", name, " should be ", shape_text(shape_of(parameter)), " of f32, it is ",
                            shape_text(tensor.shape), " of ", lorikeet::name(tensor.type), "; it is of another run."));
      std::vector<float> values(tensor.bytes / sizeof(float));
      std::memcpy(values.data(), mapped.bytes().data() + tensor.offset, tensor.bytes);
      states.emplace_back(name, std::move(values));
    }
  }
  for (const auto& [name, values] : states) LK_TRY(trainer.write(name, values));
  trainer.set_steps(steps);
  trainer.set_passes(passes);
  return position;
}

}  // namespace lorikeet
