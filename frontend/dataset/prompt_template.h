// How an instruction is written down for a model that is no chat model.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lorikeet {

enum class PromptTemplate {
  moe_peft,  // "### Instruction:", "### Input:", "### Output:"
  alpaca,    // the same below a sentence of introduction, with "### Response:"
  chat,      // a user's message and the assistant's, in the model's own chat form
  plain,     // instruction and input, a line each
};

std::string_view name(PromptTemplate prompt);  // "moe_peft", "alpaca", "chat", "plain"
std::optional<PromptTemplate> prompt_template_from_name(std::string_view name);

// The text that an answer follows; an empty input leaves its part out. Not for `chat`.
std::string instruction_text(PromptTemplate prompt, std::string_view instruction, std::string_view input);

}  // namespace lorikeet
