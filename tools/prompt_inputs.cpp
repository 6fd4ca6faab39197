#include "tools/prompt_inputs.h"

#include <iostream>
#include <iterator>

#include "frontend/dialogue.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "tools/terminal.h"

namespace lorikeet::tool {
namespace {

Error at(const PromptLine& line, Error error) {
  error.message.insert(0, line.where + ": ");
  return error;
}

Result<uint32_t> number_of(const std::vector<GivenAdapter>& adapters, const std::string& name, const PromptLine& line) {
  std::string known;
  std::vector<uint32_t> found;
  for (uint32_t number = 0; number < adapters.size(); ++number) {
    known += join(known.empty() ? "" : ", ", adapters[number].name);
    if (adapters[number].path == name) return number;
    if (adapters[number].name == name) found.push_back(number);
  }
  if (found.size() == 1) return found.front();
  if (found.size() > 1)
    return at(line, invalid(join("several adapters are called \"", name, "\"; name one by its path.")));
  return at(line, invalid(join("\"", name.substr(0, 100), "\" is none of the adapters that were given with --adapter: ",
                               known.empty() ? "there are none" : known, ".")));
}

Result<std::vector<uint32_t>> adapters_of(const std::vector<GivenAdapter>& given, const PromptLine& line) {
  std::vector<uint32_t> numbers;
  if (!line.adapters)
    for (uint32_t number = 0; number < given.size(); ++number) numbers.push_back(number);
  for (const std::string& name : line.adapters.value_or(std::vector<std::string>())) {
    LK_ASSIGN(const uint32_t number, number_of(given, name, line));
    numbers.push_back(number);
  }
  return numbers;
}

}  // namespace

Result<std::vector<PromptLine>> read_prompts(const std::string& path, const SamplingWishes& defaults) {
  if (path == "-") return parse_prompts(std::string(std::istreambuf_iterator<char>(std::cin), {}), "stdin", defaults);
  LK_ASSIGN(const std::string text, read_text(path));
  return parse_prompts(text, path, defaults);
}

Result<std::vector<BatchPrompt>> batch_prompts(Loaded& loaded, const std::vector<PromptLine>& lines) {
  std::optional<Dialogue> dialogue;
  std::vector<BatchPrompt> prompts;
  for (const PromptLine& line : lines) {
    BatchPrompt prompt{.tokens = line.tokens, .options = generation_options(line.sampling), .where = line.where};
    LK_ASSIGN(prompt.adapters, adapters_of(loaded.adapters, line));
    if (line.text) {
      LK_ASSIGN(prompt.tokens, prompt_ids(*loaded.model, *line.text));
    } else if (!line.messages.empty()) {
      if (!dialogue) {
        DialogueOptions options;
        options.notice = [](const std::string& notice) { say(notice); };
        LK_ASSIGN(Dialogue made, Dialogue::create(*loaded.model, *loaded.session, options));
        dialogue.emplace(std::move(made));
      }
      auto tokens = dialogue->prompt(line.messages);
      if (!tokens) return at(line, tokens.error());
      prompt.tokens = *std::move(tokens);
      prompt.is_text = false;
      prompt.options.stop.insert(prompt.options.stop.end(), dialogue->stops().begin(), dialogue->stops().end());
    }
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

}  // namespace lorikeet::tool
