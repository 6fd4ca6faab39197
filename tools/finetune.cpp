// lorikeet finetune: trains an adapter, or weights of the model, on a file of examples.
#include <filesystem>

#include "frontend/training/weight_parameters.h"
#include "runtime/base/text.h"
#include "tools/commands.h"
#include "tools/finetune_options.h"
#include "tools/model_options.h"
#include "tools/terminal.h"
#include "tools/training_progress.h"

namespace lorikeet::tool {
namespace {

struct Flags {
  std::string model, vision, data, out, evaluation;
  DeviceOptions device;
  FinetuneOptions options;
  uint64_t evaluate_every = 0, save_every = 100;
  bool resume = false, dry_run = false, json = false;
};

nlohmann::ordered_json memory_json(const RunMemory& memory) {
  return {{"total", memory.total()},
          {"weights", memory.weight_bytes},
          {"parameters", memory.training.parameter_bytes},
          {"activations", memory.training.activation_bytes},
          {"tables", memory.training.table_bytes},
          {"tower", memory.training.picture_bytes},
          {"available", memory.available},
          {"rows", memory.rows},
          {"pictures", memory.pictures},
          {"trained_numbers", memory.numbers}};
}

void print_result(const Flags& flags, const TrainingRun& run, const RunFolder& folder, const RunMemory& memory) {
  const LossPoint last = folder.losses().empty() ? LossPoint{} : folder.losses().back();
  if (!flags.json) {
    print(
        format("trained %llu steps, loss %.4f", static_cast<unsigned long long>(run.step_count()), last.cross_entropy) +
        (last.evaluation ? format(", %.4f on %s", *last.evaluation, flags.evaluation.c_str()) : std::string()) +
        join(flags.options.trains_weights() ? "; the model is in " : "; the adapter is in ",
             run.result(flags.out).string(), "\n"));
    return;
  }
  nlohmann::ordered_json json = {{"out", flags.out},
                                 {"result", run.result(flags.out).string()},
                                 {"method", flags.options.method},
                                 {"steps", run.step_count()},
                                 {"epochs", last.epoch},
                                 {"loss", last.cross_entropy},
                                 {"aux", last.aux},
                                 {"evaluation", nullptr},
                                 {"memory", memory_json(memory)}};
  if (last.evaluation) json["evaluation"] = *last.evaluation;
  print(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

Status train(const Flags& flags, Model& model, Dataset data, const RunOptions& options, const RunMemory& memory) {
  std::optional<Dataset> evaluation;
  if (!flags.evaluation.empty()) {
    LK_ASSIGN(evaluation, read_data(flags.evaluation, model, flags.options.dataset(model.config())));
  }
  LK_ASSIGN(RunFolder folder, RunFolder::open(flags.out, flags.resume));
  LK_TRY(model.upload());
  LK_ASSIGN(TrainingRun run, TrainingRun::create(model, std::move(data), options));
  LK_TRY(run_shown(run, folder,
                   {.resume = flags.resume,
                    .evaluation = evaluation ? &*evaluation : nullptr,
                    .evaluation_name = flags.evaluation,
                    .evaluate_every = flags.evaluate_every,
                    .save_every = flags.save_every}));
  print_result(flags, run, folder, memory);
  return Done{};
}

// What is going to be trained.
Status say_weights(const Model& model, const RunOptions& options) {
  LK_ASSIGN(const std::vector<Parameter> parameters, find_weight_parameters(model, options.weights));
  size_t tensors = 0;
  uint64_t numbers = 0;
  for (const Parameter& parameter : parameters) {
    tensors += weight_slots(model, parameter.name).size();
    numbers += uint64_t(parameter.shape.elements());
  }
  std::string summary = weight_summary(model, parameters);
  summary.pop_back();  // the last line's end
  say(join("trained: ", tensors, " tensors, ", numbers, " numbers\n", summary));
  return Done{};
}

Status run(const Flags& flags) {
  LK_ASSIGN(Device device, flags.device.open());
  const auto compile = std::make_shared<ProgressLine>("compiling kernels"),
             upload = std::make_shared<ProgressLine>("loading weights");
  lorikeet::ModelOptions model_options;
  model_options.vision = flags.vision;
  model_options.notice = [](const std::string& line) { say(line); };
  model_options.upload = [upload](size_t done, size_t total) {
    upload->show(done, total);
    if (done >= total) upload->end();
  };
  LK_ASSIGN(Model model, Model::open(device, flags.model, model_options));
  if (!model.tokenizer())
    return model.tokenizer_error().value_or(
        Error{ErrorCode::not_found, join("[finetune] ", flags.model, " has no tokenizer."), {}});
  RunOptions options = flags.options.run(flags.model);
  options.fuse = flags.device.environment().fuse;
  options.progress = [compile](size_t done, size_t total) {
    compile->show(done, total);
    if (done >= total) compile->end();
  };
  if (flags.options.trains_weights()) LK_TRY(say_weights(model, options));
  LK_ASSIGN(Dataset data, read_data(flags.data, model, flags.options.dataset(model.config())));
  LK_ASSIGN(const RunMemory memory, TrainingRun::memory(model, data, options));
  if (flags.dry_run && flags.json) print(memory_json(memory).dump() + "\n");
  else if (flags.dry_run) print(memory_text(memory) + "\n");
  else say(join("device: ", device.profile().name, "\n", memory_text(memory)));
  LK_TRY(TrainingRun::check_memory(memory));
  return flags.dry_run ? Status(Done{}) : train(flags, model, std::move(data), options, memory);
}

}  // namespace

void add_finetune(CLI::App& program, Job& job) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* command =
      program.add_subcommand("finetune", "Trains an adapter, or weights of the model, on a file of examples.");
  command->footer(
      "DATA is JSON Lines or a JSON array of messages, with pictures for models that see, instructions, texts or "
      "token\n"
      "ids (docs/finetuning.md).\n"
      "Example: lorikeet finetune -m MODEL data.jsonl --method dynmole --out adapter\n"
      "Example: lorikeet finetune -m MODEL data.jsonl --method full --train '.*_proj.weight' --out trained");
  command->add_option("data", flags->data, "The examples. Example: data.jsonl")->option_text("DATA")->required();
  command
      ->add_option("-m,--model", flags->model,
                   "A GGUF file or a Hugging Face directory. Example: -m SmolLM2-135M-Instruct.Q4_1.gguf")
      ->option_text("MODEL")
      ->required();
  add_vision(*command, flags->vision);
  command
      ->add_option("--out", flags->out,
                   "A new folder for the adapter or the trained model, the checkpoint and the losses.\n"
                   "Example: --out adapter")
      ->option_text("DIR")
      ->required();
  flags->device.add(*command);
  flags->options.add(*command);
  command->add_option("--eval", flags->evaluation, "Other examples, whose loss is told. Example: --eval held-out.jsonl")
      ->option_text("DATA");
  command
      ->add_option("--eval-every", flags->evaluate_every,
                   "Steps between two such losses; 0: at the end only (0). Example: --eval-every 50")
      ->option_text("N");
  command
      ->add_option("--save-every", flags->save_every,
                   "Steps between two checkpoints; 0: at the end only (100). Example: --save-every 20")
      ->option_text("N");
  command->add_flag("--resume", flags->resume,
                    "Goes on with the run in DIR, as if it had not stopped; the other options as they were.\n"
                    "Example: --resume");
  command->add_flag("--dry-run", flags->dry_run, "Only says what memory is needed. Example: --dry-run");
  command->add_flag("--json", flags->json, "Prints one JSON object at the end. Example: --json");
  command->callback([flags, &job] {
    flags->options.check();
    job = [flags] { return run(*flags); };
  });
}

}  // namespace lorikeet::tool
