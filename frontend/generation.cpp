#include "frontend/generation.h"

#include <algorithm>
#include <random>
#include <span>

#include "frontend/answer_collector.h"

namespace lorikeet {
namespace {

bool is_cancelled(const Status& status) { return !status && status.error().code == ErrorCode::cancelled; }

}  // namespace

std::string_view name(StopReason reason) {
  switch (reason) {
    case StopReason::eos:
      return "eos";
    case StopReason::stop:
      return "stop";
    case StopReason::length:
      return "length";
    case StopReason::cancelled:
      return "cancelled";
  }
  return "length";
}

GenerationOptions generation_options(const SamplingWishes& wishes) {
  GenerationOptions options;
  const bool asked = wishes.temperature || wishes.top_k || wishes.top_p || wishes.min_p || wishes.seed;
  SamplerSettings& s = options.sampler;
  s.greedy = !asked || (wishes.temperature && *wishes.temperature == 0);
  if (!s.greedy) s.temperature = wishes.temperature.value_or(1.0f);
  s.top_k = wishes.top_k.value_or(0);
  s.top_p = wishes.top_p.value_or(1.0f);
  s.min_p = wishes.min_p.value_or(0.0f);
  s.repeat_penalty = wishes.repeat_penalty;
  s.seed = wishes.seed ? *wishes.seed : s.greedy ? 0 : std::random_device{}();
  options.max_tokens = wishes.max_tokens;
  options.stop = wishes.stop;
  options.ignore_eos = wishes.ignore_eos;
  return options;
}

Result<const Tokenizer*> need_tokenizer(const Model& model) {
  if (model.tokenizer()) return model.tokenizer();
  return model.tokenizer_error() ? *model.tokenizer_error() : not_found("the model has no tokenizer.");
}

Result<std::vector<int32_t>> prompt_ids(const Model& model, std::string_view text) {
  LK_ASSIGN(const Tokenizer* tokenizer, need_tokenizer(model));
  return tokenizer->encode(text, {.parse_special = true, .add_special = true});
}

std::vector<int32_t> end_ids(const Model& model) {
  // Parrot's answers end there and nowhere else, whatever its files say.
  if (model.config().family->sees && model.tokenizer())
    if (const auto end = model.tokenizer()->token_to_id("<|im_end|>")) return {*end};
  std::vector<int32_t> ids(model.config().eos_ids.begin(), model.config().eos_ids.end());
  if (model.tokenizer())
    for (int32_t id : model.tokenizer()->special().ends)
      if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  return ids;
}

struct Generator::Clock {
  explicit Clock(const Session& session) : session(&session), before(session.counts()), cancels(session.cancels()) {}

  bool cancelled() const { return session->cancels() != cancels; }
  Timings timings() const {
    const SessionCounts after = session->counts();
    return {after.tokens_read - before.tokens_read, after.tokens_generated - before.tokens_generated,
            after.read_ms - before.read_ms, after.generate_ms - before.generate_ms};
  }

  const Session* session;
  SessionCounts before;
  uint64_t cancels;
};

Result<Answer> Generator::answer(const std::vector<int32_t>& prompt, const GenerationOptions& options,
                                 const OnPiece& on_piece, bool prompt_is_text) {
  const Clock clock(*session_);
  Answer answer;
  answer.prompt_token_ids = prompt;
  const Status read = session_->set_tokens(slot_, prompt);
  answer.timings = clock.timings();
  if (clock.cancelled() || is_cancelled(read)) {
    answer.stop_reason = StopReason::cancelled;
    return answer;
  }
  if (!read) return read.error();
  return sample(std::move(answer), clock, options, on_piece, prompt_is_text);
}

Result<Answer> Generator::go_on(const GenerationOptions& options, const OnPiece& on_piece) {
  Answer answer;
  answer.prompt_token_ids = session_->tokens(slot_);
  return sample(std::move(answer), Clock(*session_), options, on_piece, true);
}

Result<Answer> Generator::sample(Answer answer, const Clock& clock, const GenerationOptions& options,
                                 const OnPiece& on_piece, bool prompt_is_text) {
  if (options.max_tokens == 0) return answer;
  AnswerCollector collector(model_->tokenizer(), options, on_piece, answer);
  if (prompt_is_text) collector.prime(answer.prompt_token_ids);
  GenerateRequest request{.slot = slot_, .sampler = options.sampler};
  if (options.max_tokens > 0) request.max_tokens = uint32_t(std::min<int64_t>(options.max_tokens, UINT32_MAX));
  if (!options.ignore_eos) request.stop_ids = end_ids(*model_);
  const auto on_token = [&](uint32_t, int32_t token) {
    const bool end = std::find(request.stop_ids.begin(), request.stop_ids.end(), token) != request.stop_ids.end();
    return collector.push(token, end) && !clock.cancelled();
  };
  const auto reasons = session_->generate({&request, 1}, on_token);
  answer.timings = clock.timings();
  if (!reasons && reasons.error().code != ErrorCode::cancelled) return reasons.error();
  collector.finish();
  answer.stop_reason = reasons ? reasons->front() : StopReason::cancelled;
  if (collector.stopped()) answer.stop_reason = StopReason::stop;
  else if (clock.cancelled() && answer.stop_reason != StopReason::eos) answer.stop_reason = StopReason::cancelled;
  return answer;
}

}  // namespace lorikeet
