#include "frontend/multiple_choice/runner.h"

#include <algorithm>

#include "frontend/generation.h"
#include "frontend/multiple_choice/prompt_text.h"
#include "frontend/parrot_prompt.h"
#include "runtime/base/text.h"

namespace lorikeet::multiple_choice {
namespace {

constexpr std::string_view kEnd = "<|im_end|>";
constexpr std::string_view kSpaces = " \t\n\r\v\f";

// As PIL opens it: an EXIF orientation does not count.
Result<Pixels> pixels_of(const Question& question, const PreprocessConfig& config) {
  LK_ASSIGN(const Picture picture, decode_picture(*question.picture, {.alpha = config.alpha, .exif = false}));
  LK_ASSIGN(std::vector<float> pixels, pixel_values(picture, config));
  return std::make_shared<const std::vector<float>>(std::move(pixels));
}

// Makes the question the conversation of the slot.
Status put(Model& model, Session& session, uint32_t slot, const Question& question, const std::string& data_set) {
  LK_ASSIGN(const Tokenizer* tokenizer, need_tokenizer(model));
  LK_ASSIGN(Pixels pixels, pixels_of(question, model.config().picture->preprocess));
  const ChatMessage asked = {.role = "user", .content = picture_question(prompt_text(question, data_set))};
  LK_ASSIGN(const std::vector<int32_t> prompt, parrot_prompt_ids(*tokenizer, {&asked, 1}));
  LK_TRY(session.set_pictures(slot, {std::move(pixels)}));
  return session.set_tokens(slot, prompt);
}

Result<int32_t> end_id(const Model& model) {
  LK_TRY(need_sight(model.config(), model.checkpoint().path().string()));
  LK_ASSIGN(const Tokenizer* tokenizer, need_tokenizer(model));
  const auto id = tokenizer->token_to_id(kEnd);
  if (!id) return not_found(join("[mmmb] expected the token ", kEnd, " in the tokenizer, given none."));
  return *id;
}

Error cancelled() {
  return {ErrorCode::cancelled, "[mmmb] stopped before the end; the answers that were complete are kept.", {}};
}

}  // namespace

Status need_sight(const DecoderConfig& config, const std::string& name) {
  if (config.picture) return Done{};
  return unsupported(join("[mmmb] expected a model that sees pictures, given ", name, ", which reads text alone."));
}

std::string answer_text(const Tokenizer& tokenizer, std::span<const int32_t> ids) {
  const std::string text = tokenizer.decode(ids, {.skip_special = true});
  const size_t first = text.find_first_not_of(kSpaces);
  return first == text.npos ? std::string() : text.substr(first, text.find_last_not_of(kSpaces) + 1 - first);
}

Result<std::vector<std::vector<int32_t>>> answer_ids(Model& model, Session& session,
                                                     std::span<const Question* const> questions,
                                                     const std::string& data_set, uint32_t max_tokens) {
  LK_ASSIGN(const int32_t end, end_id(model));
  const auto is_cancelled = [&, before = session.cancels()] { return session.cancels() != before; };
  std::vector<GenerateRequest> requests;
  for (const Question* question : questions) {
    const uint32_t slot = uint32_t(requests.size());
    if (Status status = put(model, session, slot, *question, data_set); !status) {
      Error& error = status.error();
      if (error.code == ErrorCode::cancelled) return cancelled();
      error.message = join("[mmmb] ", data_set, " question ", question->index, ": ", error.message);
      return std::move(error);
    }
    if (is_cancelled()) return cancelled();
    requests.push_back({.slot = slot, .max_tokens = max_tokens, .stop_ids = {end}});
  }
  std::vector<std::vector<int32_t>> answers(questions.size());
  const auto reasons = session.generate(requests, [&](uint32_t slot, int32_t token) {
    answers[slot].push_back(token);
    return !is_cancelled();
  });
  if (is_cancelled()) return cancelled();
  if (!reasons) return reasons.error();
  return answers;
}

Status run(Model& model, Session& session, const DataSet& data_set, AnswerFile& answers, const RunOptions& options) {
  const std::vector<const Question*> all = unanswered(data_set, answers.answers());
  std::span<const Question* const> left = all;
  const auto show = [&] {
    if (options.progress) options.progress(data_set.questions.size() - left.size(), data_set.questions.size());
  };
  const uint64_t cancels = session.cancels();
  for (show(); !left.empty(); show()) {
    if (session.cancels() != cancels) return cancelled();
    const auto group = left.first(std::min<size_t>(left.size(), session.slots()));
    LK_ASSIGN(const auto ids, answer_ids(model, session, group, data_set.name, options.max_tokens));
    for (size_t i = 0; i < group.size(); ++i)
      LK_TRY(answers.add(group[i]->index, answer_text(*model.tokenizer(), ids[i])));
    left = left.subspan(group.size());
  }
  return Done{};
}

}  // namespace lorikeet::multiple_choice
