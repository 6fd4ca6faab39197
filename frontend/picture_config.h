// The numbers of a model that sees: vision tower, projector, visual experts (Parrot), and how pictures are prepared.
#pragma once

#include <cstdint>

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/image/preprocess.h"
#include "runtime/base/result.h"

namespace lorikeet {

inline constexpr int32_t kPictureToken = -200;  // in a prompt's token ids: a picture goes here

struct PictureConfig {
  // The tower: a vision transformer, of which the first `tower_layers` are run.
  uint32_t tower_hidden = 0;
  uint32_t tower_intermediate = 0;
  uint32_t tower_heads = 0;
  uint32_t tower_layers = 0;
  uint32_t channels = 3;
  uint32_t side = 0;   // of the square picture, in pixels
  uint32_t patch = 0;  // side of a patch
  float norm_eps = 1e-5f;
  bool quick_gelu = true;   // or the exact one
  bool class_token = true;  // it is kept among the visual tokens, as the first
  // Visual experts. Off (a stage of training): the projected tokens are the visual tokens.
  bool use_experts = true;
  uint32_t experts = 0;
  uint32_t expert_intermediate = 0;
  float residual_weight = 0;  // of the projected tokens; 0: none
  // The whole sequence is cut to this many positions after the visual tokens are in their place; 0: never.
  uint32_t longest_sequence = 0;
  PreprocessConfig preprocess;

  int64_t positions() const { return int64_t(side / patch) * (side / patch) + 1; }  // of the tower
  int64_t visual_tokens() const { return positions() - (class_token ? 0 : 1); }
};

// From config.json and the tower's own configuration and pre-processor. `hidden` is the decoder's size.
Result<PictureConfig> picture_config(const Checkpoint& checkpoint, uint32_t hidden);
// Whether the tower's numbers fit together; `file` begins the messages.
Status check_tower(const PictureConfig& config, const std::string& file);

}  // namespace lorikeet
