#include "frontend/dialogue.h"

#include <algorithm>

#include "frontend/parrot_prompt.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr std::string_view kChatmlEnd = "<|im_end|>";

}  // namespace

Result<Dialogue> Dialogue::create(Model& model, Session& session, const DialogueOptions& options) {
  LK_ASSIGN(const Tokenizer* tokenizer, need_tokenizer(model));
  const std::string& source = options.chat_template.empty() ? tokenizer->chat_template() : options.chat_template;
  const bool fallback = source.empty() || model.config().family->sees;
  if (fallback && !model.config().family->sees && options.notice)
    options.notice("The model has no chat template; the ChatML form is used.");
  LK_ASSIGN(ChatTemplate parsed, ChatTemplate::parse(fallback ? kDefaultChatTemplate : std::string_view(source)));
  Dialogue dialogue(model, session, options, std::move(parsed));
  if (fallback && !tokenizer->token_to_id(kChatmlEnd)) dialogue.stops_.emplace_back(kChatmlEnd);
  return dialogue;
}

Dialogue::Dialogue(Model& model, Session& session, const DialogueOptions& options, ChatTemplate chat_template)
    : generator_(model, session, options.slot),
      template_(std::move(chat_template)),
      system_(options.system),
      pictures_(options.pictures) {
  const SpecialTokens& special = model.tokenizer()->special();
  template_options_.bos_token = special.bos.text;
  template_options_.eos_token = special.eos.text;
  reset();
}

void Dialogue::reset() {
  messages_.clear();
  if (!system_.empty()) messages_.push_back({"system", system_});
}

void Dialogue::set_pictures(uint32_t count) {
  pictures_ = count;
  reset();
}

Result<std::vector<int32_t>> Dialogue::prompt(const std::vector<ChatMessage>& messages) const {
  const Tokenizer& tokenizer = *generator_.model().tokenizer();
  if (generator_.model().config().family->sees) return parrot_prompt_ids(tokenizer, messages);
  LK_ASSIGN(const std::string text, render_chat(template_, messages, template_options_));
  // The template has written the special tokens, BOS included.
  return tokenizer.encode(text, {.parse_special = true, .add_special = false});
}

Result<Answer> Dialogue::ask(std::string_view question, const GenerationOptions& options, const OnPiece& on_piece) {
  std::vector<ChatMessage> messages = messages_;
  const bool first = std::none_of(messages.begin(), messages.end(), [](const auto& m) { return m.role == "user"; });
  std::string text(question);
  for (uint32_t i = 0; first && i < pictures_; ++i) text = picture_question(text);
  messages.push_back({"user", text});
  return answer(std::move(messages), options, on_piece);
}

Result<Answer> Dialogue::answer(std::vector<ChatMessage> messages, const GenerationOptions& options,
                                const OnPiece& on_piece) {
  LK_ASSIGN(const std::vector<int32_t> ids, prompt(messages));
  GenerationOptions with_stops = options;
  with_stops.stop.insert(with_stops.stop.end(), stops_.begin(), stops_.end());
  LK_ASSIGN(Answer answer, generator_.answer(ids, with_stops, on_piece, false));
  if (answer.stop_reason == StopReason::cancelled && answer.text.empty()) return answer;
  messages_ = std::move(messages);
  messages_.push_back({"assistant", answer.text});
  return answer;
}

}  // namespace lorikeet
