// lorikeet eval mmmb: how many questions about pictures a model answers rightly, in six languages.
#include <algorithm>
#include <filesystem>
#include <set>

#include "frontend/multiple_choice/report.h"
#include "frontend/multiple_choice/runner.h"
#include "runtime/base/text.h"
#include "tools/commands.h"
#include "tools/model_options.h"
#include "tools/terminal.h"

namespace lorikeet::tool {
namespace {

namespace choice = multiple_choice;
namespace fs = std::filesystem;

struct Flags {
  ModelOptions model;
  std::string folder, data = "all", answers;
  std::vector<std::string> languages;  // none: all that are there
  bool aggregate = false, json = false;
  uint32_t parallel = 4;
  size_t limit = 0;  // questions of a data set; 0: all
  choice::RunOptions options;
};

const std::vector<std::string> kLanguages = {"en", "zh", "pt", "ar", "tr", "ru"};

struct Kind {
  const char *data, *file, *name;  // of a data set without its language
};
constexpr Kind kKinds[] = {{"mmmb", "mmmb_", "MMMB_"}, {"mmbench", "mmbench_dev_", "MMBench_dev_"}};

// A data set and what the model said to it.
struct Task {
  choice::DataSet data_set;
  choice::AnswerFile answers;
};

Result<std::vector<choice::DataSet>> read_data_sets(const Flags& flags) {
  std::vector<choice::DataSet> sets;
  if (flags.aggregate) {
    LK_ASSIGN(choice::DataSet all, choice::read_mmmb(flags.folder));
    sets.push_back(std::move(all));
    return sets;
  }
  const std::set<std::string> asked(flags.languages.begin(), flags.languages.end());
  std::set<std::string> found;
  for (const Kind& kind : kKinds) {
    if (flags.data != "all" && flags.data != kind.data) continue;
    for (const std::string& language : kLanguages) {
      if (!asked.empty() && !asked.contains(language)) continue;
      const std::string part = language == "zh" ? "cn" : language;
      const fs::path file = fs::path(flags.folder) / join(kind.file, part, ".tsv");
      std::error_code ignored;
      if (!fs::exists(file, ignored)) continue;
      LK_ASSIGN(choice::DataSet set, choice::read_data_set(file, kind.name + part));
      sets.push_back(std::move(set));
      found.insert(language);
    }
  }
  const std::string wanted = flags.data == "all"    ? "mmmb or mmbench_dev"
                             : flags.data == "mmmb" ? "mmmb"
                                                    : "mmbench_dev";
  for (const std::string& language : asked)
    if (!found.contains(language))
      return not_found(join("[mmmb] expected a file ", wanted, "_", language == "zh" ? "cn" : language, ".tsv in ",
                            flags.folder, ", given none."));
  if (sets.empty())
    return not_found(join("[mmmb] expected files of the form ", wanted, "_en.tsv in ", flags.folder, ", given none."));
  return sets;
}

// The adapters as "NAME" or "NAME:SCALE", where `whole` with their whole paths, joined by "+"; empty for none.
std::string adapter_names(const Flags& flags, bool whole) {
  std::string names;
  for (const std::string& given : flags.model.adapters.given) {
    const auto [path, scale] = adapter_argument(given);
    std::error_code ignored;
    const fs::path folder = fs::weakly_canonical(path, ignored);
    names += join(names.empty() ? "" : "+", whole ? folder.string() : folder.filename().string());
    if (scale != 1) names += join(":", scale);
  }
  return names;
}

// By default one for each model and what is plugged into it.
fs::path answer_folder(const Flags& flags, const fs::path& model) {
  if (!flags.answers.empty()) return flags.answers;
  const std::string adapters = adapter_names(flags, false);
  return fs::path("lorikeet-answers") /
         (adapters.empty() ? model.filename() : fs::path(join(model.filename().string(), "+", adapters)));
}

// From the configuration alone: a model that cannot see is refused before anything is loaded or written.
Status check_model(const fs::path& model, const std::string& vision) {
  std::error_code ignored;
  LK_ASSIGN(const Checkpoint files, fs::is_directory(model, ignored) ? Checkpoint::open_config(model, vision)
                                                                     : Checkpoint::open(model, vision));
  LK_ASSIGN(const DecoderConfig config, DecoderConfig::from(files));
  return choice::need_sight(config, model.string());
}

Result<std::vector<Task>> open_tasks(const Flags& flags) {
  LK_ASSIGN(std::vector<choice::DataSet> sets, read_data_sets(flags));
  std::error_code failure;
  const fs::path model = fs::canonical(flags.model.path, failure);
  if (failure) return not_found(join("[mmmb] expected a model, given ", flags.model.path, ", which does not exist."));
  LK_TRY(check_model(model, flags.model.vision));
  const fs::path folder = answer_folder(flags, model);
  fs::create_directories(folder, failure);
  if (failure) return Error{ErrorCode::io, join("[mmmb] cannot make the folder ", folder.string(), "."), {}};
  say(join("answers: ", folder.string()));
  const std::string adapters = adapter_names(flags, true);
  std::vector<Task> tasks;
  for (choice::DataSet& set : sets) {
    LK_ASSIGN(choice::AnswerFile answers,
              choice::AnswerFile::open(folder / (set.name + ".jsonl"), set,
                                       join(model.string(), adapters.empty() ? "" : " with ", adapters, " (at most ",
                                            flags.options.max_tokens, " tokens)")));
    if (flags.limit > 0 && flags.limit < set.questions.size()) set.questions.resize(flags.limit);
    tasks.push_back({std::move(set), std::move(answers)});
  }
  return tasks;
}

Status answer_all(const Flags& flags, std::vector<Task>& tasks) {
  SessionOptions session = flags.model.session();
  session.slots = flags.parallel;
  LK_ASSIGN(Loaded loaded, load(flags.model, session));
  LK_TRY(loaded.use_adapters());
  const OnInterrupt on_interrupt([&] { loaded.session->cancel(); });
  for (Task& task : tasks) {
    ProgressLine progress(join("answering ", task.data_set.name));
    choice::RunOptions options = flags.options;
    options.progress = [&](size_t answered, size_t of) { progress.show(answered, of); };
    LK_TRY(choice::run(*loaded.model, *loaded.session, task.data_set, task.answers, options));
  }
  return Done{};
}

// A table for each kind of data set: they differ in categories.
void print_tables(const std::vector<choice::Evaluation>& evaluations) {
  std::vector<choice::Score> alone, circular;
  for (const choice::Evaluation& evaluation : evaluations)
    for (const choice::Score& score : evaluation.scores)
      (choice::is_circular(score.part) ? circular : alone).push_back(score);
  if (!alone.empty()) print(choice::report_table(alone));
  if (!alone.empty() && !circular.empty()) print("\n");
  if (!circular.empty()) print(choice::report_table(circular));
}

Status run(const Flags& flags) {
  LK_ASSIGN(std::vector<Task> tasks, open_tasks(flags));
  const auto is_open = [](const Task& task) { return !unanswered(task.data_set, task.answers.answers()).empty(); };
  if (std::any_of(tasks.begin(), tasks.end(), is_open)) LK_TRY(answer_all(flags, tasks));
  std::vector<choice::Evaluation> evaluations;
  nlohmann::ordered_json reports = nlohmann::ordered_json::array();
  for (const Task& task : tasks) {
    LK_ASSIGN(choice::Evaluation evaluation, choice::evaluate(task.data_set, task.answers.answers()));
    evaluations.push_back(std::move(evaluation));
    reports.push_back(choice::report_json(evaluations.back(), flags.model.path));
    if (!flags.model.adapters.given.empty()) reports.back()["adapters"] = flags.model.adapters.given;
  }
  if (flags.json) print(nlohmann::ordered_json{{"reports", reports}}.dump() + "\n");
  else print_tables(evaluations);
  return Done{};
}

}  // namespace

void add_eval_mmmb(CLI::App& eval, Job& job) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* command =
      eval.add_subcommand("mmmb", "How many questions about pictures the model answers rightly, in six languages.");
  command->footer(
      "DIR holds mmmb_en.tsv, mmbench_dev_en.tsv and the like; _cn is Chinese. Answers are kept: a run that was "
      "stopped\ngoes on where it was.\n"
      "Example: lorikeet eval mmmb -m MODEL LMUData --languages en,zh");
  command->add_option("folder", flags->folder, "The folder of the data sets. Example: LMUData")
      ->option_text("DIR")
      ->required();
  flags->model.add(*command);
  flags->model.adapters.add(*command);
  CLI::Option* languages =
      command
          ->add_option("--languages", flags->languages,
                       "Of en, zh, pt, ar, tr, ru; all that are there by default. Example: --languages en,zh")
          ->option_text("LIST")
          ->delimiter(',')
          ->check(CLI::IsMember(kLanguages));
  CLI::Option* data = command->add_option("--data", flags->data, "mmmb, mmbench or all (all). Example: --data mmmb")
                          ->option_text("NAME")
                          ->check(CLI::IsMember({"mmmb", "mmbench", "all"}));
  command
      ->add_flag("--aggregate", flags->aggregate,
                 "The published aggregate of the six files of MMMB: all but Chinese questions ask for the letter in\n"
                 "English. Example: eval mmmb -m MODEL LMUData --aggregate")
      ->excludes(languages)
      ->excludes(data);
  command->add_option("--parallel", flags->parallel, "Questions that are answered at once (4). Example: --parallel 16")
      ->option_text("N")
      ->check(CLI::Range(1, 512));
  command
      ->add_option("--max-tokens", flags->options.max_tokens,
                   "Longest answer (512, as published). Example: --max-tokens 16")
      ->option_text("N")
      ->check(CLI::Range(1, 1 << 20));
  command
      ->add_option("--limit", flags->limit, "Only the first N questions of each data set, 0: all. Example: --limit 20")
      ->option_text("N");
  command
      ->add_option("--answers", flags->answers,
                   "Where answers are kept (lorikeet-answers/ and the names of the model and its adapters).\nExample: "
                   "--answers my-answers")
      ->option_text("FOLDER");
  command->add_flag("--json", flags->json,
                    "Prints one JSON object: reports, one a data set. Example: eval mmmb -m MODEL LMUData --json");
  command->callback([flags, &job] { job = [flags] { return run(*flags); }; });
}

}  // namespace lorikeet::tool
