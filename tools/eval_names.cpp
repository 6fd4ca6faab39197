// lorikeet eval names: how often a model finds the right name of a picture among all names of a language.
#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "frontend/names/report.h"
#include "frontend/routing_report.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "tools/commands.h"
#include "tools/model_options.h"
#include "tools/terminal.h"

namespace lorikeet::tool {
namespace {

struct Flags {
  ModelOptions model;
  std::vector<std::string> files;
  std::string names, policy = "dense", route_by, svg;
  std::vector<std::string> languages;  // none: all
  bool json = false;
  uint32_t parallel = 24;
  size_t limit = 0;  // pictures of a file; 0: all
  names::RunOptions options;
};

Result<size_t> number_of(const names::NameSet& set, const std::string& code) {
  std::string known;
  for (size_t i = 0; i < set.languages.size(); ++i) {
    if (set.languages[i].code == code) return i;
    known += join(i ? ", " : "", set.languages[i].code);
  }
  return invalid(join("[names] expected one of the languages ", known, ", given ", code, "."));
}

Result<names::NameSet> read_names(const Flags& flags) {
  LK_ASSIGN(names::NameSet set, names::read_names(flags.names));
  std::set<size_t> kept;
  for (const std::string& code : flags.languages) {
    LK_ASSIGN(const size_t number, number_of(set, code));
    kept.insert(number);
  }
  if (kept.empty()) return set;
  std::vector<names::Language> languages;
  for (const size_t number : kept) languages.push_back(std::move(set.languages[number]));
  set.languages = std::move(languages);
  return set;
}

Result<std::vector<names::NamedPicture>> read_pictures(const Flags& flags, const names::NameSet& set) {
  std::vector<names::NamedPicture> all;
  for (const std::string& file : flags.files) {
    LK_ASSIGN(std::vector<names::NamedPicture> pictures, names::read_pictures(file, set));
    if (flags.limit > 0 && flags.limit < pictures.size()) pictures.resize(flags.limit);
    std::move(pictures.begin(), pictures.end(), std::back_inserter(all));
  }
  return all;
}

Status run(const Flags& flags) {
  LK_ASSIGN(const names::NameSet set, read_names(flags));
  LK_ASSIGN(const std::vector<names::NamedPicture> pictures, read_pictures(flags, set));
  names::RunOptions options = flags.options;
  if (!flags.route_by.empty()) {
    LK_ASSIGN(options.route_by, number_of(set, flags.route_by));
  }
  SessionOptions session = flags.model.session();
  session.slots = flags.parallel;
  LK_ASSIGN(session.routing, parse_policy(flags.policy));
  LK_ASSIGN(Loaded loaded, load(flags.model, session));
  const OnInterrupt on_interrupt([&] { loaded.session->cancel(); });
  ProgressLine progress("naming");
  options.progress = [&](size_t done, size_t of) { progress.show(done, of); };
  LK_ASSIGN(const std::vector<names::Naming> namings,
            names::run(*loaded.model, *loaded.session, set, pictures, options));
  progress.end();
  const names::Summary summary = names::summary(set, pictures, namings, options);
  if (!flags.svg.empty()) {
    if (summary.experts.empty())
      return invalid("[names] expected a model with visual experts for --svg, given one without.");
    LK_TRY(write_whole(flags.svg, names::expert_map_svg(summary, set)));
  }
  if (!flags.json) {
    print(names::report_table(summary, set));
    return Done{};
  }
  nlohmann::ordered_json json = {{"model", loaded.model->checkpoint().path().string()},
                                 {"expert_policy", flags.policy}};
  if (!flags.route_by.empty()) json["route_by"] = flags.route_by;
  json.update(names::report_json(summary, set));
  print(json.dump() + "\n");
  return Done{};
}

}  // namespace

void add_eval_names(CLI::App& eval, Job& job) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* command = eval.add_subcommand("names", "How often the right name of a picture is found among all names.");
  command->footer(
      "Each line of FILE is {\"image\": \"cat.png\", \"thing\": \"cat\", \"group\": \"animals\", \"split\": \"test\"}; "
      "the "
      "names\nare {\"languages\": {\"en\": {\"question\": \"What is this?\", \"names\": {\"cat\": \"cat face\"}}}}. "
      "Top 1 and "
      "top 5 are\nexact, over all names.\n"
      "Example: lorikeet eval names -m MODEL --names names.json test.jsonl");
  command->add_option("files", flags->files, "Pictures with the right thing. Example: test.jsonl")
      ->option_text("FILE ...")
      ->required();
  flags->model.add_or_default(*command);
  command->add_option("--names", flags->names, "The names of all things in each language. Example: --names names.json")
      ->option_text("FILE")
      ->required();
  command
      ->add_option("--languages", flags->languages, "Of those in the file; all by default. Example: --languages en,zh")
      ->option_text("LIST")
      ->delimiter(',');
  command->add_option("--top", flags->options.names, "Likeliest names to look for (5). Example: --top 1")
      ->option_text("N")
      ->check(CLI::Range(1, 1000));
  command
      ->add_option("--answer-tokens", flags->options.answer_tokens,
                   "Longest free answer, 0: none is asked for (24). Example: --answer-tokens 0")
      ->option_text("N")
      ->check(CLI::Range(0, 1 << 16));
  command
      ->add_option("--route-by", flags->route_by,
                   "Every picture is routed by the question in this language, to see what routing is worth.\n"
                   "Example: --route-by en")
      ->option_text("LANGUAGE");
  command
      ->add_option("--expert-policy", flags->policy,
                   "Which visual experts work: dense (all, as published), top-k:K, top-p:P, min-weight:W;\n"
                   "\",renormalise\" may follow. Example: --expert-policy top-k:1,renormalise")
      ->option_text("POLICY");
  command->add_option("--parallel", flags->parallel, "Questions that are asked at once (24). Example: --parallel 6")
      ->option_text("N")
      ->check(CLI::Range(1, 512));
  command->add_option("--limit", flags->limit, "Only the first N pictures of each file, 0: all. Example: --limit 100")
      ->option_text("N");
  command->add_option("--svg", flags->svg, "Draws which experts speak for which language. Example: --svg experts.svg")
      ->option_text("FILE");
  command->add_flag("--json", flags->json,
                    "Prints one JSON object. Example: eval names -m MODEL --names names.json test.jsonl --json");
  command->callback([flags, &job] { job = [flags] { return run(*flags); }; });
}

}  // namespace lorikeet::tool
