// lorikeet generate: continues a text, or a list of token ids.
#include <iostream>
#include <iterator>

#include "frontend/logits_file.h"
#include "tools/answer_output.h"
#include "tools/commands.h"
#include "tools/model_options.h"
#include "tools/terminal.h"

namespace lorikeet::tool {
namespace {

struct Flags {
  ModelOptions model;
  SamplingOptions sampling;
  std::string prompt, logits;
  std::vector<int32_t> tokens;
  bool has_prompt = false, json = false, ignore_eos = false;
};

std::string read_stdin() { return {std::istreambuf_iterator<char>(std::cin), {}}; }

Result<std::vector<int32_t>> prompt_of(const Flags& flags, const Model& model) {
  if (!flags.has_prompt) return flags.tokens;
  return prompt_ids(model, flags.prompt == "-" ? read_stdin() : flags.prompt);
}

Status run(const Flags& flags) {
  LK_ASSIGN(Loaded loaded, load(flags.model, flags.model.session()));
  LK_ASSIGN(const std::vector<int32_t> prompt, prompt_of(flags, *loaded.model));
  Generator generator(*loaded.model, *loaded.session);
  const OnInterrupt on_interrupt([&] { loaded.session->cancel(); });
  if (!flags.logits.empty()) LK_TRY(write_logits(*loaded.model, *loaded.session, 0, prompt, flags.logits));
  GenerationOptions options = flags.sampling.generation();
  options.ignore_eos = flags.ignore_eos;
  const OnPiece on_piece = flags.json ? OnPiece() : print_pieces(loaded.model->tokenizer() != nullptr);
  LK_ASSIGN(const Answer answer, generator.answer(prompt, options, on_piece));
  if (flags.json) print_json(answer, options, loaded.load_ms);
  else if (!answer.token_ids.empty()) print("\n");
  say_speed(answer);
  return Done{};
}

}  // namespace

void add_generate(CLI::App& program, Job& job) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* command = program.add_subcommand("generate", "Continues a text. Greedy unless a sampling flag is given.");
  command->footer(
      "Example: lorikeet generate -m MODEL \"Once upon a time\" --max-tokens 100 --temperature 0.8 --seed 1");
  CLI::Option* text = command
                          ->add_option("prompt", flags->prompt,
                                       "The text to continue; - reads it from stdin. Example: \"Once upon a time\"")
                          ->option_text("PROMPT");
  CLI::Option* ids = command
                         ->add_option("--tokens", flags->tokens,
                                      "Token ids instead of a text; needs no tokenizer. Example: --tokens 1,2,3")
                         ->option_text("IDS")
                         ->delimiter(',')
                         ->excludes(text);
  flags->model.add(*command);
  flags->sampling.add(*command, 256);
  command->add_flag("--ignore-eos", flags->ignore_eos,
                    "Goes on after the tokens that end an answer. Example: --ignore-eos --max-tokens 32");
  add_logits(*command, flags->logits);
  command->add_flag("--json", flags->json,
                    "Prints one JSON object: text, token_ids, prompt_token_ids, stop_reason, timings.\nExample: "
                    "lorikeet generate -m MODEL \"Hello\" --json");
  command->callback([=, &job] {
    flags->has_prompt = text->count() > 0;
    if (!flags->has_prompt && ids->count() == 0) throw CLI::RequiredError("PROMPT or --tokens");
    job = [flags] { return run(*flags); };
  });
}

}  // namespace lorikeet::tool
