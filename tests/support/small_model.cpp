#include "tests/support/small_model.h"

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "runtime/base/text.h"

namespace lorikeet::test {
namespace {

std::vector<NamedBytes> tensors_of(const SmallModel& model) {
  std::vector<NamedBytes> tensors;
  for (const auto& [name, values] : model.values)
    tensors.push_back({name, DType::f32, model.shapes.at(name), std::as_bytes(std::span(values))});
  return tensors;
}

void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

void must(const Status& status) {
  if (!status) std::abort();
}

}  // namespace

SmallModel small_model(const SmallModelOptions& o) {
  SmallModel model;
  std::mt19937 random(o.seed);
  std::normal_distribution<float> normal(0, 0.2f);
  const auto add = [&](const std::string& name, std::vector<uint64_t> shape) {
    std::vector<float> values(shape.size() == 1 ? shape[0] : shape[0] * shape[1]);
    for (float& value : values) value = normal(random);
    model.values[name] = std::move(values);
    model.shapes[name] = std::move(shape);
  };
  const uint64_t queries = uint64_t(o.heads) * o.head_dim, keys = uint64_t(o.kv_heads) * o.head_dim;
  add("model.embed_tokens.weight", {o.vocabulary, o.hidden});
  add("model.norm.weight", {o.hidden});
  if (!o.tied) add("lm_head.weight", {o.vocabulary, o.hidden});
  for (uint32_t layer = 0; layer < o.layers; ++layer) {
    const std::string prefix = join("model.layers.", layer, ".");
    add(prefix + "input_layernorm.weight", {o.hidden});
    add(prefix + "post_attention_layernorm.weight", {o.hidden});
    add(prefix + "self_attn.q_proj.weight", {queries, o.hidden});
    add(prefix + "self_attn.k_proj.weight", {keys, o.hidden});
    add(prefix + "self_attn.v_proj.weight", {keys, o.hidden});
    add(prefix + "self_attn.o_proj.weight", {o.hidden, queries});
    add(prefix + "mlp.gate_proj.weight", {o.intermediate, o.hidden});
    add(prefix + "mlp.up_proj.weight", {o.intermediate, o.hidden});
    add(prefix + "mlp.down_proj.weight", {o.hidden, o.intermediate});
    if (!o.qkv_bias) continue;
    add(prefix + "self_attn.q_proj.bias", {queries});
    add(prefix + "self_attn.k_proj.bias", {keys});
    add(prefix + "self_attn.v_proj.bias", {keys});
  }
  model.config = join(R"({"model_type":")", o.model_type, R"(","hidden_size":)", o.hidden, R"(,"intermediate_size":)",
                      o.intermediate, R"(,"num_hidden_layers":)", o.layers, R"(,"num_attention_heads":)", o.heads,
                      R"(,"num_key_value_heads":)", o.kv_heads, R"(,"head_dim":)", o.head_dim, R"(,"vocab_size":)",
                      o.vocabulary, R"(,"rms_norm_eps":1e-5,"max_position_embeddings":256,"tie_word_embeddings":)",
                      o.tied ? "true" : "false", R"(,"bos_token_id":1,"eos_token_id":2)", o.more, "}");
  return model;
}

void write_directory(const SmallModel& model, const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  write_text(directory / "config.json", model.config);
  must(write_safetensors(directory / "model.safetensors", tensors_of(model), {{"format", "pt"}}));
}

void write_sharded(const SmallModel& model, const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  write_text(directory / "config.json", model.config);
  const std::vector<NamedBytes> tensors = tensors_of(model);
  const std::vector<NamedBytes> parts[] = {{tensors.begin(), tensors.begin() + 5},
                                           {tensors.begin() + 5, tensors.end()}};
  nlohmann::json map = nlohmann::json::object();
  for (int part = 0; part < 2; ++part) {
    const std::string file = join("model-0000", part + 1, "-of-00002.safetensors");
    must(write_safetensors(directory / file, parts[part]));
    for (const NamedBytes& tensor : parts[part]) map[tensor.name] = file;
  }
  write_text(directory / "model.safetensors.index.json",
             nlohmann::json{{"metadata", {{"total_size", 1}}}, {"weight_map", map}}.dump());
}

}  // namespace lorikeet::test
