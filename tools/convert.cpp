// lorikeet convert: any model that can be loaded, as one GGUF file, with LoRAs merged into it if wished, or as a folder
// with a state dict of PyTorch.
#include <atomic>
#include <map>

#include "frontend/convert.h"
#include "frontend/state_dict.h"
#include "runtime/base/text.h"
#include "tools/commands.h"
#include "tools/model_options.h"
#include "tools/terminal.h"

namespace lorikeet::tool {
namespace {

struct Flags {
  std::string model, vision, out, type = "f16", to = "gguf";
  unsigned threads = 0;
  AdapterOptions adapters;
  bool dry_run = false, dense_copies = false;
};

// By the name of a tensor in GGUF files.
std::string_view part_of(std::string_view name) {
  if (name.starts_with("v.")) return "vision tower";
  if (name.starts_with("mm.ffn_")) return "visual experts";
  return name.starts_with("mm.") ? "projector" : "decoder";
}

void print_parts(const ConvertReport& report) {
  std::map<std::string_view, uint64_t> bytes;
  for (const ConvertedTensor& tensor : report.tensors) bytes[part_of(tensor.name)] += tensor.bytes;
  if (bytes.size() < 2) return;
  for (const auto& [part, size] : bytes) print(join(part, ": ", size_text(size), "\n"));
}

Status write_folder(const Flags& flags) {
  if (!flags.vision.empty() || !flags.adapters.given.empty() || flags.dry_run)
    return invalid("--to pytorch writes a decoder as it is: --vision, --adapter and --dry-run are for GGUF files.");
  LK_ASSIGN(const Checkpoint source, Checkpoint::open(flags.model));
  std::atomic<bool> interrupted{false};
  const OnInterrupt on_interrupt([&] { interrupted = true; });
  ProgressLine progress("converting");
  const auto shown = [&](uint64_t done, uint64_t total) {
    progress.show(done, total);
    return !interrupted;
  };
  LK_ASSIGN(
      const StateDictReport report,
      write_state_dict(source, flags.out,
                       {.type = *dtype_from_name(flags.type), .dense_copies = flags.dense_copies, .progress = shown}));
  progress.end();
  for (const std::string& notice : report.notices) say(notice);
  print(join("wrote ", flags.out, ": ", report.tensors, " tensors, ", size_text(report.bytes), "\n"));
  return Done{};
}

Status run(const Flags& flags) {
  if (flags.to == "pytorch") return write_folder(flags);
  if (flags.dense_copies) return invalid("--dense-copies is for --to pytorch.");
  LK_ASSIGN(const Checkpoint source, Checkpoint::open(flags.model, flags.vision));
  ConvertOptions options;
  options.type = *dtype_from_name(flags.type);
  options.dry_run = flags.dry_run;
  options.threads = flags.threads;
  std::vector<GivenAdapter> adapters;
  if (!flags.adapters.given.empty()) {
    LK_ASSIGN(const DecoderConfig config, DecoderConfig::from(source));
    LK_ASSIGN(adapters, flags.adapters.open(adapter_base(source, config)));
  }
  for (const GivenAdapter& given : adapters) {
    for (const std::string& warning : given.adapter->warnings) say(join(given.path, ": ", warning));
    LK_TRY(options.merge.add(*given.adapter, given.scale, given.path));
  }
  std::atomic<bool> interrupted{false};
  const OnInterrupt on_interrupt([&] { interrupted = true; });
  ProgressLine progress("converting");
  options.progress = [&](uint64_t done, uint64_t total) {
    progress.show(done, total);
    return !interrupted;
  };
  LK_ASSIGN(const ConvertReport report, convert(source, flags.out, options));
  progress.end();
  for (const ConvertedTensor& tensor : report.tensors)
    print(join(tensor.name, "  ", name(tensor.from), " -> ", name(tensor.to), "  ", shape_text(tensor.shape), "  ",
               size_text(tensor.bytes), "\n"));
  for (const std::string& notice : report.notices) say(notice);
  print_parts(report);
  print(join(flags.dry_run ? "would write " : "wrote ", flags.out, ": ", size_text(report.output_bytes), " from ",
             size_text(report.input_bytes), "\n"));
  return Done{};
}

}  // namespace

void add_convert(CLI::App& program, Job& job) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* command = program.add_subcommand("convert", "Writes a model as one GGUF file, quantised if wished.");
  command->footer(
      "Example: lorikeet convert -m SmolLM2-135M-Instruct smollm2.gguf --type q4_k\n"
      "Example: lorikeet convert -m factored.gguf folder --to pytorch --dense-copies");
  command
      ->add_option("-m,--model", flags->model,
                   "A GGUF file or a Hugging Face directory. Example: -m SmolLM2-135M-Instruct")
      ->option_text("MODEL")
      ->required();
  add_vision(*command, flags->vision);
  command
      ->add_option(
          "--adapter", flags->adapters.given,
          "A folder with a plain LoRA that is merged into the weights; :SCALE behind it multiplies what it adds.\n"
          "May be given several times. Example: --adapter style-lora:0.5")
      ->option_text("DIR[:SCALE]")
      ->take_all()
      ->allow_extra_args(false);
  command->add_option("out", flags->out, "The GGUF file, or the folder, to write. Example: out.gguf")
      ->option_text("FILE")
      ->required();
  command
      ->add_option(
          "--to", flags->to,
          "gguf, or pytorch: a folder with config.json and pytorch_model.bin (f32, f16 or bf16), and factor.json\n"
          "of a factored model (gguf). Example: --to pytorch")
      ->option_text("FORMAT")
      ->check(CLI::IsMember({"gguf", "pytorch"}));
  command->add_flag("--dense-copies", flags->dense_copies,
                    "The dense layers of a factored model too; neighbouring experts are views of them.\n"
                    "Example: --to pytorch --dense-copies");
  const std::vector<std::string> types = {"f32",  "f16",  "bf16", "q8_0", "q4_0", "q4_1",
                                          "q5_0", "q5_1", "q4_k", "q5_k", "q6_k"};
  command
      ->add_option("--type", flags->type,
                   "Type of the matrices (f16): f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k or "
                   "q6_k.\nExample: --type q4_k")
      ->option_text("TYPE")
      ->check(CLI::IsMember(types));
  command->add_option("--threads", flags->threads, "Threads that quantise; 0: all of the machine. Example: --threads 4")
      ->option_text("N")
      ->check(CLI::Range(0, 1024));
  command->add_flag("--dry-run", flags->dry_run,
                    "Only says what would be written. Example: convert -m MODEL out.gguf --dry-run");
  command->callback([flags, &job] { job = [flags] { return run(*flags); }; });
}

}  // namespace lorikeet::tool
