#include "frontend/dataset/prompt_template.h"

#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr std::string_view kNames[] = {"moe_peft", "alpaca", "chat", "plain"};

constexpr std::string_view kIntroduction =
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n";
constexpr std::string_view kIntroductionWithInput =
    "Below is an instruction that describes a task, paired with an input that provides further context. Write a "
    "response that appropriately completes the request.\n\n";

std::string sections(std::string_view instruction, std::string_view input, std::string_view answer) {
  const std::string middle = input.empty() ? std::string() : join("### Input:\n", input, "\n\n");
  return join("### Instruction:\n", instruction, "\n\n", middle, "### ", answer, ":\n");
}

}  // namespace

std::string_view name(PromptTemplate prompt) { return kNames[size_t(prompt)]; }

std::optional<PromptTemplate> prompt_template_from_name(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i)
    if (kNames[i] == name) return PromptTemplate(i);
  return std::nullopt;
}

std::string instruction_text(PromptTemplate prompt, std::string_view instruction, std::string_view input) {
  if (prompt == PromptTemplate::moe_peft) return sections(instruction, input, "Output");
  if (prompt == PromptTemplate::alpaca)
    return join(input.empty() ? kIntroduction : kIntroductionWithInput, sections(instruction, input, "Response"));
  return input.empty() ? join(instruction, "\n") : join(instruction, "\n", input, "\n");
}

}  // namespace lorikeet
