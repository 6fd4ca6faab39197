#include <algorithm>
#include <array>

#include "frontend/config_fields.h"
#include "frontend/config_readers.h"
#include "frontend/picture_gguf.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr uint64_t kMaximumContext = uint64_t(1) << 30;

// GGUF has one end-of-text token; a model also stops at these, where they are control tokens.
constexpr std::array<std::string_view, 7> kEndTokens = {"<|im_end|>", "<|eot_id|>", "<|endoftext|>", "<|end_of_text|>",
                                                        "<|eom_id|>", "<|end|>",    "<end_of_turn>"};
constexpr int64_t kControlToken = 3;  // of tokenizer.ggml.token_type

class Reader {
 public:
  explicit Reader(const Checkpoint& checkpoint)
      : checkpoint_(checkpoint), metadata_(checkpoint.metadata()), file_("[gguf] " + checkpoint.path().string()) {}

  Result<DecoderConfig> read() {
    LK_TRY(read_family());
    LK_TRY(read_sizes());
    LK_TRY(read_vocabulary());
    LK_TRY(read_rope());
    LK_TRY(read_windows());
    config_.qkv_bias = config_.family->qkv_bias || has(WeightRole::q_bias);
    config_.o_bias = has(WeightRole::o_bias);
    config_.tied_embeddings = !has(WeightRole::output);
    LK_TRY(read_token_ids());
    if (config_.family->sees) {
      LK_ASSIGN(config_.picture, gguf_picture(metadata_, file_));
    } else {
      LK_TRY(read_factor(metadata_, file_, config_));
    }
    return std::move(config_);
  }

 private:
  std::string key(std::string_view name) const { return join(config_.family->architecture, ".", name); }
  bool has(WeightRole role) const {
    return checkpoint_.find(weight_name(*config_.family, role, 0, Naming::gguf)) != nullptr;
  }

  Result<uint32_t> count(std::string_view name, uint64_t limit) const {
    LK_ASSIGN(const uint64_t value, metadata_.natural(key(name)));
    return checked_count(value, limit, file_, key(name));
  }
  Result<uint32_t> count_or(std::string_view name, uint64_t limit, uint32_t otherwise) const {
    if (!metadata_.has(key(name))) return otherwise;
    return count(name, limit);
  }

  Status read_family() {
    LK_ASSIGN(const std::string_view architecture, metadata_.text("general.architecture"));
    config_.family = family_of_architecture(architecture);
    if (!config_.family)
      return unsupported(join(file_, ": the architecture is ", architecture.substr(0, 100), "; ",
                              supported_architectures(), " are supported."));
    config_.model_type = architecture;
    if (config_.family->sees) return Done{};  // its experts are not those of the layers
    LK_ASSIGN(const uint64_t experts, metadata_.natural_or(key("expert_count"), 0));
    if (experts > 0)
      return unsupported(join(file_, ": the model has ", experts,
                              " experts a layer; only dense models of this family are supported."));
    return Done{};
  }

  Status read_sizes() {
    LK_ASSIGN(config_.layers, count("block_count", kMaximumLayers));
    LK_ASSIGN(config_.hidden, count("embedding_length", kMaximumCount));
    LK_ASSIGN(config_.intermediate, count("feed_forward_length", kMaximumCount));
    LK_ASSIGN(config_.heads, count("attention.head_count", kMaximumCount));
    LK_ASSIGN(config_.kv_heads, count_or("attention.head_count_kv", kMaximumCount, config_.heads));
    LK_ASSIGN(config_.context_length, count("context_length", kMaximumContext));
    LK_ASSIGN(const double eps, metadata_.number(key("attention.layer_norm_rms_epsilon")));
    config_.rms_eps = float(eps);
    return read_head_dim();
  }

  Status read_head_dim() {
    if (!metadata_.has(key("attention.key_length")) && config_.hidden % config_.heads != 0)
      return corrupt(join(file_, ": ", key("embedding_length"), " is ", config_.hidden, ", which ", config_.heads,
                          " heads do not divide."));
    const uint32_t usual = std::max(config_.hidden / config_.heads, 1u);
    LK_ASSIGN(config_.head_dim, count_or("attention.key_length", kMaximumCount, usual));
    LK_ASSIGN(const uint32_t values, count_or("attention.value_length", kMaximumCount, usual));
    LK_ASSIGN(const uint32_t rotary, count_or("rope.dimension_count", kMaximumCount, config_.head_dim));
    if (values != config_.head_dim || rotary != config_.head_dim)
      return unsupported(join(file_, ": keys have ", config_.head_dim, " elements a head, values ", values, ", and ",
                              rotary, " are rotated; only equal numbers are supported."));
    return Done{};
  }

  // The embedding's rows count; files do not always name the number.
  Status read_vocabulary() {
    const std::string name = weight_name(*config_.family, WeightRole::token_embedding, 0, Naming::gguf);
    const TensorInfo* embedding = checkpoint_.find(name);
    if (!embedding) return not_found(join(file_, ": tensor ", name, " is missing."));
    LK_ASSIGN(config_.vocabulary,
              checked_count(embedding->rows(), kMaximumCount, file_, "the number of rows of " + name));
    const GgufValue* tokens = metadata_.find("tokenizer.ggml.tokens");
    if (tokens && tokens->type == GgufType::array && tokens->count > config_.vocabulary)
      return corrupt(
          join(file_, ": the tokenizer has ", tokens->count, " tokens, the embedding ", config_.vocabulary, " rows."));
    return Done{};
  }

  Status read_rope() {
    RopeConfig& rope = config_.rope;
    LK_ASSIGN(rope.theta, metadata_.number_or(key("rope.freq_base"), 10000));
    LK_ASSIGN(const double old_factor, metadata_.number_or(key("rope.scale_linear"), 1));
    LK_ASSIGN(rope.factor, metadata_.number_or(key("rope.scaling.factor"), old_factor));
    if (rope.factor == 0) rope.factor = 1;  // the format's way to say that there is none
    LK_ASSIGN(const std::string_view scaling,
              metadata_.text_or(key("rope.scaling.type"), rope.factor != 1 ? "linear" : "none"));
    if (scaling == "linear") {
      rope.scaling = rope.factor != 1 ? RopeScaling::linear : RopeScaling::none;
    } else if (scaling == "yarn") {
      LK_TRY(read_yarn());
    } else if (scaling != "none") {
      return unsupported(
          join(file_, ": the rotary scaling is ", scaling.substr(0, 100), "; none, linear and yarn are supported."));
    }
    if (const TensorInfo* factors = checkpoint_.find("rope_freqs.weight")) LK_TRY(read_factors(*factors));
    return rope.compute(config_.head_dim, file_);
  }

  Status read_yarn() {
    RopeConfig& rope = config_.rope;
    rope.scaling = RopeScaling::yarn;
    LK_ASSIGN(rope.original_context,
              count_or("rope.scaling.original_context_length", kMaximumContext, config_.context_length));
    LK_ASSIGN(rope.beta_fast, metadata_.number_or(key("rope.scaling.yarn_beta_fast"), 32));
    LK_ASSIGN(rope.beta_slow, metadata_.number_or(key("rope.scaling.yarn_beta_slow"), 1));
    LK_ASSIGN(const double attention, metadata_.number_or(key("rope.scaling.attn_factor"), 1));
    rope.attention_factor = float(attention * yarn_attention_factor(rope.factor));
    const double extended = rope.factor * rope.original_context;
    if (extended > config_.context_length && extended <= double(kMaximumContext))
      config_.context_length = uint32_t(extended);
    return Done{};
  }

  // Llama 3.1's scaling comes as one divisor a frequency.
  Status read_factors(const TensorInfo& tensor) {
    if (tensor.type != DType::f32 || tensor.elements() != config_.head_dim / 2)
      return corrupt(join(file_, ": rope_freqs.weight must be f32 of shape (", config_.head_dim / 2, "), it is ",
                          name(tensor.type), " of shape ", shape_text(tensor.shape), "."));
    LK_ASSIGN(const Bytes bytes, checkpoint_.data(tensor));
    config_.rope.scaling = RopeScaling::given;
    for (uint64_t i = 0; i < tensor.elements(); ++i) config_.rope.factors.push_back(load<float>(bytes.data() + 4 * i));
    return Done{};
  }

  Status read_windows() {
    LK_ASSIGN(const uint64_t window, metadata_.natural_or(key("attention.sliding_window"), 0));
    config_.windows.assign(config_.layers, uint32_t(std::min(window, kMaximumContext)));
    const GgufValue* pattern = metadata_.find(key("attention.sliding_window_pattern"));
    if (!pattern || window == 0) return Done{};
    if (pattern->type != GgufType::array) return read_window_period();
    LK_ASSIGN(const std::vector<bool> sliding, metadata_.flags(key("attention.sliding_window_pattern")));
    if (sliding.size() != config_.layers)
      return corrupt(join(file_, ": ", key("attention.sliding_window_pattern"), " has ", sliding.size(),
                          " entries for ", config_.layers, " layers."));
    for (uint32_t layer = 0; layer < config_.layers; ++layer)
      if (!sliding[layer]) config_.windows[layer] = 0;
    return Done{};
  }

  // A number n: the last of every n layers sees everything.
  Status read_window_period() {
    LK_ASSIGN(const uint64_t period, metadata_.natural(key("attention.sliding_window_pattern")));
    for (uint32_t layer = 0; period > 0 && layer < config_.layers; ++layer)
      if (layer % period == period - 1) config_.windows[layer] = 0;
    return Done{};
  }

  Status read_token_ids() {
    if (metadata_.has("tokenizer.ggml.bos_token_id")) {
      LK_ASSIGN(config_.bos_id, token_id("tokenizer.ggml.bos_token_id"));
    }
    for (const char* name :
         {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
      if (!metadata_.has(name)) continue;
      LK_ASSIGN(const uint32_t id, token_id(name));
      add_eos(config_, id);
    }
    if (metadata_.has("lorikeet.eos_token_ids")) return read_eos_list();
    return find_end_tokens();
  }

  Result<uint32_t> token_id(std::string_view name) const {
    LK_ASSIGN(const uint64_t id, metadata_.natural(name));
    if (id >= config_.vocabulary)
      return corrupt(join(file_, ": ", name, " is ", id, ", there are ", config_.vocabulary, " tokens."));
    return uint32_t(id);
  }

  // Written by `lorikeet convert`, which knows them all.
  Status read_eos_list() {
    LK_ASSIGN(const std::vector<int64_t> ids, metadata_.integers("lorikeet.eos_token_ids"));
    for (int64_t id : ids) {
      if (id < 0 || id >= int64_t(config_.vocabulary))
        return corrupt(
            join(file_, ": lorikeet.eos_token_ids has ", id, ", there are ", config_.vocabulary, " tokens."));
      add_eos(config_, uint32_t(id));
    }
    return Done{};
  }

  Status find_end_tokens() {
    if (!metadata_.has("tokenizer.ggml.tokens") || !metadata_.has("tokenizer.ggml.token_type")) return Done{};
    LK_ASSIGN(const std::vector<std::string_view> tokens, metadata_.texts("tokenizer.ggml.tokens"));
    LK_ASSIGN(const std::vector<int64_t> types, metadata_.integers("tokenizer.ggml.token_type"));
    for (size_t id = 0; id < std::min(tokens.size(), types.size()); ++id)
      if (types[id] == kControlToken && std::find(kEndTokens.begin(), kEndTokens.end(), tokens[id]) != kEndTokens.end())
        add_eos(config_, uint32_t(id));
    return Done{};
  }

  const Checkpoint& checkpoint_;
  const GgufMetadata& metadata_;
  const std::string file_;
  DecoderConfig config_;
};

}  // namespace

Result<DecoderConfig> config_from_gguf(const Checkpoint& checkpoint) { return Reader(checkpoint).read(); }

}  // namespace lorikeet
