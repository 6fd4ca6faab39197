// lorikeet generate: continues a text, a list of token ids, or every prompt of a file.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <iterator>

#include "frontend/logits_file.h"
#include "tools/answer_output.h"
#include "tools/commands.h"
#include "tools/model_options.h"
#include "tools/prompt_inputs.h"
#include "tools/terminal.h"

namespace lorikeet::tool {
namespace {

struct Flags {
  ModelOptions model;
  SamplingOptions sampling;
  std::string prompt, logits, prompts;
  std::vector<int32_t> tokens;
  uint32_t parallel = 8;
  bool has_prompt = false, json = false, reproducible = false;
};

std::string read_stdin() { return {std::istreambuf_iterator<char>(std::cin), {}}; }

Result<std::vector<int32_t>> prompt_of(const Flags& flags, const Model& model) {
  if (!flags.has_prompt) return flags.tokens;
  return prompt_ids(model, flags.prompt == "-" ? read_stdin() : flags.prompt);
}

SessionOptions session_of(const Flags& flags) {
  SessionOptions options = flags.model.session();
  options.reproducible = flags.reproducible;
  return options;
}

nlohmann::ordered_json line_of(const PromptLine& line, const BatchPrompt& prompt, const Answer& answer,
                               const Flags& flags, const Loaded& loaded) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (!line.id.empty()) json["id"] = nlohmann::ordered_json::parse(line.id, nullptr, false);
  json["text"] = answer.text;
  json["tokens"] = answer.token_ids.size();
  json["prompt_tokens"] = answer.prompt_token_ids.size();
  json["stop_reason"] = name(answer.stop_reason);
  if (!prompt.options.sampler.greedy) json["seed"] = prompt.options.sampler.seed;
  if (!loaded.adapters.empty()) {
    json["adapter"] = nlohmann::ordered_json::array();
    for (const uint32_t number : prompt.adapters) json["adapter"].push_back(loaded.adapters[number].name);
  }
  if (flags.json) {
    json["token_ids"] = answer.token_ids;
    json["prompt_token_ids"] = answer.prompt_token_ids;
  }
  return json;
}

// Many conversations at once; a line of JSON for each answer.
Status run_all(const Flags& flags) {
  LK_ASSIGN(const std::vector<PromptLine> lines, read_prompts(flags.prompts, flags.sampling.asked()));
  SessionOptions session = session_of(flags);
  session.slots = uint32_t(std::min<size_t>(flags.parallel, lines.size()));
  LK_ASSIGN(Loaded loaded, load(flags.model, session));
  LK_ASSIGN(const std::vector<BatchPrompt> prompts, batch_prompts(loaded, lines));
  const OnInterrupt on_interrupt([&] { loaded.session->cancel(); });
  const auto start = std::chrono::steady_clock::now();
  uint64_t tokens = 0;
  LK_TRY(answer_all(*loaded.model, *loaded.session, prompts, [&](size_t i, const Answer& answer) -> Status {
    tokens += answer.token_ids.size();
    print(line_of(lines[i], prompts[i], answer, flags, loaded)
              .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) +
          "\n");
    return Done{};
  }));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  char line[160];
  std::snprintf(line, sizeof line, "[%zu prompts, %u at once: %llu tokens in %.1f seconds, %.1f tokens/s]",
                lines.size(), session.slots, static_cast<unsigned long long>(tokens), seconds,
                double(tokens) / seconds);
  say(line);
  return Done{};
}

Status run(const Flags& flags) {
  if (!flags.prompts.empty()) return run_all(flags);
  LK_ASSIGN(Loaded loaded, load(flags.model, session_of(flags)));
  LK_TRY(loaded.use_adapters());
  LK_ASSIGN(const std::vector<int32_t> prompt, prompt_of(flags, *loaded.model));
  Generator generator(*loaded.model, *loaded.session);
  const OnInterrupt on_interrupt([&] { loaded.session->cancel(); });
  if (!flags.logits.empty()) LK_TRY(write_logits(*loaded.model, *loaded.session, 0, prompt, flags.logits));
  const GenerationOptions options = flags.sampling.generation();
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
  CLI::Option* file =
      command
          ->add_option(
              "--prompts", flags->prompts,
              "Answers every line of a file (-: stdin) and prints a line of JSON for each, in order: text, tokens,\n"
              "prompt_tokens, stop_reason. A line is {\"prompt\": TEXT}, {\"messages\": [...]} or {\"tokens\": IDS}, "
              "maybe with\n"
              "adapter (folder names of --adapter or null; all by default), max_tokens, temperature, top_k, top_p,\n"
              "min_p, repeat_penalty, seed, stop, id. Example: --prompts prompts.jsonl --parallel 16")
          ->option_text("FILE")
          ->excludes(text)
          ->excludes(ids);
  command
      ->add_option(
          "--parallel", flags->parallel,
          "With --prompts: conversations at once (8). Alone a prompt may get another answer, where two tokens\n"
          "are nearly as likely; not with --reproducible. Example: --parallel 16")
      ->option_text("N")
      ->check(CLI::Range(1, 512));
  command->add_flag("--reproducible", flags->reproducible,
                    "Adds in one order whatever is computed at once: slower, the same bits. Example: --reproducible");
  flags->model.add(*command);
  flags->model.adapters.add(*command);
  flags->sampling.add(*command, 256);
  command->add_flag("--ignore-eos", flags->sampling.wishes.ignore_eos,
                    "Goes on after the tokens that end an answer. Example: --ignore-eos --max-tokens 32");
  add_logits(*command, flags->logits);
  command->get_option("--logits")->excludes(file);
  command->add_flag("--json", flags->json,
                    "Prints one JSON object: text, token_ids, prompt_token_ids, stop_reason, timings. With --prompts:\n"
                    "token_ids and prompt_token_ids too. Example: lorikeet generate -m MODEL \"Hello\" --json");
  command->callback([=, &job] {
    flags->has_prompt = text->count() > 0;
    if (!flags->has_prompt && ids->count() == 0 && file->count() == 0)
      throw CLI::RequiredError("PROMPT, --tokens or --prompts");
    job = [flags] { return run(*flags); };
  });
}

}  // namespace lorikeet::tool
