#include "frontend/dialogue.h"

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr std::string_view kChatmlEnd = "<|im_end|>";

}  // namespace

Result<Dialogue> Dialogue::create(Model& model, Session& session, const DialogueOptions& options) {
  LK_ASSIGN(const Tokenizer* tokenizer, need_tokenizer(model));
  const std::string& source = options.chat_template.empty() ? tokenizer->chat_template() : options.chat_template;
  const bool fallback = source.empty();
  if (fallback && options.notice) options.notice("The model has no chat template; the ChatML form is used.");
  LK_ASSIGN(ChatTemplate parsed, ChatTemplate::parse(fallback ? kDefaultChatTemplate : std::string_view(source)));
  Dialogue dialogue(model, session, options, std::move(parsed));
  if (fallback && !tokenizer->token_to_id(kChatmlEnd)) dialogue.stops_.emplace_back(kChatmlEnd);
  return dialogue;
}

Dialogue::Dialogue(Model& model, Session& session, const DialogueOptions& options, ChatTemplate chat_template)
    : generator_(model, session, options.slot), template_(std::move(chat_template)), system_(options.system) {
  const SpecialTokens& special = model.tokenizer()->special();
  template_options_.bos_token = special.bos.text;
  template_options_.eos_token = special.eos.text;
  reset();
}

void Dialogue::reset() {
  messages_.clear();
  if (!system_.empty()) messages_.push_back({"system", system_});
}

Result<std::string> Dialogue::render(const std::vector<ChatMessage>& messages) const {
  return render_chat(template_, messages, template_options_);
}

Result<Answer> Dialogue::ask(std::string_view question, const GenerationOptions& options, const OnPiece& on_piece) {
  std::vector<ChatMessage> messages = messages_;
  messages.push_back({"user", std::string(question)});
  return answer(std::move(messages), options, on_piece);
}

Result<Answer> Dialogue::answer(std::vector<ChatMessage> messages, const GenerationOptions& options,
                                const OnPiece& on_piece) {
  LK_ASSIGN(const std::string text, render(messages));
  // The template has written the special tokens, BOS included.
  LK_ASSIGN(const std::vector<int32_t> prompt,
            generator_.model().tokenizer()->encode(text, {.parse_special = true, .add_special = false}));
  GenerationOptions with_stops = options;
  with_stops.stop.insert(with_stops.stop.end(), stops_.begin(), stops_.end());
  LK_ASSIGN(Answer answer, generator_.answer(prompt, with_stops, on_piece, false));
  if (answer.stop_reason == StopReason::cancelled && answer.text.empty()) return answer;
  messages_ = std::move(messages);
  messages_.push_back({"assistant", answer.text});
  return answer;
}

}  // namespace lorikeet
