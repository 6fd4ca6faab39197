#include "frontend/generation.h"

#include <algorithm>
#include <optional>
#include <span>

#include "frontend/stop_filter.h"

namespace lorikeet {
namespace {

// Tokens of the prompt that the decoder sees before the answer: enough for a character that both share.
constexpr size_t kPrimingTokens = 16;

// Turns sampled tokens into the answer's text. Without a tokenizer it only collects the ids.
class Collector {
 public:
  Collector(const Tokenizer* tokenizer, const GenerationOptions& options, const OnPiece& on_piece, Answer& answer)
      : filter_(options.stop), on_piece_(&on_piece), answer_(&answer) {
    if (tokenizer) decoder_.emplace(*tokenizer, DecodeOptions{.skip_special = true});
  }

  void prime(std::span<const int32_t> prompt) {
    if (!decoder_) return;
    for (int32_t id : prompt.last(std::min(prompt.size(), kPrimingTokens))) decoder_->push(id);
  }

  // `end`: the token ends the answer and has no text.
  bool push(int32_t token, bool end) {
    answer_->token_ids.push_back(token);
    const bool go_on = emit(filter_.push(decoder_ && !end ? decoder_->push(token) : std::string()), token);
    return go_on && !filter_.stopped();
  }

  void finish() {
    if (filter_.stopped() || !decoder_) return;
    std::string rest = filter_.push(decoder_->finish());
    if (!filter_.stopped()) rest += filter_.finish();
    if (!rest.empty()) emit(rest, kNoToken);
  }

  bool stopped() const { return filter_.stopped(); }

 private:
  bool emit(const std::string& text, int32_t token) {
    answer_->text += text;
    return !*on_piece_ || (*on_piece_)(text, token);
  }

  std::optional<StreamDecoder> decoder_;
  StopFilter filter_;
  const OnPiece* on_piece_;
  Answer* answer_;
};

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
  Collector collector(model_->tokenizer(), options, on_piece, answer);
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
