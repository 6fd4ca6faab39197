// Answers to many prompts, as many at once as the session has slots: their tokens share plans.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "frontend/generation.h"

namespace lorikeet {

struct BatchPrompt {
  std::vector<int32_t> tokens;
  bool is_text = true;  // the answer continues the prompt's text, see Generator::answer
  GenerationOptions options;
  std::vector<uint32_t> adapters;  // by their numbers in the session's options
  std::string where;               // begins the sentence when something is wrong: "prompts.jsonl line 3"
};

// Gets the answers in the order of the prompts, each as soon as it and all before it are complete. Timings are of no
// single answer: of them only the numbers of tokens are told.
using OnAnswer = std::function<Status(size_t prompt, const Answer& answer)>;

// Each prompt is a new conversation. All of them are checked first. Where the session is reproducible the answers are
// those that each prompt has alone. After Session::cancel the answers in progress end with `cancelled`, and prompts
// that were not begun have none. Errors: of a prompt, with its place; what `on_answer` returns.
Status answer_all(Model& model, Session& session, std::span<const BatchPrompt> prompts, const OnAnswer& on_answer);

}  // namespace lorikeet
