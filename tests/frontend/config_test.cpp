#include "frontend/config.h"

#include <cmath>

#include "frontend/config_readers.h"
#include "tests/support/catch.h"

using namespace lorikeet;

namespace {

const std::string kSizes =
    R"("vocab_size":512,"hidden_size":64,"intermediate_size":172,"num_hidden_layers":4,"num_attention_heads":4)";

Result<DecoderConfig> parse(const std::string& type, const std::string& more, const std::string& generation = "") {
  return config_from_json(R"({"model_type":")" + type + "\"," + kSizes + more + "}", generation,
                          "[config] config.json");
}

std::string error_of(const std::string& type, const std::string& more) {
  const auto config = parse(type, more);
  REQUIRE_FALSE(config.ok());
  return config.error().message;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("config: missing keys have the family's usual values") {
  const auto llama = parse("llama", "").value();
  CHECK(llama.kv_heads == 4);
  CHECK(llama.head_dim == 16);
  CHECK(llama.context_length == 2048);
  CHECK(llama.rms_eps == 1e-6f);
  CHECK(llama.windows == std::vector<uint32_t>(4, 0));
  CHECK_FALSE(llama.qkv_bias);
  CHECK(llama.rope.inverse_frequencies.size() == 8);
  const auto qwen = parse("qwen2", R"(,"num_key_value_heads":2)").value();
  CHECK(qwen.qkv_bias);
  CHECK_FALSE(qwen.o_bias);
  CHECK(qwen.windows == std::vector<uint32_t>(4, 0));
}

TEST_CASE("config: sliding windows") {
  CHECK(parse("mistral", R"(,"num_key_value_heads":2)").value().windows == std::vector<uint32_t>(4, 4096));
  CHECK(parse("mistral", R"(,"num_key_value_heads":2,"sliding_window":null)").value().windows ==
        std::vector<uint32_t>(4, 0));
  const std::string qwen =
      R"(,"num_key_value_heads":2,"use_sliding_window":true,"sliding_window":128,"max_window_layers":3)";
  CHECK(parse("qwen2", qwen).value().windows == std::vector<uint32_t>{0, 0, 0, 128});
  const std::string typed =
      R"(,"layer_types":["sliding_attention","full_attention","full_attention","sliding_attention"])";
  CHECK(parse("qwen2", qwen + typed).value().windows == std::vector<uint32_t>{128, 0, 0, 128});
}

TEST_CASE("config: the generation config's end tokens win") {
  CHECK(parse("llama", R"(,"eos_token_id":5)").value().eos_ids == std::vector<uint32_t>{5});
  CHECK(parse("llama", R"(,"eos_token_id":[5,6])").value().eos_ids == std::vector<uint32_t>{5, 6});
  CHECK(parse("llama", R"(,"eos_token_id":5)", R"({"eos_token_id":[7,8]})").value().eos_ids ==
        std::vector<uint32_t>{7, 8});
}

TEST_CASE("config: rope scalings match their formulas") {
  const auto plain = parse("llama", "").value().rope;
  CHECK(plain.inverse_frequencies[1] == Approx(std::pow(10000.0, -2.0 / 16)));
  const auto linear = parse("llama", R"(,"rope_scaling":{"type":"linear","factor":4})").value().rope;
  for (size_t i = 0; i < 8; ++i) CHECK(linear.inverse_frequencies[i] == Approx(plain.inverse_frequencies[i] / 4));
  const auto newer =
      parse("llama", R"(,"rope_parameters":{"rope_type":"linear","factor":4,"rope_theta":10000})").value().rope;
  CHECK(newer.inverse_frequencies == linear.inverse_frequencies);
}

TEST_CASE("config: llama 3.1 scaling keeps short wavelengths and divides long ones") {
  const auto config = config_from_json(
      R"({"model_type":"llama","vocab_size":128256,"hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":1,
          "num_attention_heads":32,"num_key_value_heads":8,"rope_theta":500000.0,"max_position_embeddings":131072,
          "rope_scaling":{"factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192,"rope_type":"llama3"}})",
      "", "x");
  REQUIRE(config.ok());
  const std::vector<float>& given = config->rope.inverse_frequencies;
  REQUIRE(given.size() == 64);
  const auto base = [](int i) { return std::pow(500000.0, -i / 64.0); };
  CHECK(given[0] == 1.0f);
  CHECK(given[20] == Approx(base(20)));
  CHECK(given[50] == Approx(base(50) / 8));
  CHECK(given[63] == Approx(base(63) / 8));
  // Pair 32 turns every 4443 positions, between 8192 / 4 and 8192: blended with weight (8192 / 4443 - 1) / 3.
  const double kept = (8192 * base(32) / (2 * 3.14159265358979) - 1) / 3;
  CHECK(given[32] == Approx((1 - kept) * base(32) / 8 + kept * base(32)));
}

TEST_CASE("config: yarn extends the context") {
  const auto config = config_from_json(
      R"({"model_type":"qwen2","vocab_size":152064,"hidden_size":3584,"intermediate_size":18944,"num_hidden_layers":28,
          "num_attention_heads":28,"num_key_value_heads":4,"rope_theta":1000000.0,"max_position_embeddings":32768,
          "rope_scaling":{"factor":4.0,"original_max_position_embeddings":32768,"type":"yarn"}})",
      "", "x");
  REQUIRE(config.ok());
  CHECK(config->context_length == 131072);
  CHECK(config->rope.attention_factor == Approx(0.1 * std::log(4.0) + 1));
  const std::vector<float>& given = config->rope.inverse_frequencies;
  // The pairs that turn 32 times and once within 32768 positions: 23.6 (down to 23) and 39.7 (up to 40).
  const auto base = [](int i) { return std::pow(1e6, -i / 64.0); };
  CHECK(given[23] == Approx(base(23)));
  CHECK(given[40] == Approx(base(40) / 4));
  const double interpolated = (30.0 - 23) / (40 - 23);
  CHECK(given[30] == Approx(base(30) * (1 - interpolated) + base(30) / 4 * interpolated));
}

TEST_CASE("config: bad ones give one sentence") {
  CHECK(error_of("gpt_oss", "") ==
        "[config] config.json: model_type is gpt_oss; llama, mistral, qwen2 and parrot_qwen2 are supported.");
  CHECK(error_of("llama", R"(,"num_key_value_heads":0)") ==
        "[config] config.json: num_key_value_heads must be between 1 and 16777216, it is 0.");
  CHECK(contains(error_of("llama", R"(,"num_key_value_heads":-1)"), "must be a natural number"));
  CHECK(contains(error_of("llama", R"(,"hidden_act":"gelu")"), "hidden_act is gelu"));
  CHECK(contains(error_of("llama", R"(,"quantization_config":{"bits":4})"), "quantised by quantization_config"));
  CHECK(contains(error_of("llama", R"(,"rope_scaling":{"type":"longrope"})"), "the rotary scaling is longrope"));
  CHECK(contains(error_of("llama", R"(,"rope_scaling":{"type":"linear"})"), "factor is missing"));
  CHECK(contains(error_of("llama", R"(,"rope_scaling":{"type":"linear","factor":-1})"), "must be positive"));
  CHECK(contains(error_of("llama", R"(,"rope_theta":"big")"), "rope_theta must be a number"));
  CHECK(contains(error_of("llama", R"(,"eos_token_id":"end")"), "eos_token_id must be"));
  CHECK(contains(config_from_json("{", "", "[config] c").error().message, "not valid JSON"));
  CHECK(contains(config_from_json("{}", "", "[config] c").error().message, "model_type is missing"));
  CHECK(contains(config_from_json(R"({"model_type":"llama"})", "", "[config] c").error().message,
                 "num_hidden_layers is missing"));
}
