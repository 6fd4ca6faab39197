// lorikeet factor-report: quality against speed for each number of active experts.
#include "frontend/factor_report.h"

#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "tools/commands.h"
#include "tools/model_options.h"
#include "tools/terminal.h"

namespace lorikeet::tool {
namespace {

struct Flags {
  std::string model, dense, data, out, tasks;
  DeviceOptions device;
  FactorReportOptions options;
  size_t tokens = 4096, limit = 200;
};

Result<std::vector<tasks::QuestionSet>> read_sets(const Flags& flags) {
  std::vector<tasks::QuestionSet> sets;
  if (flags.tasks.empty()) return sets;
  for (const tasks::Task& task : tasks::all_tasks()) {
    const auto file = tasks::find_file(task, flags.tasks);
    if (!file) continue;
    LK_ASSIGN(tasks::QuestionSet set, tasks::read_questions(task, *file));
    if (set.questions.size() > flags.limit) set.questions.resize(flags.limit);
    sets.push_back(std::move(set));
  }
  if (sets.empty()) return not_found(join("[factor-report] there is no file of a task in ", flags.tasks, "."));
  return sets;
}

Status run(const Flags& flags) {
  namespace fs = std::filesystem;
  std::error_code failure;
  if (fs::exists(flags.out, failure))
    return invalid(join("[factor-report] ", flags.out, " is there already; give the name of a new folder."));
  LK_ASSIGN(const std::vector<tasks::QuestionSet> sets, read_sets(flags));
  LK_ASSIGN(const std::string text, read_text(flags.data));
  LK_ASSIGN(Device device, flags.device.open());
  LK_ASSIGN(Model dense, Model::load(device, flags.dense));
  LK_ASSIGN(Model factored, Model::load(device, flags.model));
  if (!dense.tokenizer()) return not_found(join("[factor-report] ", flags.dense, " has no tokenizer."));
  LK_ASSIGN(std::vector<int32_t> tokens, dense.tokenizer()->encode(text, {.parse_special = false}));
  if (tokens.size() > flags.tokens) tokens.resize(flags.tokens);
  std::atomic<bool> interrupted{false};
  const OnInterrupt on_interrupt([&] { interrupted = true; });
  FactorReportOptions options = flags.options;
  options.progress = [&](const std::string& what) {
    say(join("measuring ", what));
    return !interrupted;
  };
  LK_ASSIGN(const FactorReport report, factor_report(dense, factored, tokens, sets, options));
  const std::string table = factor_table(report);
  print(table);
  fs::create_directories(flags.out, failure);
  const fs::path out = flags.out;
  LK_TRY(write_whole(out / "report.txt", table));
  LK_TRY(write_whole(out / "report.json", factor_json(report).dump(1) + "\n"));
  LK_TRY(write_whole(out / "report.svg", factor_svg(report)));
  print(join("wrote ", out.string(), ": report.txt, report.json, report.svg\n"));
  return Done{};
}

}  // namespace

void add_factor_report(CLI::App& program, Job& job) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* command = program.add_subcommand(
      "factor-report",
      "Quality and speed of a factored model for each number of active experts, beside the dense one.");
  command->footer("Example: lorikeet factor-report -m out.gguf --dense MODEL --data text.txt --out report");
  command->add_option("-m,--model", flags->model, "What factor wrote. Example: -m out.gguf")
      ->option_text("MODEL")
      ->required();
  command
      ->add_option("--dense", flags->dense,
                   "The model that it was made from. Example: --dense SmolLM2-135M-Instruct.Q4_1.gguf")
      ->option_text("MODEL")
      ->required();
  command->add_option("--data", flags->data, "A text that no part of it has learnt. Example: --data text.txt")
      ->option_text("FILE")
      ->required();
  command
      ->add_option("--out", flags->out,
                   "A new folder for report.txt, report.json and report.svg. Example: --out report")
      ->option_text("DIR")
      ->required();
  command->add_option("--tokens", flags->tokens, "Tokens of the text that are read (4096). Example: --tokens 20000")
      ->option_text("N")
      ->check(CLI::Range(2, 1 << 30));
  command->add_option("--window", flags->options.window, "Tokens of a piece of it (512). Example: --window 1024")
      ->option_text("N")
      ->check(CLI::Range(2, 1 << 20));
  command->add_option("--active", flags->options.active, "Numbers of experts; each by default. Example: --active 2,3,4")
      ->option_text("LIST")
      ->delimiter(',');
  command
      ->add_option("--tasks", flags->tasks, "A folder of commonsense questions, see eval tasks. Example: --tasks data")
      ->option_text("DIR");
  command->add_option("--limit", flags->limit, "The first N questions of each task (200). Example: --limit 50")
      ->option_text("N");
  command
      ->add_option("--prompt", flags->options.prompt, "Tokens of the prompt that is timed (128). Example: --prompt 512")
      ->option_text("N")
      ->check(CLI::Range(1, 1 << 16));
  command
      ->add_option("--generate", flags->options.generate,
                   "Tokens of the answer that is timed (32). Example: --generate 64")
      ->option_text("N")
      ->check(CLI::Range(1, 1 << 16));
  command->add_option("--rounds", flags->options.rounds, "How often all are timed in turn (3). Example: --rounds 9")
      ->option_text("N")
      ->check(CLI::Range(1, 1000));
  flags->device.add(*command);
  command->callback([flags, &job] { job = [flags] { return run(*flags); }; });
}

}  // namespace lorikeet::tool
