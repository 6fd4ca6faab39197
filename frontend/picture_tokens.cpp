#include "frontend/picture_tokens.h"

#include <algorithm>

#include "runtime/base/counted.h"
#include "runtime/base/text.h"

namespace lorikeet {

Result<PlacedPictures> place_pictures(std::span<const int32_t> prompt, size_t pictures, const PictureConfig& config,
                                      MultiImage multi) {
  const size_t places = size_t(std::count(prompt.begin(), prompt.end(), kPictureToken));
  if (places != pictures)
    return invalid(
        join("the prompt has places for ", counted(places, "picture"), ", ", counted_were(pictures), " given."));
  if (pictures > 1 && multi == MultiImage::refuse)
    return invalid(join("the model is made for one picture a conversation, ", pictures,
                        " were given; --multi-image says what to do with the others."));
  PlacedPictures placed;
  int32_t picture = 0;
  for (int32_t token : prompt) {
    if (token != kPictureToken) {
      placed.tokens.push_back(token);
      placed.text.push_back(token);
      continue;
    }
    const int32_t count = int32_t(config.visual_tokens());
    const bool zeros = picture > 0 && multi == MultiImage::zeros;
    for (int32_t i = 0; i < count; ++i) placed.tokens.push_back(zeros ? kZeroVisual : -1 - (picture * count + i));
    ++picture;
  }
  if (config.longest_sequence > 0 && placed.tokens.size() > config.longest_sequence) {
    placed.tokens.resize(config.longest_sequence);
    placed.cut = true;
  }
  return placed;
}

std::vector<int32_t> unplace_pictures(std::span<const int32_t> tokens, const PictureConfig& config) {
  std::vector<int32_t> prompt;
  for (size_t i = 0; i < tokens.size(); i += tokens[i] < 0 ? size_t(config.visual_tokens()) : 1)
    prompt.push_back(tokens[i] < 0 ? kPictureToken : tokens[i]);
  return prompt;
}

}  // namespace lorikeet
