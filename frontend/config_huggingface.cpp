#include <algorithm>
#include <cmath>

#include "frontend/checkpoint/json_text.h"
#include "frontend/config_fields.h"
#include "frontend/config_readers.h"
#include "frontend/picture_config.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr uint64_t kMaximumContext = uint64_t(1) << 30;

class Reader {
 public:
  Reader(const Json& config, const Json& generation, const std::string& file)
      : fields_(config, file), generation_(generation, file + " (generation_config.json)"), file_(file) {}

  Result<DecoderConfig> read() {
    LK_TRY(read_family());
    LK_TRY(refuse_what_is_not_built());
    LK_TRY(read_sizes());
    LK_TRY(read_rope());
    LK_TRY(read_windows());
    LK_TRY(read_token_ids());
    return std::move(config_);
  }

 private:
  Status read_family() {
    LK_ASSIGN(config_.model_type, fields_.text_or("model_type", ""));
    if (config_.model_type.empty()) return not_found(join(file_, ": model_type is missing."));
    config_.family = family_of_model_type(config_.model_type);
    if (!config_.family)
      return unsupported(join(file_, ": model_type is ", config_.model_type.substr(0, 100), "; ",
                              supported_model_types(), " are supported."));
    type_ = find_model_type(*config_.family, config_.model_type);
    return Done{};
  }

  Status refuse_what_is_not_built() const {
    if (fields_.find("quantization_config"))
      return unsupported(join(
          file_, ": the weights are quantised by quantization_config; give the unquantised model or a GGUF file."));
    LK_ASSIGN(const std::string activation, fields_.text_or("hidden_act", "silu"));
    if (activation != "silu" && activation != "swish")
      return unsupported(
          join(file_, ": hidden_act is ", activation.substr(0, 100), "; this family is supported with silu."));
    LK_ASSIGN(const bool mlp_bias, fields_.flag_or("mlp_bias", false));
    if (mlp_bias)
      return unsupported(join(file_, ": mlp_bias is true; feed-forward layers with biases are not supported."));
    LK_ASSIGN(const double rotary, fields_.number_or("partial_rotary_factor", 1));
    if (rotary != 1)
      return unsupported(join(file_, ": partial_rotary_factor is ", rotary, "; only whole heads are rotated here."));
    return Done{};
  }

  Status read_sizes() {
    LK_ASSIGN(config_.layers, fields_.count("num_hidden_layers", kMaximumLayers));
    LK_ASSIGN(config_.hidden, fields_.count("hidden_size", kMaximumCount));
    LK_ASSIGN(config_.intermediate, fields_.count("intermediate_size", kMaximumCount));
    LK_ASSIGN(config_.vocabulary, fields_.count("vocab_size", kMaximumCount));
    LK_ASSIGN(config_.heads, fields_.count("num_attention_heads", kMaximumCount));
    const uint32_t usual_kv_heads = type_->kv_heads ? type_->kv_heads : config_.heads;
    LK_ASSIGN(config_.kv_heads, fields_.count_or("num_key_value_heads", kMaximumCount, usual_kv_heads));
    if (!fields_.find("head_dim") && config_.hidden % config_.heads != 0)
      return corrupt(
          join(file_, ": hidden_size is ", config_.hidden, ", which ", config_.heads, " heads do not divide."));
    LK_ASSIGN(config_.head_dim, fields_.count_or("head_dim", kMaximumCount, config_.hidden / config_.heads));
    LK_ASSIGN(config_.context_length,
              fields_.count_or("max_position_embeddings", kMaximumContext, type_->context_length));
    LK_ASSIGN(const double eps, fields_.number_or("rms_norm_eps", 1e-6));
    config_.rms_eps = float(eps);
    LK_ASSIGN(const bool bias, fields_.flag_or("attention_bias", false));
    config_.qkv_bias = bias || config_.family->qkv_bias;
    config_.o_bias = bias && !config_.family->qkv_bias;
    LK_ASSIGN(config_.tied_embeddings, fields_.flag_or("tie_word_embeddings", false));
    return Done{};
  }

  // Newer files keep everything in rope_parameters; older ones have rope_theta beside rope_scaling.
  Status read_rope() {
    const Json* given = fields_.find("rope_parameters");
    if (!given) given = fields_.find("rope_scaling");
    if (given && !given->is_object()) return corrupt(join(file_, ": rope_scaling must be a JSON object."));
    static const Json kNothing = Json::object();
    const Fields scaling(given ? *given : kNothing, file_ + ": rope_scaling");
    RopeConfig& rope = config_.rope;
    LK_ASSIGN(const double theta, fields_.number_or("rope_theta", 10000));
    LK_ASSIGN(rope.theta, scaling.number_or("rope_theta", theta));
    LK_ASSIGN(const std::string old_kind, scaling.text_or("type", "default"));
    LK_ASSIGN(const std::string kind, scaling.text_or("rope_type", old_kind));
    LK_TRY(read_scaling(kind, scaling));
    return rope.compute(config_.head_dim, file_);
  }

  Status read_scaling(const std::string& kind, const Fields& scaling) {
    RopeConfig& rope = config_.rope;
    // "dynamic" only changes texts that are longer than the context, which a session does not exceed.
    if (kind == "default" || kind == "none" || kind == "dynamic") return Done{};
    if (kind != "linear" && kind != "llama3" && kind != "yarn")
      return unsupported(join(file_, ": the rotary scaling is ", kind.substr(0, 100),
                              "; linear, dynamic, llama3 and yarn are supported."));
    if (!scaling.find("factor")) return not_found(join(scaling.file(), ".factor is missing."));
    LK_ASSIGN(rope.factor, scaling.number_or("factor", 1));
    LK_ASSIGN(rope.original_context,
              scaling.count_or("original_max_position_embeddings", kMaximumContext, config_.context_length));
    if (kind == "linear") rope.scaling = RopeScaling::linear;
    if (kind == "llama3") return read_llama3(scaling);
    if (kind == "yarn") return read_yarn(scaling);
    return Done{};
  }

  Status read_llama3(const Fields& scaling) {
    RopeConfig& rope = config_.rope;
    rope.scaling = RopeScaling::llama3;
    if (!scaling.find("original_max_position_embeddings"))
      return not_found(join(scaling.file(), ".original_max_position_embeddings is missing."));
    LK_ASSIGN(rope.low_factor, scaling.number_or("low_freq_factor", 1));
    LK_ASSIGN(rope.high_factor, scaling.number_or("high_freq_factor", 4));
    return Done{};
  }

  Status read_yarn(const Fields& scaling) {
    RopeConfig& rope = config_.rope;
    rope.scaling = RopeScaling::yarn;
    LK_ASSIGN(rope.beta_fast, scaling.number_or("beta_fast", 32));
    LK_ASSIGN(rope.beta_slow, scaling.number_or("beta_slow", 1));
    LK_ASSIGN(rope.truncate, scaling.flag_or("truncate", true));
    LK_ASSIGN(const double mscale, scaling.number_or("mscale", 0));
    LK_ASSIGN(const double mscale_all, scaling.number_or("mscale_all_dim", 0));
    const double usual = mscale != 0 && mscale_all != 0 ? yarn_attention_factor(rope.factor, mscale) /
                                                              yarn_attention_factor(rope.factor, mscale_all)
                                                        : yarn_attention_factor(rope.factor);
    LK_ASSIGN(const double attention, scaling.number_or("attention_factor", usual));
    rope.attention_factor = float(attention);
    const double extended = rope.factor * rope.original_context;
    if (extended > config_.context_length && extended <= double(kMaximumContext))
      config_.context_length = uint32_t(extended);
    return Done{};
  }

  Status read_windows() {
    config_.windows.assign(config_.layers, 0);
    // A null turns Mistral's window off; only a missing key means the usual one.
    uint32_t window = 0;
    if (type_->sliding_window > 0) {
      const bool null = fields_.is_null("sliding_window");
      LK_ASSIGN(window, fields_.count_or("sliding_window", kMaximumContext, null ? 0 : type_->sliding_window));
    }
    LK_ASSIGN(const bool used, fields_.flag_or("use_sliding_window", !config_.family->late_windows));
    if (!used || window == 0) return Done{};
    if (const Json* types = fields_.find("layer_types")) return read_layer_types(*types, window);
    uint32_t first = 0;
    if (config_.family->late_windows) {
      LK_ASSIGN(first, read_first_window_layer());
    }
    for (uint32_t layer = first; layer < config_.layers; ++layer) config_.windows[layer] = window;
    return Done{};
  }

  Result<uint32_t> read_first_window_layer() const {
    const Json* first = fields_.find("max_window_layers");
    if (!first) return uint32_t(28);
    if (!first->is_number_unsigned()) return corrupt(join(file_, ": max_window_layers must be a natural number."));
    return uint32_t(std::min<uint64_t>(first->get<uint64_t>(), config_.layers));
  }

  Status read_layer_types(const Json& types, uint32_t window) {
    if (!types.is_array() || types.size() != config_.layers)
      return corrupt(join(file_, ": layer_types must be a list of ", config_.layers, " texts."));
    for (uint32_t layer = 0; layer < config_.layers; ++layer) {
      if (types[layer] == "sliding_attention") config_.windows[layer] = window;
      else if (types[layer] != "full_attention")
        return unsupported(join(file_, ": layer_types has an entry other than full_attention and sliding_attention."));
    }
    return Done{};
  }

  // The generation config's end tokens win: it is what the model's makers generate with.
  Status read_token_ids() {
    LK_TRY(read_bos());
    LK_TRY(read_eos(generation_));
    if (config_.eos_ids.empty()) LK_TRY(read_eos(fields_));
    return Done{};
  }

  Status read_bos() {
    const Json* bos = fields_.find("bos_token_id");
    if (!bos) return Done{};
    if (!bos->is_number_unsigned() || bos->get<uint64_t>() > kMaximumCount)
      return corrupt(join(file_, ": bos_token_id must be a token's number."));
    config_.bos_id = bos->get<uint32_t>();
    return Done{};
  }

  Status read_eos(const Fields& fields) {
    const Json* eos = fields.find("eos_token_id");
    if (!eos) return Done{};
    const Json list = eos->is_array() ? *eos : Json::array({*eos});
    for (const Json& id : list) {
      if (!id.is_number_unsigned() || id.get<uint64_t>() > kMaximumCount)
        return corrupt(join(fields.file(), ": eos_token_id must be a token's number or a list of such."));
      add_eos(config_, id.get<uint32_t>());
    }
    return Done{};
  }

  Fields fields_, generation_;
  const std::string& file_;
  const ModelType* type_ = nullptr;
  DecoderConfig config_;
};

}  // namespace

Result<DecoderConfig> config_from_json(const std::string& config, const std::string& generation,
                                       const std::string& file) {
  LK_ASSIGN(const Json json, parse_json_object(config, file, DuplicateKeys::last_wins));
  Json more = Json::object();
  if (!generation.empty()) {
    LK_ASSIGN(more, parse_json_object(generation, file + " (generation_config.json)", DuplicateKeys::last_wins));
  }
  return Reader(json, more, file).read();
}

Result<DecoderConfig> config_from_huggingface(const Checkpoint& checkpoint) {
  LK_ASSIGN(const std::string config, checkpoint.text("config.json"));
  std::string generation;
  if (checkpoint.has_text("generation_config.json")) {
    LK_ASSIGN(generation, checkpoint.text("generation_config.json"));
  }
  LK_ASSIGN(DecoderConfig decoder,
            config_from_json(config, generation, "[config] " + (checkpoint.path() / "config.json").string()));
  if (decoder.family->sees) {
    LK_ASSIGN(decoder.picture, picture_config(checkpoint, decoder.hidden));
  } else {
    LK_TRY(read_factor(checkpoint, decoder));
  }
  return decoder;
}

}  // namespace lorikeet
