// The pictures of a batch as the words that a training pass reads: which are different, and which conversation is about
// which.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "frontend/dataset/batch.h"
#include "frontend/picture_config.h"

namespace lorikeet {

// A control table (shaders/control.h) that has nothing but its wanted list.
std::vector<uint32_t> wanted_list(std::span<const uint32_t> rows);
int64_t wanted_list_words(int64_t rows);

struct BatchPictures {
  std::vector<std::string> paths;  // the different ones, in the order of the first conversations about them
  std::vector<uint32_t> shown;     // by conversation about a picture: the number of its picture
};
BatchPictures batch_pictures(const Batch& batch);

// The state `shown` of a training pass. `tower`: the features are all rows of a tower in training.
std::vector<uint32_t> shown_list(const BatchPictures& pictures, const PictureConfig& config, bool tower);

// The state `classes`.
std::vector<uint32_t> class_list(int64_t questions, uint32_t visual_tokens);

// What a tower in training reads beside the pixels, see TowerBatch: the same for all batches of so many pictures.
struct TowerLists {
  std::vector<uint32_t> tokens, positions, spans;
};
TowerLists tower_lists(const PictureConfig& config, int64_t pictures);

}  // namespace lorikeet
