#include "tests/support/tiny_model.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>
#include <vector>

#include "frontend/checkpoint/safetensors.h"
#include "frontend/text/byte_level.h"
#include "runtime/base/file.h"
#include "tests/support/temporary.h"

namespace lorikeet::test {

std::filesystem::path write_tiny_model(const std::string& folder, const TinyModel& m) {
  static const TemporaryFolder all;  // of this process: the same tests run on several devices at once
  const std::filesystem::path path = all / folder;
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  const nlohmann::json config = {{"model_type", m.qwen2 ? "qwen2" : "llama"},
                                 {"architectures", {m.qwen2 ? "Qwen2ForCausalLM" : "LlamaForCausalLM"}},
                                 {"num_hidden_layers", m.layers},
                                 {"hidden_size", m.hidden},
                                 {"num_attention_heads", m.heads},
                                 {"num_key_value_heads", m.kv_heads},
                                 {"intermediate_size", m.intermediate},
                                 {"vocab_size", m.vocabulary},
                                 {"max_position_embeddings", 2048},
                                 {"rms_norm_eps", 1e-5},
                                 {"rope_theta", 10000.0},
                                 {"tie_word_embeddings", m.tied},
                                 {"hidden_act", "silu"},
                                 {"eos_token_id", 0},
                                 {"bos_token_id", 1}};
  std::mt19937_64 random(99);
  std::vector<std::vector<float>> values;
  std::vector<NamedBytes> tensors;
  const auto add = [&](const std::string& name, std::vector<uint64_t> shape, float spread, float center = 0) {
    uint64_t count = 1;
    for (uint64_t axis : shape) count *= axis;
    std::normal_distribution<float> normal(center, spread);
    std::vector<float>& data = values.emplace_back(count);
    for (float& value : data) value = normal(random);
    tensors.push_back({name, DType::f32, std::move(shape), {}});
  };
  const uint64_t h = uint64_t(m.hidden), head = h / uint64_t(m.heads), kv = head * uint64_t(m.kv_heads),
                 i = uint64_t(m.intermediate);
  add("model.embed_tokens.weight", {uint64_t(m.vocabulary), h}, 1);
  for (int layer = 0; layer < m.layers; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    const float spread = 1 / std::sqrt(float(h));
    add(prefix + "input_layernorm.weight", {h}, 0.1f, 1);
    add(prefix + "self_attn.q_proj.weight", {h, h}, 2 * spread);
    add(prefix + "self_attn.k_proj.weight", {kv, h}, 2 * spread);
    add(prefix + "self_attn.v_proj.weight", {kv, h}, spread);
    if (m.qwen2) {
      add(prefix + "self_attn.q_proj.bias", {h}, 0.3f);
      add(prefix + "self_attn.k_proj.bias", {kv}, 0.3f);
      add(prefix + "self_attn.v_proj.bias", {kv}, 0.3f);
    }
    add(prefix + "self_attn.o_proj.weight", {h, h}, spread);
    add(prefix + "post_attention_layernorm.weight", {h}, 0.1f, 1);
    add(prefix + "mlp.gate_proj.weight", {i, h}, spread);
    add(prefix + "mlp.up_proj.weight", {i, h}, spread);
    add(prefix + "mlp.down_proj.weight", {h, i}, spread);
  }
  add("model.norm.weight", {h}, 0.1f, 1);
  if (!m.tied) add("lm_head.weight", {uint64_t(m.vocabulary), h}, 1);
  for (size_t t = 0; t < tensors.size(); ++t) tensors[t].bytes = std::as_bytes(std::span(values[t]));
  if (!write_safetensors(path / "model.safetensors", tensors) || !write_whole(path / "config.json", config.dump()))
    std::fprintf(stderr, "cannot write %s\n", path.c_str());
  return path;
}

void write_tiny_tokenizer(const std::filesystem::path& path) {
  using nlohmann::json;
  json vocabulary = json::object(), added = json::array();
  for (int byte = 0; byte < 256; ++byte) vocabulary[std::string(byte_level_character(uint8_t(byte)))] = byte;
  vocabulary["zq"] = 259;
  int id = 256;
  for (const char* special : {"<|im_start|>", "<|im_end|>", "<|endoftext|>"})
    added.push_back({{"id", id++},
                     {"content", special},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  const json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  const json tokenizer = {{"version", "1.0"},
                          {"added_tokens", added},
                          {"normalizer", nullptr},
                          {"pre_tokenizer", byte_level},
                          {"post_processor", nullptr},
                          {"decoder", byte_level},
                          {"model",
                           {{"type", "BPE"},
                            {"unk_token", nullptr},
                            {"byte_fallback", false},
                            {"vocab", vocabulary},
                            {"merges", {"z q"}}}}};
  const json config = {
      {"eos_token", "<|im_end|>"},
      {"chat_template",
       "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
       "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"}};
  if (!write_whole(path / "tokenizer.json", tokenizer.dump()) ||
      !write_whole(path / "tokenizer_config.json", config.dump()))
    std::fprintf(stderr, "cannot write a tokenizer to %s\n", path.c_str());
}

}  // namespace lorikeet::test
