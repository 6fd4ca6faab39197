#include "frontend/training/run_options.h"

namespace lorikeet {
namespace {

constexpr const char* kFeedForward[] = {"gate_proj", "down_proj", "up_proj"};
constexpr const char* kAttention[] = {"q_proj", "k_proj", "v_proj", "o_proj"};

}  // namespace

AdapterConfig published_adapter(AdapterKind kind) {
  AdapterConfig config;
  config.kind = kind;
  config.task_type = "CAUSAL_LM";
  config.lora = {.r = 24, .alpha = 48, .dropout = 0.05};
  config.target_modules.assign(std::begin(kFeedForward), std::end(kFeedForward));
  const auto everywhere = [&] {
    config.target_modules.insert(config.target_modules.begin(), std::begin(kAttention), std::end(kAttention));
  };
  config.experts = 6;
  switch (kind) {
    case AdapterKind::lora:
      config.lora.r = 80;
      config.lora.alpha = 160;
      config.experts = 1;
      everywhere();
      break;
    case AdapterKind::dynmole:
      config.top_p = 0.75;
      break;
    case AdapterKind::mixlora:
    case AdapterKind::mixlora_dynamic:
      config.lora.r = 16;
      config.lora.alpha = 32;
      config.experts = 8;
      config.training.init_range = 0.02;
      if (kind == AdapterKind::mixlora) config.top_k = 2;
      else config.top_p = 0.8;
      everywhere();
      break;
    case AdapterKind::mola:
      config.top_k = 2;
      config.training.loss = false;
      break;
    case AdapterKind::loramoe:
      config.training.loss = false;
      break;
  }
  return config;
}

}  // namespace lorikeet
