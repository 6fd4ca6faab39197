#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>

#include "frontend/api/handles.h"
#include "frontend/generation.h"
#include "frontend/parrot_prompt.h"
#include "frontend/routing_report.h"

using namespace lorikeet;
using namespace lorikeet::api;

namespace {

Result<MultiImage> multi_image(int32_t given) {
  switch (given) {
    case LK_MULTI_IMAGE_REFUSE:
      return MultiImage::refuse;
    case LK_MULTI_IMAGE_ZEROS:
      return MultiImage::zeros;
    case LK_MULTI_IMAGE_EACH:
      return MultiImage::each;
  }
  return invalid(join("lk_session_options.multi_image is refuse (0), zeros (1) or each (2), not ", given, "."));
}

// Adapters of this model.
Result<std::vector<lk_adapter*>> adapters_of(const lk_session_options& o, const lk_model& model) {
  if (o.adapter_count > 0) LK_TRY(need("lk_session_options.adapters", {o.adapters}));
  const std::span<lk_adapter* const> given(o.adapters, o.adapter_count);
  for (lk_adapter* adapter : given) {
    LK_TRY(need("lk_session_options.adapters", {adapter}));
    if (adapter->parent != &model) return invalid("lk_session_options.adapters has an adapter of another model.");
  }
  return std::vector<lk_adapter*>(given.begin(), given.end());
}

Result<SessionOptions> session_options(const lk_session_options* given, const lk_model& model) {
  LK_ASSIGN(const lk_session_options o, read_options(given, "lk_session_options"));
  SessionOptions options;
  options.context = o.context;
  options.kv = o.kv_f16 ? DType::f16 : DType::f32;
  options.slots = o.slots ? o.slots : 1;
  options.reproducible = o.reproducible != 0;
  options.logit_bias = o.logit_bias != 0;
  options.fuse = Options::from_environment().fuse;
  if (o.expert_policy) {
    LK_ASSIGN(options.routing, parse_policy(o.expert_policy));
  }
  LK_ASSIGN(options.multi_image, multi_image(o.multi_image));
  options.pictures = o.pictures ? o.pictures : 1;
  options.active = o.active_experts;
  options.progress = progress_of(o.progress, o.progress_user, "kernels");
  LK_ASSIGN(const std::vector<lk_adapter*> adapters, adapters_of(o, model));
  for (size_t i = 0; i < adapters.size(); ++i)
    options.adapters.push_back({&adapters[i]->adapter, o.adapter_scales ? o.adapter_scales[i] : 1});
  return options;
}

}  // namespace

lk_status lk_session_get_memory(lk_model* model, const lk_session_options* options, lk_session_memory* memory) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_get_memory", {model, memory}));
    LK_ASSIGN(const SessionOptions how, session_options(options, *model));
    LK_ASSIGN(const SessionMemory m, Session::memory(model->model, how));
    return write_struct(lk_session_memory{sizeof(lk_session_memory), m.cache_bytes, m.scratch_bytes, m.table_bytes,
                                          m.picture_bytes, m.adapter_bytes},
                        memory, "lk_session_memory");
  });
}

lk_status lk_session_create(lk_model* model, const lk_session_options* options, lk_session** session) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_create", {model, session}));
    *session = nullptr;
    LK_ASSIGN(SessionOptions how, session_options(options, *model));
    LK_ASSIGN(const lk_session_options given, read_options(options, "lk_session_options"));
    LK_ASSIGN(std::vector<lk_adapter*> adapters, adapters_of(given, *model));
    auto routed = given.observe_adapters ? std::make_unique<std::vector<RouterStatistics>>() : nullptr;
    if (routed) {
      for (const lk_adapter* adapter : adapters) routed->emplace_back(adapter->adapter.tensors);
      how.on_routed = [all = routed.get()](const RoutedRows& rows) {
        if (rows.adapter < all->size()) (*all)[rows.adapter].add(rows);
      };
    }
    LK_ASSIGN(Session created, Session::create(model->model, how));
    *session = new lk_session{model, std::move(adapters), std::move(created), how.multi_image, {}, std::move(routed)};
    (*session)->prompts.resize(how.slots);
    for (lk_adapter* adapter : (*session)->adapters) ++adapter->children;
    ++model->children;
    return Done{};
  });
}

lk_status lk_session_free(lk_session* session) {
  if (!session) return LK_OK;
  const std::vector<lk_adapter*> adapters = session->adapters;
  const lk_status status = release(session, "session");
  if (status == LK_OK)
    for (lk_adapter* adapter : adapters) --adapter->children;
  return status;
}

int64_t lk_session_context(const lk_session* session) { return session ? session->session.context() : 0; }

void lk_session_cancel(lk_session* session) {
  if (session) session->session.cancel();
}

lk_status lk_session_set_adapters(lk_session* session, uint32_t slot, const uint32_t* adapters, size_t count) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_set_adapters", {session}));
    if (count > 0) LK_TRY(need("lk_session_set_adapters", {adapters}));
    return session->session.set_adapters(slot, {adapters, count});
  });
}

lk_status lk_session_set_text(lk_session* session, uint32_t slot, const char* text, size_t text_size) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_set_text", {session, text}));
    const Model& model = session->parent->model;
    LK_ASSIGN(const Tokenizer* tokenizer, need_tokenizer(model));
    LK_ASSIGN(const std::vector<int32_t> ids, model.config().picture ? ids_with_pictures(*tokenizer, {text, text_size})
                                                                     : prompt_ids(model, {text, text_size}));
    return session->session.set_tokens(slot, ids);
  });
}

lk_status lk_session_set_tokens(lk_session* session, uint32_t slot, const int32_t* ids, size_t count) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_set_tokens", {session, ids}));
    return session->session.set_tokens(slot, ids_of(ids, count));
  });
}

lk_status lk_session_get_tokens(const lk_session* session, uint32_t slot, const int32_t** ids, size_t* count) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_get_tokens", {session, ids, count}));
    LK_TRY(need_slot(*session, slot));
    const std::vector<int32_t>* tokens = &session->session.tokens(slot);
    if (const auto& picture = session->parent->model.config().picture) {
      session->prompts[slot] = unplace_pictures(*tokens, *picture);
      tokens = &session->prompts[slot];
    }
    *ids = tokens->data();
    *count = tokens->size();
    return Done{};
  });
}

lk_status lk_session_clear(lk_session* session, uint32_t slot) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_clear", {session}));
    LK_TRY(need_slot(*session, slot));
    session->session.clear(slot);
    return Done{};
  });
}

lk_status lk_session_fork(lk_session* session, uint32_t from, uint32_t to) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_fork", {session}));
    return session->session.fork(from, to);
  });
}

lk_status lk_session_save(lk_session* session, uint32_t slot, void** data, size_t* size) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_save", {session, data, size}));
    *data = nullptr;
    LK_ASSIGN(const std::string saved, session->session.save(slot));
    void* copy = std::malloc(saved.size());
    if (!copy) return Error{ErrorCode::out_of_memory, "The machine has not enough memory.", {}};
    std::memcpy(copy, saved.data(), saved.size());
    *data = copy;
    *size = saved.size();
    return Done{};
  });
}

lk_status lk_session_restore(lk_session* session, uint32_t slot, const void* data, size_t size) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_restore", {session, data}));
    return session->session.restore(slot, {static_cast<const char*>(data), size});
  });
}

lk_status lk_session_set_logit_bias(lk_session* session, uint32_t slot, const float* bias, size_t count) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_set_logit_bias", {session}));
    if (count > 0) LK_TRY(need("lk_session_set_logit_bias", {bias}));
    return session->session.set_logit_bias(slot, {bias, count});
  });
}

lk_status lk_session_logits(lk_session* session, uint32_t slot, const int32_t* ids, size_t count, lk_logits_fn on_rows,
                            void* user) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_logits", {session, ids, reinterpret_cast<const void*>(on_rows)}));
    const size_t vocabulary = session->parent->model.config().vocabulary;
    return session->session.logits(
        slot, ids_of(ids, count), [&](int64_t first, std::span<const float> values) -> Status {
          if (on_rows(user, first, values.data(), values.size() / vocabulary, vocabulary) == 0) return Done{};
          return Error{ErrorCode::cancelled, "cancelled.", {}};
        });
  });
}

lk_status lk_session_log_probs(lk_session* session, uint32_t slot, const int32_t* ids, size_t count, float* log_probs) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_session_log_probs", {session, ids}));
    if (count > 1) LK_TRY(need("lk_session_log_probs", {log_probs}));
    LK_ASSIGN(const std::vector<float> values, session->session.log_probs(slot, ids_of(ids, count)));
    // The value before a position belongs to the token there. A picture has many positions, and no word.
    const auto& picture = session->parent->model.config().picture;
    size_t position = 0;
    for (size_t i = 0; i < count; ++i) {
      const bool word = ids[i] != kPictureToken;
      if (i > 0) log_probs[i - 1] = word && position <= values.size() ? values[position - 1] : 0;
      position += word ? 1 : size_t(picture->visual_tokens());
    }
    return Done{};
  });
}
