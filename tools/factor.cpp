// lorikeet factor: a dense model as one whose feed-forward layers are cut into experts.
#include "frontend/factor.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <filesystem>

#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "tools/commands.h"
#include "tools/factor_training.h"
#include "tools/terminal.h"

namespace lorikeet::tool {
namespace {

struct Flags {
  std::string model, out, split = "contiguous", order, scale, type;
  FactorOptions options;
  FactorTraining training;
  std::vector<std::string> cutting;  // the flags given that say how a dense model is cut
};

// One list of rows for all layers, or one a layer.
Result<std::vector<uint32_t>> read_order(const std::string& file) {
  LK_ASSIGN(const std::string text, read_text(file));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const Error bad =
      invalid(join("--order: ", file, " holds no list of the numbers of rows, nor one such list a layer."));
  std::vector<uint32_t> order;
  const auto add = [&](const nlohmann::json& list) {
    for (const auto& row : list) {
      if (!row.is_number_unsigned() || row.get<uint64_t>() > UINT32_MAX) return false;
      order.push_back(row.get<uint32_t>());
    }
    return list.is_array();
  };
  if (!json.is_array() || json.empty()) return bad;
  if (!json.front().is_array()) return add(json) ? Result<std::vector<uint32_t>>(order) : bad;
  for (const auto& layer : json)
    if (!layer.is_array() || !add(layer)) return bad;
  return order;
}

Status read_split(const std::string& text, Flags& flags) {
  const auto colon = std::min(text.find(':'), text.size());
  const std::string kind = text.substr(0, colon), seed = text.substr(std::min(colon + 1, text.size()));
  FactorOptions& options = flags.options;
  options.split = kind == "permutation" ? FactorSplit::permutation
                  : kind == "clustered" ? FactorSplit::clustered
                                        : FactorSplit::contiguous;
  const auto [end, error] = std::from_chars(seed.data(), seed.data() + seed.size(), options.seed);
  const bool has_seed = error == std::errc() && end == seed.data() + seed.size();
  if (text != "contiguous" && text != "clustered" && !(kind == "permutation" && has_seed))
    return invalid(
        join("--split is ", text.substr(0, 100), "; contiguous, permutation:SEED or clustered was expected."));
  if (!flags.order.empty()) {
    if (text != "contiguous") return invalid(join("--order is a split of its own; --split ", text, " was given too."));
    options.split = FactorSplit::permutation;
    LK_ASSIGN(options.order, read_order(flags.order));
  }
  if (options.split == FactorSplit::clustered && flags.training.data.empty())
    return invalid("--split clustered looks at a text: give one with --data.");
  return Done{};
}

// The model cut into experts, as one file. Its size.
Result<uint64_t> cut(const Flags& flags, const Checkpoint& source, const std::filesystem::path& out) {
  FactorOptions options = flags.options;
  if (options.split == FactorSplit::clustered) {
    LK_ASSIGN(options.order, flags.training.clusters(flags.model, options.experts));
  }
  std::atomic<bool> interrupted{false};
  const OnInterrupt on_interrupt([&] { interrupted = true; });
  ProgressLine progress("factoring");
  options.progress = [&](uint64_t done, uint64_t total) {
    progress.show(done, total);
    return !interrupted;
  };
  LK_ASSIGN(const ConvertReport report, factor(source, out, options));
  progress.end();
  for (const std::string& notice : report.notices) say(notice);
  return report.output_bytes;
}

// Whether a cut that a stopped run left is the one that is asked for.
Status check_cut(const std::filesystem::path& file, const FactorOptions& options) {
  LK_ASSIGN(const Checkpoint files, Checkpoint::open(file));
  LK_ASSIGN(const DecoderConfig config, DecoderConfig::from(files));
  const auto& cut = config.factor;
  bool same = cut && cut->experts == options.experts && cut->active == options.active && cut->split == options.split &&
              cut->output_scale == options.output_scale && cut->whole_layers == options.whole_layers;
  if (same && cut->split == FactorSplit::permutation) {
    LK_ASSIGN(const FactorConfig wanted, factor_config(config, options));
    same = cut->order == wanted.order;
  }
  if (same) return Done{};
  return invalid(join("[factor] ", file.string(),
                      " was cut with other options (--experts, --active, --split, --scale, --whole-layers);",
                      " give those that the run was begun with, or remove the folder."));
}

// A model that is cut already is only trained. What is on the way lies in a folder beside the result, which keeps the
// losses.
Status train(const Flags& flags, const Checkpoint& source, bool is_cut) {
  namespace fs = std::filesystem;
  const fs::path work = flags.out + ".training", split = work / "split.gguf";
  std::error_code failure;
  if (!flags.training.resume && fs::exists(work, failure))
    return invalid(join("[factor] ", work.string(), " is there already; give --resume to go on in it, or remove it."));
  fs::create_directories(work, failure);
  if (failure)
    return Error{ErrorCode::io, join("[factor] cannot write ", work.string(), ": ", failure.message(), "."), {}};
  if (!is_cut && fs::exists(split)) LK_TRY(check_cut(split, flags.options));
  if (!is_cut && !fs::exists(split)) {
    const auto made = cut(flags, source, split);
    if (!made) return made.error();
  }
  LK_ASSIGN(const fs::path trained, flags.training.train(is_cut ? fs::path(flags.model) : split, work));
  fs::rename(trained, flags.out, failure);
  if (failure)
    return Error{
        ErrorCode::io,
        join("[factor] cannot write ", flags.out, ": ", failure.message(), "; the model is in ", trained.string(), "."),
        {}};
  for (const char* leftover : {"split.gguf", "routers/model.gguf", "routers/checkpoint.safetensors",
                               "experts/model.gguf", "experts/checkpoint.safetensors"})
    fs::remove(work / leftover, failure);
  return Done{};
}

Status run(Flags flags) {
  LK_TRY(read_split(flags.split, flags));
  if (const auto scale = factor_scale_from_name(flags.scale)) flags.options.output_scale = *scale;
  else if (flags.options.split == FactorSplit::clustered) flags.options.output_scale = FactorScale::one;
  if (!flags.type.empty()) flags.options.type = dtype_from_name(flags.type);
  std::sort(flags.options.whole_layers.begin(), flags.options.whole_layers.end());
  flags.options.threads = unsigned(flags.training.device.threads);
  if (!flags.training.stage.empty() && flags.training.data.empty())
    return invalid(join("--stage ", flags.training.stage, " learns from a text: give one with --data."));
  LK_ASSIGN(const Checkpoint source, Checkpoint::open(flags.model));
  LK_ASSIGN(const DecoderConfig config, DecoderConfig::from(source));
  if (config.factor && !flags.cutting.empty())
    return invalid(join("[factor] ", flags.model, " is cut into ", config.factor->experts, " experts, ",
                        config.factor->active, " of them active, and is only trained; ", flags.cutting.front(),
                        " is for a dense model."));
  const bool dry_run = flags.options.dry_run, trains = !flags.training.stages().empty() && !dry_run;
  if (!config.factor || !trains) LK_TRY(check_factor_options(source, flags.options));
  uint64_t bytes = 0;
  if (trains) {
    LK_TRY(train(flags, source, config.factor.has_value()));
    bytes = std::filesystem::file_size(flags.out);
  } else {
    LK_ASSIGN(bytes, cut(flags, source, flags.out));
  }
  if (!trains || flags.training.stage == "experts")
    say("The routers have not learnt here: they choose as before, or at random if they have never learnt.");
  print(join(dry_run ? "would write " : "wrote ", flags.out, ": ",
             config.factor ? config.factor->experts : flags.options.experts, " experts a layer, ",
             config.factor ? config.factor->active : flags.options.active, " active, ", size_text(bytes), "\n"));
  return Done{};
}

}  // namespace

void add_factor(CLI::App& program, Job& job) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* command = program.add_subcommand(
      "factor", "Cuts the feed-forward layers of a dense model into experts (FactorLLM), as one GGUF file.");
  command->footer(
      "With data the routers are trained too, and the experts if wished; a model that is factored already is only\n"
      "trained. What is on the way is in FILE.training, where the losses stay.\n"
      "Example: lorikeet factor -m TinyLlama out.gguf --experts 4 --active 2 --data text.txt\n"
      "Example: lorikeet factor -m TinyLlama out.gguf --experts 8 --active 4 --split clustered --data text.txt --stage "
      "both");
  command
      ->add_option("-m,--model", flags->model,
                   "A dense llama or qwen2 model: a GGUF file or a Hugging Face directory. Example: -m TinyLlama")
      ->option_text("MODEL")
      ->required();
  command->add_option("out", flags->out, "The GGUF file to write. Example: out.gguf")->option_text("FILE")->required();
  command
      ->add_option("--experts", flags->options.experts,
                   "Experts of each layer (4); must divide the intermediate size. Example: --experts 8")
      ->option_text("N")
      ->check(CLI::Range(1, 1024));
  command
      ->add_option("--active", flags->options.active,
                   "Experts that a token goes through where nobody asks for another number (2). Example: --active 1")
      ->option_text("K")
      ->check(CLI::Range(1, 1024));
  command
      ->add_option(
          "--split", flags->split,
          "Which rows make an expert: contiguous (neighbours, as published), permutation:SEED, or clustered (those\n"
          "that fire together on the data). Example: --split permutation:7")
      ->option_text("SPLIT");
  command
      ->add_option("--order", flags->order,
                   "A split that is given: a JSON list of all rows in their new order, or one such list a layer; each\n"
                   "expert takes its share of neighbours. Example: --order order.json")
      ->option_text("FILE");
  command
      ->add_option(
          "--scale", flags->scale,
          "What the sum of the chosen experts is multiplied by: n_div_k (rounded down, as published), exact\n"
          "(n / k), or one, which suits clusters (one for a clustered split, else n_div_k). Example: --scale one")
      ->option_text("NAME")
      ->check(CLI::IsMember({"n_div_k", "exact", "one"}));
  command
      ->add_option(
          "--whole-layers", flags->options.whole_layers,
          "Layers that go through all their experts, whatever is asked for: those that lose the most by leaving\n"
          "some out, often the first and the last. Example: --whole-layers 0,29")
      ->option_text("LIST")
      ->delimiter(',');
  command
      ->add_option("--type", flags->type,
                   "Type of the matrices, see convert; without it they are kept as they are. Example: --type q8_0")
      ->option_text("TYPE")
      ->check(CLI::IsMember({"f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q4_k", "q5_k", "q6_k"}));
  command->add_flag("--dry-run", flags->options.dry_run,
                    "Only says what would be written. Example: factor -m MODEL out.gguf --dry-run");
  flags->training.add(*command);
  command->callback([flags, command, &job] {
    for (const char* name : {"--experts", "--active", "--split", "--order", "--scale", "--whole-layers", "--type"})
      if (command->count(name) > 0) flags->cutting.emplace_back(name);
    job = [flags] { return run(*flags); };
  });
}

}  // namespace lorikeet::tool
