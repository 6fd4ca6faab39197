#include "frontend/state_dict.h"

#include <charconv>
#include <cstdlib>

#include "frontend/checkpoint/json_text.h"
#include "frontend/checkpoint/output_file.h"
#include "frontend/checkpoint/output_folder.h"
#include "frontend/checkpoint/quant/quant.h"
#include "frontend/checkpoint/rewrite.h"
#include "frontend/checkpoint/torch_zip_writer.h"
#include "frontend/config.h"
#include "frontend/families/resolve.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

using OrderedJson = nlohmann::ordered_json;
constexpr const char* kContext = "[state dict]";

Result<OrderedJson> rope_scaling(const RopeConfig& rope) {
  switch (rope.scaling) {
    case RopeScaling::none:
      return OrderedJson(nullptr);
    case RopeScaling::linear:
      return OrderedJson{{"rope_type", "linear"}, {"factor", rope.factor}};
    case RopeScaling::yarn:
      return OrderedJson{{"rope_type", "yarn"},
                         {"factor", rope.factor},
                         {"original_max_position_embeddings", rope.original_context},
                         {"attention_factor", rope.attention_factor},
                         {"beta_fast", rope.beta_fast},
                         {"beta_slow", rope.beta_slow}};
    default:
      return unsupported(join(kContext, " the rotary frequencies of this GGUF file are factors of its own, which ",
                              "config.json cannot say; give the model as a Hugging Face directory."));
  }
}

// The number that people write: 1e-05 rather than the double nearest to its float.
double shortest(float value) {
  char text[32];
  return std::strtod(std::string(text, std::to_chars(text, std::end(text), value).ptr).c_str(), nullptr);
}

// What a GGUF file says, as config.json.
Result<std::string> config_json(const DecoderConfig& config, DType type) {
  for (const uint32_t window : config.windows)
    if (window > 0)
      return unsupported(join(kContext, " this GGUF file has layers that see ", window,
                              " positions; give the model as a Hugging Face directory."));
  LK_ASSIGN(const OrderedJson scaling, rope_scaling(config.rope));
  const bool qwen2 = config.model_type == "qwen2";
  OrderedJson json = {{"architectures", {qwen2 ? "Qwen2ForCausalLM" : "LlamaForCausalLM"}},
                      {"model_type", config.model_type},
                      {"vocab_size", config.vocabulary},
                      {"hidden_size", config.hidden},
                      {"intermediate_size", config.intermediate},
                      {"num_hidden_layers", config.layers},
                      {"num_attention_heads", config.heads},
                      {"num_key_value_heads", config.kv_heads},
                      {"head_dim", config.head_dim},
                      {"hidden_act", "silu"},
                      {"max_position_embeddings", config.context_length},
                      {"rms_norm_eps", shortest(config.rms_eps)},
                      {"rope_theta", config.rope.theta},
                      {"rope_scaling", scaling},
                      {"attention_bias", config.o_bias},
                      {"tie_word_embeddings", config.tied_embeddings}};
  if (config.bos_id) json["bos_token_id"] = *config.bos_id;
  if (config.eos_ids.size() == 1) json["eos_token_id"] = config.eos_ids.front();
  if (config.eos_ids.size() > 1) json["eos_token_id"] = config.eos_ids;
  json["torch_dtype"] = type == DType::f32 ? "float32" : type == DType::f16 ? "float16" : "bfloat16";
  return json.dump(2) + "\n";
}

std::string factor_json(const FactorConfig& factor, const DecoderConfig& config) {
  OrderedJson json = {{"num_experts", factor.experts},
                      {"top_k", factor.active},
                      {"output_scale", name(factor.output_scale)},
                      {"split", name(factor.split)}};
  if (!factor.whole_layers.empty()) json["whole_layers"] = factor.whole_layers;
  for (uint32_t layer = 0; !factor.order.empty() && layer < config.layers; ++layer) {
    const auto first = factor.order.begin() + std::ptrdiff_t(layer) * config.intermediate;
    json["index"].push_back(std::vector<uint32_t>(first, first + std::ptrdiff_t(config.intermediate)));
  }
  return json.dump() + "\n";
}

// The tensors of the file and how each is made, one after the other.
class StateDict {
 public:
  StateDict(const Checkpoint& source, const DecoderConfig& config, const StateDictOptions& options)
      : source_(source), config_(config), options_(options) {}

  void add_all() {
    for (const WeightName& weight : config_.family->weights)
      if (!is_layer_weight(weight.role)) add(weight.role, 0);
    for (uint32_t layer = 0; layer < config_.layers; ++layer)
      for (const WeightName& weight : config_.family->weights)
        if (is_layer_weight(weight.role)) add(weight.role, layer);
  }

  const std::vector<TorchTensor>& tensors() const { return tensors_; }
  const std::vector<TorchView>& views() const { return views_; }

  Result<std::vector<std::byte>> bytes(size_t tensor) const {
    if (options_.progress && !options_.progress(tensor + 1, tensors_.size()))
      return Error{ErrorCode::cancelled, join(kContext, " stopped; nothing was written."), {}};
    LK_ASSIGN(const std::vector<float> values, makers_[tensor]());
    std::vector<std::byte> out(values.size() * layout(options_.type).bytes);
    LK_TRY(quantise(options_.type, values, out));
    return out;
  }

 private:
  using Values = std::vector<float>;

  std::string name_of(WeightRole role, uint32_t layer, uint32_t expert = 0) const {
    return weight_name(*config_.family, role, layer, Naming::huggingface, expert);
  }
  std::vector<uint64_t> shape_of(WeightRole role) const { return expected_shape(config_, role); }

  void put(std::string name, std::vector<uint64_t> shape, std::function<Result<Values>()> make) {
    tensors_.push_back({std::move(name), options_.type, std::move(shape)});
    makers_.push_back(std::move(make));
  }

  void add(WeightRole role, uint32_t layer) {
    if (!has_role(config_, role)) return;
    if (role == WeightRole::output && config_.tied_embeddings) {
      const auto shape = shape_of(WeightRole::token_embedding);
      for (size_t i = 0; i < tensors_.size(); ++i)
        if (tensors_[i].name == name_of(WeightRole::token_embedding, 0))
          views_.push_back({name_of(role, 0), i, 0, shape, {shape[1], 1}});
      return;
    }
    const bool dense_too = is_expert_weight(role) && options_.dense_copies;
    if (dense_too) add_dense(role, layer);
    if (dense_too && config_.factor->order.empty()) return;  // the experts are views of it
    for (uint32_t expert = 0; expert < experts(config_, role); ++expert)
      put(name_of(role, layer, expert), shape_of(role), [=, this] { return values(role, layer, expert); });
  }

  // The experts' rows, or a down's columns, where the dense matrix has them.
  void add_dense(WeightRole role, uint32_t layer) {
    const auto dense_role = WeightRole(int(WeightRole::gate) + int(role) - int(WeightRole::slice_gate));
    const bool columns = role == WeightRole::slice_down;
    const uint64_t width = config_.intermediate / config_.factor->experts, hidden = config_.hidden,
                   all = config_.intermediate;
    const std::vector<uint64_t> shape =
        columns ? std::vector<uint64_t>{hidden, all} : std::vector<uint64_t>{all, hidden};
    const size_t number = tensors_.size();
    put(name_of(dense_role, layer), shape, [=, this]() -> Result<Values> {
      Values dense(hidden * all);
      for (uint32_t expert = 0; expert < config_.factor->experts; ++expert) {
        LK_ASSIGN(const Values own, values(role, layer, expert));
        for (uint64_t i = 0; i < width; ++i) {
          const uint64_t at = expert * width + i, row = row_of(layer, at);
          for (uint64_t c = 0; c < hidden; ++c)
            (columns ? dense[c * all + row] : dense[row * hidden + c]) =
                columns ? own[c * width + i] : own[i * hidden + c];
        }
      }
      return dense;
    });
    if (!config_.factor->order.empty()) return;
    for (uint32_t expert = 0; expert < config_.factor->experts; ++expert)
      views_.push_back({name_of(role, layer, expert),
                        number,
                        expert * width * (columns ? 1 : hidden),
                        shape_of(role),
                        {columns ? all : hidden, 1}});
  }

  uint64_t row_of(uint32_t layer, uint64_t at) const {
    const auto& order = config_.factor->order;
    return order.empty() ? at : order[uint64_t(layer) * config_.intermediate + at];
  }

  Result<Values> values(WeightRole role, uint32_t layer, uint32_t expert) const {
    LK_ASSIGN(const WeightRef weight, resolve(source_, config_, layer, role, expert));
    const std::vector<uint64_t> shape = shape_of(role);
    const uint64_t rows = shape.front();
    uint64_t columns = 1;
    for (size_t axis = 1; axis < shape.size(); ++axis) columns *= shape[axis];
    const DType type = weight.tensor->type;
    LK_ASSIGN(const Bytes whole, source_.data(*weight.tensor));
    Values file(rows * columns);
    const uint64_t row_bytes = columns * layout(type).bytes / layout(type).block;
    LK_TRY(dequantise(type, whole.subspan(weight.first_row * row_bytes, rows * row_bytes), file));
    if (!weight.permuted()) return file;
    Values ordered(file.size());
    for (uint64_t row = 0; row < rows; ++row)
      std::copy_n(&file[weight.file_row(row) * columns], columns, &ordered[row * columns]);
    return ordered;
  }

  const Checkpoint& source_;
  const DecoderConfig& config_;
  const StateDictOptions& options_;
  std::vector<TorchTensor> tensors_;
  std::vector<TorchView> views_;
  std::vector<std::function<Result<Values>()>> makers_;
};

Status check(const DecoderConfig& config, const StateDictOptions& options, const std::string& file) {
  if (config.picture)
    return unsupported(join(kContext, " ", file, " is a model that sees; its parts are not written so."));
  if (layout(options.type).block > 1)
    return unsupported(join(kContext, " the type is ", name(options.type), "; f32, f16 or bf16 was expected."));
  if (!options.dense_copies) return Done{};
  if (!config.factor)
    return invalid(join(kContext, " ", file, " is not cut into experts: it has its dense layers only."));
  if (config.factor->split != FactorSplit::contiguous && config.factor->order.empty())
    return invalid(join(kContext, " ", file, " does not tell which rows of the dense layers its experts are."));
  return Done{};
}

Status write_text(const std::filesystem::path& file, const std::string& text) {
  LK_ASSIGN(OutputFile out, OutputFile::create(file));
  out.write(std::as_bytes(std::span(text)));
  return out.finish();
}

}  // namespace

Result<StateDictReport> write_state_dict(const Checkpoint& source, const std::filesystem::path& folder,
                                         const StateDictOptions& options) {
  LK_ASSIGN(const DecoderConfig config, DecoderConfig::from(source));
  LK_TRY(check(config, options, source.path().string()));
  LK_TRY(check_weights(source, config));
  std::error_code ignored;
  if (std::filesystem::exists(folder, ignored) && !std::filesystem::is_empty(folder, ignored))
    return invalid(join(kContext, " ", folder.string(), " is there already; the name of a new folder was expected."));
  StateDictReport report;
  LK_ASSIGN(OutputFolder out, OutputFolder::create(folder, kContext));
  if (source.kind() == Checkpoint::Kind::gguf) {
    LK_ASSIGN(const std::string text, config_json(config, options.type));
    LK_TRY(write_text(out.folder() / "config.json", text));
    report.notices.push_back("A GGUF file has no tokenizer.json; the folder needs that of the model it was made from.");
  } else {
    LK_TRY(copy_texts(source.path(), out.folder()));
  }
  if (config.factor) LK_TRY(write_text(out.folder() / "factor.json", factor_json(*config.factor, config)));
  StateDict dict(source, config, options);
  dict.add_all();
  const std::filesystem::path file = out.folder() / "pytorch_model.bin";
  LK_TRY(write_torch_zip(file, dict.tensors(), dict.views(), [&](size_t tensor) { return dict.bytes(tensor); }));
  report.tensors = dict.tensors().size() + dict.views().size();
  report.bytes = std::filesystem::file_size(file);
  LK_TRY(out.finish());
  return report;
}

}  // namespace lorikeet
