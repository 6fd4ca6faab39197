#include "tools/answer_output.h"

#include <nlohmann/json.hpp>

#include "tools/terminal.h"

namespace lorikeet::tool {

OnPiece print_pieces(bool has_tokenizer) {
  return [has_tokenizer, first = true](std::string_view text, int32_t token) mutable {
    if (has_tokenizer) {
      print(text);
    } else if (token != kNoToken) {
      if (!first) print(",");
      print(std::to_string(token));
    }
    first = false;
    return true;
  };
}

void print_json(const Answer& answer, const GenerationOptions& options, double load_ms,
                const nlohmann::ordered_json& more) {
  const Timings& t = answer.timings;
  nlohmann::ordered_json json;
  json["text"] = answer.text;
  json["token_ids"] = answer.token_ids;
  json["prompt_token_ids"] = answer.prompt_token_ids;
  json["stop_reason"] = name(answer.stop_reason);
  if (!options.sampler.greedy) json["seed"] = options.sampler.seed;
  json["timings"] = {{"load_ms", load_ms},
                     {"prompt_tokens", t.prompt_tokens},
                     {"prompt_ms", t.prompt_ms},
                     {"prompt_tokens_per_second", t.prompt_per_second()},
                     {"generated_tokens", t.generated_tokens},
                     {"generate_ms", t.generate_ms},
                     {"generated_tokens_per_second", t.generated_per_second()}};
  json.update(more);
  print(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

void say_speed(const Answer& answer) {
  const Timings& t = answer.timings;
  char line[160];
  std::snprintf(line, sizeof line, "[prompt: %llu tokens, %.1f tokens/s; answer: %llu tokens, %.1f tokens/s; %s]",
                static_cast<unsigned long long>(t.prompt_tokens), t.prompt_per_second(),
                static_cast<unsigned long long>(t.generated_tokens), t.generated_per_second(),
                std::string(name(answer.stop_reason)).c_str());
  say(line);
}

}  // namespace lorikeet::tool
