// The places of pictures in a conversation's tokens: plain data, no device.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "frontend/picture_config.h"
#include "runtime/base/result.h"

namespace lorikeet {

// Pixels of a picture as the model sees them, (channels, side, side): see frontend/image/preprocess.h.
using Pixels = std::shared_ptr<const std::vector<float>>;

// What happens to the pictures after the first one of a conversation.
enum class MultiImage {
  refuse,
  zeros,  // their tokens are zeros, as published
  each,   // each is routed by the question, as the first one is
};

// A visual token of a conversation is a negative number: -1 - row, row counted over its pictures; or kZeroVisual.
inline constexpr int32_t kZeroVisual = INT32_MIN;

struct PlacedPictures {
  std::vector<int32_t> tokens;  // with the visual tokens in the places of the pictures
  std::vector<int32_t> text;    // the tokens but the pictures: what the pictures are asked
  bool cut = false;             // the sequence was longer than the model allows
};

// `prompt` has kPictureToken where a picture goes, as often as there are pictures.
Result<PlacedPictures> place_pictures(std::span<const int32_t> prompt, size_t pictures, const PictureConfig& config,
                                      MultiImage multi);

// The prompt that such tokens came from: kPictureToken in the place of each picture again.
std::vector<int32_t> unplace_pictures(std::span<const int32_t> tokens, const PictureConfig& config);

}  // namespace lorikeet
