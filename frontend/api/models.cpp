#include <algorithm>
#include <string>

#include "frontend/api/handles.h"
#include "frontend/generation.h"

using namespace lorikeet;
using namespace lorikeet::api;

lk_status lk_model_memory(const char* path, uint64_t* weight_bytes, uint64_t* file_bytes) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_model_memory", {path}));
    LK_ASSIGN(const ModelMemory memory, Model::memory(path));
    if (weight_bytes) *weight_bytes = memory.weight_bytes;
    if (file_bytes) *file_bytes = memory.file_bytes;
    return Done{};
  });
}

lk_status lk_model_load(lk_device* device, const char* path, const lk_model_options* options, lk_model** model) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_model_load", {device, path, model}));
    *model = nullptr;
    LK_ASSIGN(const lk_model_options o, read_options(options, "lk_model_options"));
    ModelOptions how;
    how.upload = progress_of(o.progress, o.progress_user, "weights");
    if (o.notice)
      how.notice = [notice = o.notice, user = o.notice_user](const std::string& line) { notice(user, line.c_str()); };
    LK_ASSIGN(Model loaded, Model::load(device->device, path, how));
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
    return write_struct(
        lk_model_info{sizeof(lk_model_info), c.model_type.c_str(), c.layers, c.hidden, c.vocabulary, c.context_length,
                      tokenizer != nullptr, tokenizer && !tokenizer->chat_template().empty(), memory.weight_bytes,
                      memory.file_bytes},
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
