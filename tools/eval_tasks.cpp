// lorikeet eval tasks: how many questions of the commonsense tasks a model answers rightly.
#include <filesystem>
#include <set>

#include "frontend/tasks/report.h"
#include "runtime/base/text.h"
#include "tools/commands.h"
#include "tools/model_options.h"
#include "tools/terminal.h"

namespace lorikeet::tool {
namespace {

struct Flags {
  ModelOptions model;
  std::string folder, prompt = "plain";
  std::vector<std::string> tasks;  // none: all that are there
  bool json = false;
  uint32_t parallel = 16;
  size_t limit = 0;  // questions of a task; 0: all
  tasks::RunOptions options;
};

// Those asked for, each once, or those that are there.
Result<std::vector<tasks::QuestionSet>> read_sets(const Flags& flags) {
  const PromptTemplate prompt = *prompt_template_from_name(flags.prompt);
  std::set<std::string> asked(flags.tasks.begin(), flags.tasks.end());
  std::vector<tasks::QuestionSet> sets;
  for (const tasks::Task& task : tasks::all_tasks()) {
    if (!asked.empty() && !asked.contains(std::string(task.name))) continue;
    const auto file = tasks::find_file(task, flags.folder);
    if (!file && asked.empty()) continue;
    if (!file)
      return not_found(
          join("[tasks] expected one of the files ", tasks::file_names(task), " in ", flags.folder, ", given none."));
    LK_ASSIGN(tasks::QuestionSet set, tasks::read_questions(task, *file, prompt));
    if (flags.limit > 0 && flags.limit < set.questions.size()) set.questions.resize(flags.limit);
    sets.push_back(std::move(set));
  }
  if (sets.empty())
    return not_found(join("[tasks] expected the file of at least one task in ", flags.folder, ", such as ",
                          tasks::file_names(tasks::all_tasks().front()), ", given none."));
  return sets;
}

Status run(const Flags& flags) {
  LK_ASSIGN(const std::vector<tasks::QuestionSet> sets, read_sets(flags));
  SessionOptions session = flags.model.session();
  session.slots = flags.parallel;
  if (session.context == 0) session.context = flags.options.max_tokens;
  LK_ASSIGN(Loaded loaded, load(flags.model, session));
  LK_TRY(loaded.use_adapters());
  const OnInterrupt on_interrupt([&] { loaded.session->cancel(); });
  std::vector<tasks::TaskResult> results;
  nlohmann::ordered_json reports = nlohmann::ordered_json::array();
  for (const tasks::QuestionSet& set : sets) {
    ProgressLine progress(join("answering ", set.task));
    tasks::RunOptions options = flags.options;
    options.progress = [&](size_t answered, size_t of) { progress.show(answered, of); };
    LK_ASSIGN(tasks::TaskResult result, tasks::run(*loaded.model, *loaded.session, set, options));
    if (result.truncated > 0)
      say(join(set.task, ": ", result.truncated, " prompts were cut to ", flags.options.max_tokens, " tokens."));
    reports.push_back(tasks::report_json(result));
    results.push_back(std::move(result));
  }
  if (!flags.json) print(tasks::report_table(results));
  else
    print(nlohmann::ordered_json{{"model", flags.model.path},
                                 {"adapters", flags.model.adapters.given},
                                 {"max_tokens", flags.options.max_tokens},
                                 {"mean_accuracy", tasks::mean_accuracy(results)},
                                 {"tasks", reports}}
              .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) +
          "\n");
  return Done{};
}

std::vector<std::string> task_names() {
  std::vector<std::string> names;
  for (const tasks::Task& task : tasks::all_tasks()) names.emplace_back(task.name);
  return names;
}

}  // namespace

void add_eval_tasks(CLI::App& eval, Job& job) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* command = eval.add_subcommand("tasks", "How many commonsense questions the model answers rightly.");
  command->footer(
      "DIR holds arc-e.jsonl, or ARC-Easy/test.json, and the like, with the fields of Hugging Face's data sets or "
      "with\n"
      "instruction, input, output and answer. The prompts are the published ones of DynMoLE.\n"
      "Example: lorikeet eval tasks -m MODEL --tasks arc-e,boolq data");
  command->add_option("folder", flags->folder, "The folder of the questions. Example: data")
      ->option_text("DIR")
      ->required();
  flags->model.add(*command);
  flags->model.adapters.add(*command);
  command
      ->add_option("--tasks", flags->tasks,
                   "Of arc-e, arc-c, boolq, obqa, piqa, siqa, hellaswag, winogrande, csqa, pubmedqa; all that are\n"
                   "there by default. Example: --tasks arc-e,boolq")
      ->option_text("LIST")
      ->delimiter(',')
      ->check(CLI::IsMember(task_names()));
  command->add_option("--parallel", flags->parallel, "Questions that are read at once (16). Example: --parallel 64")
      ->option_text("N")
      ->check(CLI::Range(1, 512));
  command
      ->add_option("--max-tokens", flags->options.max_tokens,
                   "Longest prompt; longer ones are cut (512, as published). Example: --max-tokens 1024")
      ->option_text("N")
      ->check(CLI::Range(2, 1 << 20));
  command->add_option("--limit", flags->limit, "Only the first N questions of each task, 0: all. Example: --limit 100")
      ->option_text("N");
  command
      ->add_option("--prompt", flags->prompt,
                   "How an instruction of the file's own is written down: plain, moe_peft or alpaca (plain).\n"
                   "Example: --prompt moe_peft")
      ->option_text("NAME")
      ->check(CLI::IsMember({"plain", "moe_peft", "alpaca"}));
  command->add_flag("--json", flags->json,
                    "Prints one JSON object: tasks, one a task. Example: eval tasks -m MODEL data --json");
  command->callback([flags, &job] { job = [flags] { return run(*flags); }; });
}

}  // namespace lorikeet::tool
