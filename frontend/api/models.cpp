#include <algorithm>
#include <string>

#include "frontend/api/handles.h"
#include "frontend/default_model.h"
#include "frontend/generation.h"
#include "frontend/memory_plan.h"

using namespace lorikeet;
using namespace lorikeet::api;

namespace {

Result<MemoryPlan> memory_plan(const Device& device, const char* path, const lk_memory_options& options) {
  const std::string vision = options.vision_folder ? options.vision_folder : "";
  LK_ASSIGN(const Checkpoint files,
            options.type ? Checkpoint::open_config(path, vision) : Checkpoint::open(path, vision));
  LK_ASSIGN(const DecoderConfig config, DecoderConfig::from(files));
  const int64_t limit = config.context_length;
  if (options.context < 0 || (limit > 0 && options.context > limit))
    return invalid(
        join("the context must be between 1 and the model's ", limit, " positions, ", options.context, " were given."));
  const int64_t context = options.context ? options.context : limit ? std::min<int64_t>(4096, limit) : 4096;
  const DType kv = options.kv_f16 ? DType::f16 : DType::f32;
  if (!options.type) {
    LK_ASSIGN(const WeightTable weights, WeightTable::build(files, config));
    return plan_memory(config, weights, context, kv, device.profile());
  }
  const std::optional<DType> type = dtype_from_name(options.type);
  if (!type) return invalid(join("\"", options.type, "\" is no type of weights; f16, q8_0 and q4_0 are some."));
  return plan_memory(config, *type, context, kv, device.profile());
}

}  // namespace

lk_status lk_model_memory(const char* path, uint64_t* weight_bytes, uint64_t* file_bytes) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_model_memory", {path}));
    LK_ASSIGN(const ModelMemory memory, Model::memory(path));
    if (weight_bytes) *weight_bytes = memory.weight_bytes;
    if (file_bytes) *file_bytes = memory.file_bytes;
    return Done{};
  });
}

lk_status lk_model_plan_memory(const lk_device* device, const char* path, const lk_memory_options* options,
                               lk_memory_plan* plan) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_model_plan_memory", {device, path, plan}));
    LK_ASSIGN(const lk_memory_options o, read_options(options, "lk_memory_options"));
    LK_ASSIGN(const MemoryPlan p, memory_plan(device->device, path, o));
    return write_struct(lk_memory_plan{sizeof(lk_memory_plan), p.decoder, p.vision, p.experts, p.cache, p.reading,
                                       p.picture, p.total()},
                        plan, "lk_memory_plan");
  });
}

lk_status lk_model_load(lk_device* device, const char* path, const lk_model_options* options, lk_model** model) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_model_load", {device, model}));
    *model = nullptr;
    LK_ASSIGN(const lk_model_options o, read_options(options, "lk_model_options"));
    ModelOptions how;
    if (o.vision_folder) how.vision = o.vision_folder;
    how.upload = progress_of(o.progress, o.progress_user, "weights");
    if (o.notice)
      how.notice = [notice = o.notice, user = o.notice_user](const std::string& line) { notice(user, line.c_str()); };
    LK_ASSIGN(const std::filesystem::path files, path ? Result<std::filesystem::path>(path) : default_model());
    LK_ASSIGN(Model loaded, Model::load(device->device, files, how));
    *model = new lk_model{device, std::move(loaded)};
    ++device->children;
    return Done{};
  });
}

lk_status lk_model_free(lk_model* model) { return release(model, "model"); }

lk_status lk_model_get_info(const lk_model* model, lk_model_info* info) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_model_get_info", {model, info}));
    const DecoderConfig& c = model->model.config();
    const Tokenizer* tokenizer = model->model.tokenizer();
    const ModelMemory memory = model->model.memory();
    const PictureConfig* sees = c.picture ? &*c.picture : nullptr;
    return write_struct(
        lk_model_info{sizeof(lk_model_info), c.model_type.c_str(), c.layers, c.hidden, c.vocabulary, c.context_length,
                      tokenizer != nullptr, tokenizer && !tokenizer->chat_template().empty(), memory.weight_bytes,
                      memory.file_bytes, sees != nullptr, sees && sees->use_experts ? sees->experts : 0,
                      sees ? uint32_t(sees->visual_tokens()) : 0},
        info, "lk_model_info");
  });
}

lk_status lk_tokenize(const lk_model* model, const char* text, size_t text_size, uint32_t flags, int32_t* ids,
                      size_t capacity, size_t* count) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_tokenize", {model, count}));
    if ((!text && text_size) || (!ids && capacity)) return need("lk_tokenize", {nullptr});
    LK_ASSIGN(const Tokenizer* tokenizer, need_tokenizer(model->model));
    LK_ASSIGN(const std::vector<int32_t> all,
              tokenizer->encode({text, text_size}, {.parse_special = (flags & LK_PARSE_SPECIAL) != 0,
                                                    .add_special = (flags & LK_ADD_SPECIAL) != 0}));
    std::copy_n(all.begin(), std::min(capacity, all.size()), ids);
    *count = all.size();
    return Done{};
  });
}

lk_status lk_detokenize(const lk_model* model, const int32_t* ids, size_t count, char* text, size_t capacity,
                        size_t* size) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_detokenize", {model, size}));
    if ((!ids && count) || (!text && capacity)) return need("lk_detokenize", {nullptr});
    LK_ASSIGN(const Tokenizer* tokenizer, need_tokenizer(model->model));
    const std::string all = tokenizer->decode(ids_of(ids, count));
    std::copy_n(all.begin(), std::min(capacity, all.size()), text);
    *size = all.size();
    return Done{};
  });
}
