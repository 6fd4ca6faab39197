// Generator: the level of text above a Session: a prompt becomes token ids, sampled tokens become a stream of text, and
// an answer ends for a reason. The program and the C interface have no logic of their own for this. Owns nothing: the
// session and its model must outlive it. Belongs to one thread at a time.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/session.h"

namespace lorikeet {

struct GenerationOptions {
  SamplerSettings sampler;
  int64_t max_tokens = -1;        // -1: until the context is full; 0: only the prompt is read
  std::vector<std::string> stop;  // each ends the answer, which is what came before it
  bool ignore_eos = false;        // go on after the tokens that end an answer
};

// What was said about sampling, on a command line or in a file of prompts.
struct SamplingWishes {
  std::optional<float> temperature, top_p, min_p;
  std::optional<uint32_t> top_k;
  std::optional<uint64_t> seed;
  float repeat_penalty = 1;
  int64_t max_tokens = -1;
  std::vector<std::string> stop;
  bool ignore_eos = false;
};
// Greedy unless temperature, top-k, top-p, min-p or a seed was asked for; a random seed unless one was.
GenerationOptions generation_options(const SamplingWishes& wishes);

struct Timings {
  uint64_t prompt_tokens = 0;  // that were read; those kept from the turn before are not counted
  uint64_t generated_tokens = 0;
  double prompt_ms = 0, generate_ms = 0;

  double prompt_per_second() const { return prompt_ms > 0 ? 1000 * double(prompt_tokens) / prompt_ms : 0; }
  double generated_per_second() const { return generate_ms > 0 ? 1000 * double(generated_tokens) / generate_ms : 0; }
};

struct Answer {
  std::string text;                       // UTF-8, without special tokens and without the stop string
  std::vector<int32_t> token_ids;         // all that were sampled, the one that ended the answer included
  std::vector<int32_t> prompt_token_ids;  // all of it, read now or before
  StopReason stop_reason = StopReason::length;
  Timings timings;
};

std::string_view name(StopReason reason);  // "eos", "stop", "length", "cancelled"

// The piece of text that is certain after a token: whole characters, often empty. Returns false to end the answer,
// whose reason is then `stop`. What is left at the end comes with the token kNoToken.
using OnPiece = std::function<bool(std::string_view text, int32_t token)>;
inline constexpr int32_t kNoToken = -1;

// Raw text under the tokenizer's own rule for BOS. Errors: not_found when the model has no tokenizer.
Result<std::vector<int32_t>> prompt_ids(const Model& model, std::string_view text);
// Tokens that end an answer: those of the configuration and those of the tokenizer.
std::vector<int32_t> end_ids(const Model& model);
// The model's tokenizer, or why there is none.
Result<const Tokenizer*> need_tokenizer(const Model& model);

class Generator {
 public:
  Generator(Model& model, Session& session, uint32_t slot = 0) : model_(&model), session_(&session), slot_(slot) {}

  // Makes `prompt` the conversation of the slot and answers it. Of a prompt that continues the conversation only the
  // new part is read. `prompt_is_text`: the answer continues the prompt's text, so that a space between them is kept.
  Result<Answer> answer(const std::vector<int32_t>& prompt, const GenerationOptions& options, const OnPiece& on_piece,
                        bool prompt_is_text = true);
  // Goes on from the conversation of the slot as it is: its pictures stay routed as they were.
  Result<Answer> go_on(const GenerationOptions& options, const OnPiece& on_piece);
  // Session::cancel ends the answer in progress with `cancelled`, from any thread and from a signal handler.

  Model& model() const { return *model_; }
  Session& session() { return *session_; }
  uint32_t slot() const { return slot_; }

 private:
  struct Clock;  // what the session had counted when an answer began
  Result<Answer> sample(Answer answer, const Clock& clock, const GenerationOptions& options, const OnPiece& on_piece,
                        bool prompt_is_text);

  Model* model_;
  Session* session_;
  uint32_t slot_;
};

}  // namespace lorikeet
