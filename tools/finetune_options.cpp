#include "tools/finetune_options.h"

#include <map>

#include "runtime/base/text.h"

namespace lorikeet::tool {
namespace {

const std::map<std::string, AdapterKind> kMethods = {{"lora", AdapterKind::lora},
                                                     {"dynmole", AdapterKind::dynmole},
                                                     {"mixlora", AdapterKind::mixlora},
                                                     {"mola", AdapterKind::mola}};
constexpr int64_t kRowMultiple = 8;  // fewer lengths of batches, so fewer plans

}  // namespace

void FinetuneOptions::add(CLI::App& command) {
  const auto number = [&](const char* name, auto& value, const char* text) {
    return command.add_option(name, value, text)->option_text("N");
  };
  const auto real = [&](const char* name, auto& value, const char* text) {
    return command.add_option(name, value, text)->option_text("X");
  };
  const auto word = [&](const char* name, std::string& value, const char* text, std::vector<std::string> words) {
    return command.add_option(name, value, text)->option_text("NAME")->check(CLI::IsMember(std::move(words)));
  };
  word(
      "--method", method,
      "What is trained: an adapter (dynmole, lora, mixlora or mola), or weights of the model itself (full) (dynmole).\n"
      "Example: --method lora",
      {"dynmole", "lora", "mixlora", "mola", "full"});
  command
      .add_option(
          "--train", train,
          "Of full: a regular expression for the whole names of the tensors to train, as inspect shows them or as\n"
          "the other format has them. May be given several times.\n"
          "Example: --train 'model\\.layers\\.\\d+\\.mlp\\..*' --train lm_head.weight")
      ->option_text("PATTERN")
      ->take_all()
      ->allow_extra_args(false);
  command.add_flag(
      "--no-experts", no_experts,
      "Of models that see: the projector's tokens go past the visual experts, as in Parrot's first stage.\n"
      "Example: --no-experts");
  number("--rank", rank,
         "Rank of the low-rank matrices, as published 80 for lora, 16 for mixlora, else 24.\nExample: --rank 8")
      ->check(CLI::Range(1, 65536));
  real("--alpha", alpha,
       "What they add is multiplied by alpha / rank; as published twice the rank.\nExample: --alpha 16")
      ->check(CLI::PositiveNumber);
  real("--dropout", dropout, "Share of their inputs that is dropped in training (0.05). Example: --dropout 0")
      ->check(CLI::Range(0.0, 0.999));
  number("--experts", experts, "Experts of a router, as published 8 for mixlora, else 6. Example: --experts 4")
      ->check(CLI::Range(1, 1024));
  number("--top-k", top_k,
         "Experts that are chosen: of dynmole at least, of mixlora and mola just so many (2).\nExample: --top-k 1")
      ->check(CLI::Range(1, 1024));
  real("--top-p", top_p, "Of dynmole: further experts as long as all reach at most P (0.75). Example: --top-p 0.5")
      ->check(CLI::Range(1e-6, 1.0));
  real("--threshold", threshold,
       "Of dynmole: all experts where the router's entropy is above it (0.9).\nExample: --threshold 0.5")
      ->check(CLI::Range(1e-6, 1e6));
  real("--entropy-index", entropy_index,
       "Of dynmole: index of the entropy, 1 is Shannon's (1.1).\nExample: "
       "--entropy-index 1.5")
      ->check(CLI::Range(1e-6, 2.0));
  word("--entropy-type", entropy_type, "Of dynmole: tsallis or renyi (tsallis). Example: --entropy-type renyi",
       {"tsallis", "renyi"});
  command
      .add_option("--targets", targets,
                  "Projections to adapt, of q_proj, k_proj, v_proj, o_proj, gate_proj, down_proj and up_proj;\n"
                  "as published all for lora and mixlora, else the last three. Example: --targets q_proj,v_proj")
      ->option_text("LIST")
      ->delimiter(',');
  command.add_flag("--rslora", rslora, "Multiplies by alpha / sqrt(rank) instead. Example: --rslora");
  real("--lr", rate, "Learning rate (2e-4; of full 2e-5). Example: --lr 1e-4")->check(CLI::PositiveNumber);
  word("--schedule", schedule, "Its course: constant, linear or cosine (constant). Example: --schedule cosine",
       {"constant", "linear", "cosine"});
  number("--warmup", warmup, "Steps in which it rises from 0 (0). Example: --warmup 100");
  number("--epochs", epochs, "How often all examples are learnt (2). Example: --epochs 3")
      ->check(CLI::Range(1, 1 << 20));
  number("--steps", steps, "Steps instead of epochs. Example: --steps 1000");
  number("--batch", batch, "Examples that go through the model at once (8). Example: --batch 1")
      ->check(CLI::Range(1, 4096));
  number("--accumulate", accumulate, "Batches whose gradients make one step (2). Example: --accumulate 16")
      ->check(CLI::Range(1, 65536));
  number("--max-tokens", max_tokens, "Longest example; longer ones are cut (512). Example: --max-tokens 256")
      ->check(CLI::Range(2, 1 << 20));
  word("--template", prompt,
       "How an instruction is written down: moe_peft, alpaca, chat or plain (moe_peft).\nExample: --template chat",
       {"moe_peft", "alpaca", "chat", "plain"});
  word("--labels", labels,
       "standard: the end token is learnt and padding is not; published: as the published trainer does.\n"
       "Example: --labels published",
       {"standard", "published"});
  command.add_flag("--answers-only", answers_only, "Prompts are read but not learnt. Example: --answers-only");
  command.add_flag("--packed", packed,
                   "Fills batches of --max-tokens rows with whole examples, instead of padding each to the longest.\n"
                   "Example: --packed --batch 64");
  command.add_flag(
      "--in-order", in_order,
      "Examples are learnt as the file has them, not shuffled: those about one picture can follow each other,\n"
      "and a batch sees the picture once. Example: --in-order");
  command.add_flag(
      "--recompute", recompute,
      "Computes each layer again in the backward pass instead of keeping what it made: several times less\n"
      "memory for activations, about a third more time, the same numbers. Example: --recompute");
  real("--weight-decay", weight_decay, "Of the optimiser (0.01 for adamw, 0 for adam). Example: --weight-decay 0")
      ->check(CLI::NonNegativeNumber);
  word("--optimiser", optimiser, "adamw or adam (adamw). Example: --optimiser adam", {"adamw", "adam"});
  real("--clip", clip, "Largest norm of all gradients together; 0: any (0). Example: --clip 1")
      ->check(CLI::NonNegativeNumber);
  number("--seed", seed, "Of the first tensors, the order of the examples and dropout (42). Example: --seed 7");
  command.add_flag("--skip-bad", skip_bad,
                   "Leaves bad records out, with their number, instead of ending. Example: --skip-bad");
}

void FinetuneOptions::check() const {
  if (trains_weights() && train.empty())
    throw CLI::ValidationError("--method full", "expected --train PATTERN, the names of the tensors to train");
  if (!trains_weights() && !train.empty())
    throw CLI::ValidationError("--train", join("expected --method full with it, given ", method));
}

RunOptions FinetuneOptions::run(const std::string& base_model) const {
  RunOptions run;
  run.weights = train;
  run.bypass_experts = no_experts;
  AdapterConfig& adapter = run.adapter;
  if (!trains_weights()) adapter = published_adapter(kMethods.at(method));
  adapter.base_model = base_model;
  if (rank) {
    adapter.lora.r = *rank;
    adapter.lora.alpha = 2.0 * *rank;
  }
  if (alpha) adapter.lora.alpha = *alpha;
  adapter.lora.dropout = dropout;
  adapter.lora.rslora = rslora;
  if (!targets.empty()) adapter.target_modules = targets;
  if (experts && adapter.kind != AdapterKind::lora) adapter.experts = *experts;
  if (adapter.kind == AdapterKind::dynmole) {
    adapter.keep_top_k = top_k.value_or(adapter.keep_top_k);
    adapter.top_p = top_p.value_or(adapter.top_p);
    adapter.entropy.threshold = threshold;
    adapter.entropy.index = entropy_index;
    adapter.entropy.type = entropy_type == "renyi" ? EntropySettings::Type::renyi : EntropySettings::Type::tsallis;
  } else if (adapter.kind != AdapterKind::lora) {
    adapter.top_k = top_k.value_or(adapter.top_k);
  }
  run.optimiser.decoupled = optimiser == "adamw";
  run.optimiser.decay = weight_decay.value_or(run.optimiser.decoupled ? 0.01 : 0.0);
  run.optimiser.clip = clip;
  run.schedule.shape = schedule == "linear"   ? Schedule::Shape::linear
                       : schedule == "cosine" ? Schedule::Shape::cosine
                                              : Schedule::Shape::constant;
  run.schedule.rate = rate.value_or(trains_weights() ? 2e-5 : 2e-4);
  run.schedule.warmup = warmup;
  run.batches.layout = packed ? BatchLayout::packed : BatchLayout::padded;
  run.batches.examples = batch;
  run.batches.rows = max_tokens;
  run.batches.shuffle = !in_order;
  run.count_padding = labels == "published";
  run.batches.multiple = run.count_padding ? 1 : kRowMultiple;
  run.batches.longest_first = run.count_padding;
  run.recompute = recompute;
  run.accumulate = accumulate;
  run.epochs = epochs;
  run.steps = steps;
  run.seed = seed;
  return run;
}

DatasetOptions FinetuneOptions::dataset(const DecoderConfig& config) const {
  DatasetOptions options;
  options.encoding.prompt = *prompt_template_from_name(prompt);
  options.encoding.labels = labels == "published" ? LabelRule::published : LabelRule::standard;
  options.encoding.answers_only = answers_only;
  options.encoding.vocabulary = int64_t(config.vocabulary);
  if (config.picture) options.encoding.visual_tokens = config.picture->visual_tokens();
  options.max_tokens = max_tokens;
  options.skip_bad = skip_bad;
  return options;
}

}  // namespace lorikeet::tool
