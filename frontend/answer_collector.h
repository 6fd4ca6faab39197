// Internal. Sampled tokens become the text of an answer.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>

#include "frontend/generation.h"
#include "frontend/stop_filter.h"

namespace lorikeet {

// Tokens of the prompt that the decoder sees before the answer: enough for a character that both share.
inline constexpr size_t kPrimingTokens = 16;

// Turns sampled tokens into the answer's text. Without a tokenizer it only collects the ids.
class AnswerCollector {
 public:
  AnswerCollector(const Tokenizer* tokenizer, const GenerationOptions& options, const OnPiece& on_piece, Answer& answer)
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

}  // namespace lorikeet
