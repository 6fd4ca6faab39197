// Mutated adapter_config.json texts; what is read must also be written and read again.
#include "frontend/adapters/adapter_config.h"
#include "frontend/adapters/adapter_routing.h"
#include "tests/support/fuzz.h"

using namespace lorikeet;

int main() {
  const std::vector<std::string> seeds = {
      R"({"bias":"none","peft_type":"DYNMOLE","r":4,"lora_alpha":8,"lora_dropout":0.05,"target_modules":["gate_proj","down_proj"],"routing_strategy":"dynmole","num_experts":6,"entropy_threshold":0.9,"entropy_index":1.1,"entropy_type":"renyi","entropy_eps":1e-05,"keep_top_k":2,"top_p":0.75,"lorikeet_routing":{"keep_crossing":true},"base_model_name_or_path":"base","task_type":null})",
      R"({"use_rslora":true,"peft_type":"MIXLORA","r":4,"lora_alpha":8,"lora_dropout":0.05,"target_modules":{"q_proj":true,"w1_proj":true},"expert_lora":{"r":6,"lora_alpha":12,"lora_dropout":0.05},"routing_strategy":"mixlora-dynamic","num_experts":6,"act_fn":"silu","top_p":0.8,"temperature":0.5})",
      R"({"peft_type":"LORA","r":8,"lora_alpha":16.5,"lora_dropout":0,"target_modules":["q_proj"],"rank_pattern":{},"modules_to_save":null,"init_lora_weights":"gaussian","peft_version":"0.17.0"})",
  };
  return test::fuzz("adapter_config", seeds, [](std::span<const std::byte> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto config = AdapterConfig::parse(text, "[adapter] fuzzed");
    if (!config) return;
    (void)routing_policy(*config);
    if (!AdapterConfig::parse(config->text(), "[adapter] again")) std::abort();
  });
}
