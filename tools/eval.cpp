// lorikeet eval: how good a model is. Here perplexity; a file for each other measure.
#include <chrono>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "frontend/eval.h"
#include "runtime/base/file.h"
#include "tools/commands.h"
#include "tools/model_options.h"
#include "tools/terminal.h"

namespace lorikeet::tool {
namespace {

struct Flags {
  ModelOptions model;
  std::string file;
  PerplexityOptions options;
  bool all = false, json = false;
};

void print_result(const Perplexity& result, const Flags& flags, double seconds) {
  if (flags.json) {
    const nlohmann::ordered_json json = {{"perplexity", result.perplexity},
                                         {"deviation", result.deviation},
                                         {"mean_nll", result.mean_nll},
                                         {"tokens", result.tokens},
                                         {"windows", result.windows},
                                         {"scored", result.scored},
                                         {"seconds", seconds}};
    print(json.dump() + "\n");
    return;
  }
  char line[200];
  std::snprintf(line, sizeof line,
                "perplexity %.4f +- %.4f (%llu predictions in %llu windows of a text of %llu tokens)\n",
                result.perplexity, result.deviation, static_cast<unsigned long long>(result.scored),
                static_cast<unsigned long long>(result.windows), static_cast<unsigned long long>(result.tokens));
  print(line);
}

Status run(const Flags& flags) {
  LK_ASSIGN(const std::string text, read_text(flags.file));
  SessionOptions session = flags.model.session();
  if (session.context == 0) session.context = flags.options.window;
  LK_ASSIGN(Loaded loaded, load(flags.model, session));
  LK_TRY(loaded.use_adapters());
  LK_ASSIGN(const std::vector<int32_t> tokens, prompt_ids(*loaded.model, text));
  const OnInterrupt on_interrupt([&] { loaded.session->cancel(); });
  PerplexityOptions options = flags.options;
  options.scored = options.stride && options.stride < options.window ? Scored::fresh
                   : flags.all                                       ? Scored::all
                                                                     : Scored::second_half;
  ProgressLine progress("evaluating");
  options.progress = [&](uint64_t done, uint64_t total, double) {
    progress.show(done, total);
    return true;
  };
  const auto start = std::chrono::steady_clock::now();
  LK_ASSIGN(const Perplexity result, perplexity(*loaded.model, *loaded.session, tokens, options));
  progress.end();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  char line[80];
  std::snprintf(line, sizeof line, "[%.1f seconds, %.1f tokens/s]", seconds, double(result.tokens) / seconds);
  say(line);
  print_result(result, flags, seconds);
  return Done{};
}

}  // namespace

void add_eval(CLI::App& program, Job& job) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* eval = program.add_subcommand("eval", "Measures how good a model is.");
  eval->require_subcommand(1);
  add_eval_mmmb(*eval, job);
  add_eval_tasks(*eval, job);
  add_eval_names(*eval, job);
  CLI::App* command = eval->add_subcommand("perplexity", "How surprised the model is by a text; lower is better.");
  command->footer(
      "By default the text is cut into windows of 512 tokens and the second half of each is scored, as llama.cpp "
      "does.\n"
      "Example: lorikeet eval perplexity -m MODEL text.txt");
  command->add_option("text", flags->file, "A text file in UTF-8. Example: wiki.test.raw")
      ->option_text("FILE")
      ->required();
  flags->model.add(*command);
  flags->model.adapters.add(*command);
  command->add_option("--window", flags->options.window, "Tokens of a window (512). Example: --window 1024")
      ->option_text("N")
      ->check(CLI::Range(int64_t(2), int64_t(1) << 30));
  command
      ->add_option("--stride", flags->options.stride,
                   "Tokens from one window to the next: windows overlap, and each scores what is new.\nExample: "
                   "--window 1024 --stride 512")
      ->option_text("N")
      ->check(CLI::Range(int64_t(1), int64_t(1) << 30));
  command->add_flag("--whole", flags->all, "Scores every prediction of each window. Example: --window 1024 --whole");
  command->add_flag("--json", flags->json, "Prints one JSON object. Example: eval perplexity -m MODEL text.txt --json");
  command->callback([flags, &job] { job = [flags] { return run(*flags); }; });
}

}  // namespace lorikeet::tool
