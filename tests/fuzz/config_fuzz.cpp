// Mutated config.json texts, generation_config.json with them, and factor.json.
#include "frontend/config_readers.h"
#include "tests/support/fuzz.h"

using namespace lorikeet;

int main() {
  const std::vector<std::string> seeds = {
      R"({"model_type":"llama","vocab_size":512,"hidden_size":64,"intermediate_size":172,"num_hidden_layers":3,"num_attention_heads":4,"num_key_value_heads":2,"hidden_act":"silu","max_position_embeddings":131072,"rms_norm_eps":1e-05,"rope_theta":500000.0,"rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192},"tie_word_embeddings":false,"bos_token_id":1,"eos_token_id":[2,3]})",
      R"({"model_type":"qwen2","vocab_size":300,"hidden_size":32,"intermediate_size":44,"num_hidden_layers":4,"num_attention_heads":4,"num_key_value_heads":1,"use_sliding_window":true,"sliding_window":128,"max_window_layers":2,"rope_scaling":{"type":"yarn","factor":4.0,"original_max_position_embeddings":32768},"eos_token_id":2})",
      R"({"model_type":"mistral","vocab_size":300,"hidden_size":32,"intermediate_size":44,"num_hidden_layers":1,"num_attention_heads":4,"num_key_value_heads":1,"sliding_window":null,"rope_parameters":{"rope_theta":1e6,"rope_type":"linear","factor":2}})",
      R"({"num_experts":4,"top_k":2,"output_scale":"n_div_k","split":"permutation","index":[[3,1,0,2],[0,1,2,3]]})",
  };
  return test::fuzz("config", seeds, [](std::span<const std::byte> bytes) {
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    (void)config_from_json(text, "", "[config] fuzzed");
    FactorConfig factor{.experts = 4, .active = 2};
    if (read_factor_json(text, "[factor] fuzzed", factor))
      (void)check_factor(factor, {.layers = 2, .intermediate = 4}, "[factor] fuzzed");
    (void)config_from_json(
        R"({"model_type":"llama","vocab_size":9,"hidden_size":4,"intermediate_size":4,"num_hidden_layers":1,"num_attention_heads":1})",
        text, "[config] fuzzed");
  });
}
