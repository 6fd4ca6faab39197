// lorikeet factor: a dense model as one whose feed-forward layers are cut into experts.
#include "frontend/factor.h"

#include <atomic>
#include <charconv>

#include "runtime/base/text.h"
#include "tools/commands.h"
#include "tools/terminal.h"

namespace lorikeet::tool {
namespace {

struct Flags {
  std::string model, out, split = "contiguous", type;
  FactorOptions options;
};

Status read_split(const std::string& text, FactorOptions& options) {
  constexpr std::string_view kPermutation = "permutation:";
  if (text == "contiguous") return Done{};
  const std::string_view seed = std::string_view(text).substr(std::min(text.size(), kPermutation.size()));
  const auto [end, error] = std::from_chars(seed.data(), seed.data() + seed.size(), options.seed);
  if (!text.starts_with(kPermutation) || error != std::errc() || end != seed.data() + seed.size())
    return invalid(join("--split is ", text.substr(0, 100), "; contiguous or permutation:SEED was expected."));
  options.split = FactorSplit::permutation;
  return Done{};
}

Status run(const Flags& flags) {
  FactorOptions options = flags.options;
  LK_TRY(read_split(flags.split, options));
  if (!flags.type.empty()) options.type = dtype_from_name(flags.type);
  LK_ASSIGN(const Checkpoint source, Checkpoint::open(flags.model));
  std::atomic<bool> interrupted{false};
  const OnInterrupt on_interrupt([&] { interrupted = true; });
  ProgressLine progress("factoring");
  options.progress = [&](uint64_t done, uint64_t total) {
    progress.show(done, total);
    return !interrupted;
  };
  LK_ASSIGN(const ConvertReport report, factor(source, flags.out, options));
  progress.end();
  for (const std::string& notice : report.notices) say(notice);
  say("The routers have not learnt: they choose at random until they are trained.");
  print(join(options.dry_run ? "would write " : "wrote ", flags.out, ": ", options.experts, " experts a layer, ",
             options.active, " active, ", size_text(report.output_bytes), " from ", size_text(report.input_bytes),
             "\n"));
  return Done{};
}

}  // namespace

void add_factor(CLI::App& program, Job& job) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* command = program.add_subcommand(
      "factor", "Cuts the feed-forward layers of a dense model into experts (FactorLLM), as one GGUF file.");
  command->footer("Example: lorikeet factor -m TinyLlama out.gguf --experts 4 --active 2");
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
      ->add_option("--split", flags->split,
                   "Which rows make an expert: contiguous (neighbours, as published) or permutation:SEED.\nExample: "
                   "--split permutation:7")
      ->option_text("SPLIT");
  command->add_flag("--exact-scale", flags->options.exact_scale,
                    "The sum of the experts is multiplied by n / k; otherwise by n div k, as published.\nExample: "
                    "--active 3 --exact-scale");
  command
      ->add_option("--type", flags->type,
                   "Type of the matrices, see convert; without it they are kept as they are. Example: --type q8_0")
      ->option_text("TYPE")
      ->check(CLI::IsMember({"f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q4_k", "q5_k", "q6_k"}));
  command
      ->add_option("--threads", flags->options.threads,
                   "Threads that quantise; 0: all of the machine. Example: --threads 4")
      ->option_text("N")
      ->check(CLI::Range(0, 1024));
  command->add_flag("--dry-run", flags->options.dry_run,
                    "Only says what would be written. Example: factor -m MODEL out.gguf --dry-run");
  command->callback([flags, &job] { job = [flags] { return run(*flags); }; });
}

}  // namespace lorikeet::tool
