#include <string>

#include "frontend/api/handles.h"
#include "frontend/generation.h"

using namespace lorikeet;
using namespace lorikeet::api;

namespace {

Result<GenerationOptions> generation_options(const lk_generate_options* given) {
  LK_ASSIGN(const lk_generate_options o, read_options(given, "lk_generate_options"));
  if (o.temperature < 0) return invalid(join("temperature must not be below 0, ", o.temperature, " was given."));
  if (o.max_tokens < 0) return invalid(join("max_tokens must not be below 0, ", o.max_tokens, " was given."));
  if (o.stop_count > 0 && !o.stop) return invalid("stop_count is above 0, but stop is null.");
  GenerationOptions options;
  SamplerSettings& s = options.sampler;
  s.greedy = o.temperature == 0;
  if (!s.greedy) s.temperature = o.temperature;
  s.top_k = o.top_k;
  if (o.top_p != 0) s.top_p = o.top_p;
  s.min_p = o.min_p;
  if (o.repeat_penalty != 0) s.repeat_penalty = o.repeat_penalty;
  s.seed = o.seed;
  options.max_tokens = o.max_tokens > 0 ? o.max_tokens : -1;
  options.ignore_eos = o.ignore_eos != 0;
  for (size_t i = 0; i < o.stop_count; ++i) {
    LK_TRY(need("lk_generate_options.stop", {o.stop[i]}));
    options.stop.emplace_back(o.stop[i]);
  }
  return options;
}

OnPiece on_piece(lk_token_fn on_token, void* user) {
  if (!on_token) return {};
  return [=, text = std::string()](std::string_view piece, int32_t token) mutable {
    text = piece;
    return on_token(user, token, text.c_str(), text.size()) == 0;
  };
}

lk_stop_reason to_reason(StopReason reason) {
  switch (reason) {
    case StopReason::eos:
      return LK_STOP_EOS;
    case StopReason::stop:
      return LK_STOP_TEXT;
    case StopReason::length:
      return LK_STOP_LENGTH;
    case StopReason::cancelled:
      return LK_STOP_CANCELLED;
  }
  return LK_STOP_LENGTH;
}

Status write_answer(const Answer& answer, lk_answer* out) {
  if (!out) return Done{};
  return write_struct(lk_answer{sizeof(lk_answer), to_reason(answer.stop_reason), answer.timings.prompt_tokens,
                                answer.timings.generated_tokens, answer.timings.prompt_ms, answer.timings.generate_ms},
                      out, "lk_answer");
}

}  // namespace

lk_status lk_generate(lk_session* session, uint32_t slot, const lk_generate_options* options, lk_token_fn on_token,
                      void* user, lk_answer* answer) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_generate", {session}));
    LK_TRY(need_slot(*session, slot));
    LK_ASSIGN(const GenerationOptions how, generation_options(options));
    Generator generator(session->parent->model, session->session, slot);
    LK_ASSIGN(const Answer result, generator.go_on(how, on_piece(on_token, user)));
    return write_answer(result, answer);
  });
}

lk_status lk_chat_create(lk_session* session, const lk_chat_options* options, lk_chat** chat) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_chat_create", {session, chat}));
    *chat = nullptr;
    LK_ASSIGN(const lk_chat_options o, read_options(options, "lk_chat_options"));
    LK_TRY(need_slot(*session, o.slot));
    DialogueOptions how;
    how.slot = o.slot;
    if (o.system_message) how.system = o.system_message;
    if (o.chat_template) how.chat_template = o.chat_template;
    how.notice = [device = &session->parent->parent->device](const std::string& line) { device->log(line); };
    LK_ASSIGN(Dialogue dialogue, Dialogue::create(session->parent->model, session->session, how));
    *chat = new lk_chat{session, o.slot, std::move(dialogue)};
    ++session->children;
    return Done{};
  });
}

lk_status lk_chat_set_pictures(lk_chat* chat, const lk_picture* pictures, size_t count) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_chat_set_pictures", {chat}));
    LK_TRY(set_pictures(*chat->parent, chat->slot, pictures, count));
    chat->dialogue.set_pictures(uint32_t(count));
    return Done{};
  });
}

lk_status lk_chat_ask(lk_chat* chat, const char* question, const lk_generate_options* options, lk_token_fn on_token,
                      void* user, lk_answer* answer) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_chat_ask", {chat, question}));
    LK_ASSIGN(const GenerationOptions how, generation_options(options));
    LK_ASSIGN(const Answer result, chat->dialogue.ask(question, how, on_piece(on_token, user)));
    return write_answer(result, answer);
  });
}

lk_status lk_chat_reset(lk_chat* chat) {
  return guarded([&]() -> Status {
    LK_TRY(need("lk_chat_reset", {chat}));
    chat->dialogue.reset();
    return Done{};
  });
}

lk_status lk_chat_free(lk_chat* chat) {
  if (!chat) return LK_OK;
  return guarded([&]() -> Status {
    --chat->parent->children;
    delete chat;
    return Done{};
  });
}
