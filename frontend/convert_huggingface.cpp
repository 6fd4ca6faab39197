// A Hugging Face directory as the header and tensors that llama.cpp's own converter would write.
#include <algorithm>
#include <cmath>

#include "frontend/checkpoint/vocabulary.h"
#include "frontend/convert_plan.h"
#include "frontend/convert_vocabulary.h"
#include "frontend/families/resolve.h"
#include "frontend/picture_gguf.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

class Planner {
 public:
  Planner(const Checkpoint& source, const DecoderConfig& config, const ConvertWishes& wishes)
      : source_(source), config_(config), wishes_(wishes) {}

  Result<ConvertPlan> plan() {
    set_general();
    set_sizes();
    set_windows();
    LK_TRY(set_rope());
    if (config_.picture) set_picture(plan_.header, *config_.picture);
    if (config_.factor) set_factor(plan_.header, *config_.factor);
    if (wishes_.factor) set_factor(plan_.header, *wishes_.factor);
    LK_TRY(set_tokenizer());
    LK_TRY(add_weights());
    note_unused();
    return std::move(plan_);
  }

 private:
  std::string key(std::string_view name) const { return join(config_.family->architecture, ".", name); }

  void set_general() {
    std::error_code ignored;
    const std::filesystem::path whole = std::filesystem::weakly_canonical(source_.path(), ignored);
    plan_.header.set_text("general.architecture", config_.family->architecture);
    plan_.header.set_text("general.type", "model");
    plan_.header.set_text("general.name", whole.filename().string());
    plan_.header.set_natural("general.file_type", gguf_file_type(wishes_.type.value_or(embedding_type())));
    plan_.header.set_natural("general.quantization_version", 2);
  }

  DType embedding_type() const {
    const auto embedding = resolve(source_, config_, 0, WeightRole::token_embedding);
    return embedding ? embedding->tensor->type : DType::f32;
  }

  void set_sizes() {
    GgufHeader& header = plan_.header;
    header.set_natural(key("block_count"), config_.layers);
    header.set_natural(key("context_length"), config_.context_length);
    header.set_natural(key("embedding_length"), config_.hidden);
    header.set_natural(key("feed_forward_length"), config_.intermediate);
    header.set_natural(key("attention.head_count"), config_.heads);
    header.set_natural(key("attention.head_count_kv"), config_.kv_heads);
    header.set_natural(key("attention.key_length"), config_.head_dim);
    header.set_natural(key("attention.value_length"), config_.head_dim);
    header.set_number(key("attention.layer_norm_rms_epsilon"), config_.rms_eps);
    header.set_natural(key("vocab_size"), config_.vocabulary);
  }

  void set_windows() {
    const uint32_t window = *std::max_element(config_.windows.begin(), config_.windows.end());
    if (window == 0) return;
    plan_.header.set_natural(key("attention.sliding_window"), window);
    std::vector<bool> sliding;
    for (uint32_t own : config_.windows) sliding.push_back(own != 0);
    if (std::find(sliding.begin(), sliding.end(), false) != sliding.end())
      plan_.header.set_flags(key("attention.sliding_window_pattern"), sliding);
  }

  Status set_rope() {
    const RopeConfig& rope = config_.rope;
    plan_.header.set_natural(key("rope.dimension_count"), config_.head_dim);
    plan_.header.set_number(key("rope.freq_base"), float(rope.theta));
    if (rope.scaling == RopeScaling::llama3) return add_rope_factors();
    if (rope.scaling != RopeScaling::linear && rope.scaling != RopeScaling::yarn) return Done{};
    plan_.header.set_text(key("rope.scaling.type"), rope.scaling == RopeScaling::yarn ? "yarn" : "linear");
    plan_.header.set_number(key("rope.scaling.factor"), float(rope.factor));
    return rope.scaling == RopeScaling::yarn ? set_yarn() : Status(Done{});
  }

  Status set_yarn() {
    const RopeConfig& rope = config_.rope;
    if (!rope.truncate) return unsupported("[convert] GGUF cannot express a YaRN scaling with truncate set to false.");
    plan_.header.set_natural(key("rope.scaling.original_context_length"), rope.original_context);
    const double usual = yarn_attention_factor(rope.factor);
    if (std::fabs(rope.attention_factor - usual) > 1e-6)
      plan_.header.set_number(key("rope.scaling.attn_factor"), float(rope.attention_factor / usual));
    if (rope.beta_fast != 32) plan_.header.set_number(key("rope.scaling.yarn_beta_fast"), float(rope.beta_fast));
    if (rope.beta_slow != 1) plan_.header.set_number(key("rope.scaling.yarn_beta_slow"), float(rope.beta_slow));
    return Done{};
  }

  // Llama 3.1's scaling is written as what each frequency is divided by.
  Status add_rope_factors() {
    RopeConfig plain;
    plain.theta = config_.rope.theta;
    LK_TRY(plain.compute(config_.head_dim, "[convert]"));
    PlannedTensor factors;
    factors.name = "rope_freqs.weight";
    factors.shape = {config_.head_dim / 2};
    for (uint32_t i = 0; i < config_.head_dim / 2; ++i)
      factors.values.push_back(plain.inverse_frequencies[i] / config_.rope.inverse_frequencies[i]);
    return add_planned(plan_, std::move(factors), DType::f32, false);
  }

  Status set_tokenizer() {
    if (!source_.has_text("tokenizer.json")) {
      plan_.notices.push_back("The directory has no tokenizer.json; the file will take token ids only.");
      plan_.header.set_text("tokenizer.ggml.model", "none");
      return Done{};
    }
    LK_ASSIGN(const GgufVocabulary vocabulary, vocabulary_of_directory(source_, config_, plan_.notices));
    set_vocabulary(plan_.header, vocabulary);
    std::vector<int32_t> ends(config_.eos_ids.begin(), config_.eos_ids.end());
    if (!ends.empty()) plan_.header.set_integers("lorikeet.eos_token_ids", ends);
    return Done{};
  }

  Status add_weights() {
    LK_TRY(add_weights([](WeightRole role) { return !is_layer_weight(role) && !is_tower_weight(role); }, 1));
    LK_TRY(add_weights(is_layer_weight, config_.layers));
    return add_weights(is_tower_weight, config_.picture ? config_.picture->tower_layers : 0);
  }

  Status add_weights(bool (*belongs)(WeightRole), uint32_t layers) {
    for (uint32_t layer = 0; layer < layers; ++layer)
      for (const WeightName& weight : config_.family->weights)
        if (belongs(weight.role)) LK_TRY(add_weight(weight.role, layer));
    return Done{};
  }

  Status add_weight(WeightRole role, uint32_t layer) {
    if (!has_role(config_, role) || (role == WeightRole::output && config_.tied_embeddings)) return Done{};
    PlannedTensor tensor;
    tensor.name = weight_name(*config_.family, role, layer, Naming::gguf);
    tensor.shape = expected_shape(config_, role);
    for (uint32_t expert = 0; expert < experts(config_, role); ++expert) {
      LK_ASSIGN(const WeightRef weight, resolve(source_, config_, layer, role, expert));
      tensor.sources.push_back(weight.tensor);
    }
    if (is_expert_weight(role)) tensor.shape.insert(tensor.shape.begin(), experts(config_, role));
    if (wishes_.factor && (role == WeightRole::gate || role == WeightRole::up || role == WeightRole::down))
      return add_factored(plan_, std::move(tensor), config_, wishes_, {role, layer});
    const bool rotary =
        role == WeightRole::q || role == WeightRole::k || role == WeightRole::q_bias || role == WeightRole::k_bias;
    if (rotary && config_.family->permuted_qk) tensor.interleave_head_dim = config_.head_dim;
    const bool head = role == WeightRole::output || (role == WeightRole::token_embedding && config_.tied_embeddings);
    const bool small = tensor.shape.size() == 1 || role == WeightRole::tower_position || role == WeightRole::router ||
                       role == WeightRole::slice_router;
    const DType type = wishes_.type.value_or(tensor.sources.front()->type);
    return add_planned(plan_, std::move(tensor), small ? DType::f32 : type, head && wishes_.type);
  }

  // Older directories also hold rotary tables; a tied one may hold its head twice; of a vision tower the last layers
  // are not run.
  void note_unused() {
    size_t unused = 0;
    std::string example;
    for (const TensorInfo& tensor : source_.tensors()) {
      const bool used = std::any_of(plan_.tensors.begin(), plan_.tensors.end(), [&](const PlannedTensor& planned) {
        return std::find(planned.sources.begin(), planned.sources.end(), &tensor) != planned.sources.end();
      });
      if (used || tensor.name.ends_with("rotary_emb.inv_freq") || tensor.name == "lm_head.weight") continue;
      if (unused++ == 0) example = tensor.name;
    }
    if (unused > 0)
      plan_.notices.push_back(
          join(unused, " tensors are of no use to the model and are left out, ", example, " for one."));
  }

  const Checkpoint& source_;
  const DecoderConfig& config_;
  const ConvertWishes& wishes_;
  ConvertPlan plan_;
};

}  // namespace

Result<ConvertPlan> plan_from_huggingface(const Checkpoint& source, const DecoderConfig& config,
                                          const ConvertWishes& wishes) {
  return Planner(source, config, wishes).plan();
}

}  // namespace lorikeet
