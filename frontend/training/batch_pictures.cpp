#include "frontend/training/batch_pictures.h"

#include <algorithm>
#include <cstring>

#include "shaders/control.h"

namespace lorikeet {

std::vector<uint32_t> wanted_list(std::span<const uint32_t> rows) {
  std::vector<uint32_t> words(size_t(wanted_list_words(int64_t(rows.size()))));
  const shader::Step step{.wanted = uint32_t(rows.size()), .wanted_at = shader::kStepWords};
  std::memcpy(words.data(), &step, sizeof step);
  std::copy(rows.begin(), rows.end(), words.begin() + shader::kStepWords);
  return words;
}

int64_t wanted_list_words(int64_t rows) { return int64_t(shader::kStepWords) + rows; }

BatchPictures batch_pictures(const Batch& batch) {
  BatchPictures made;
  for (const BatchSequence& sequence : batch.sequences) {
    if (sequence.picture_row < 0) continue;
    const auto known = std::find(made.paths.begin(), made.paths.end(), sequence.picture);
    made.shown.push_back(uint32_t(known - made.paths.begin()));
    if (known == made.paths.end()) made.paths.push_back(sequence.picture);
  }
  return made;
}

std::vector<uint32_t> shown_list(const BatchPictures& pictures, const PictureConfig& config, bool tower) {
  const uint32_t tokens = uint32_t(config.visual_tokens()), positions = uint32_t(config.positions());
  const uint32_t rows = tower ? positions : tokens, first = tower ? positions - tokens : 0;
  std::vector<uint32_t> list;
  for (const uint32_t picture : pictures.shown)
    for (uint32_t i = 0; i < tokens; ++i) list.push_back(picture * rows + first + i);
  return wanted_list(list);
}

std::vector<uint32_t> class_list(int64_t questions, uint32_t visual_tokens) {
  std::vector<uint32_t> list;
  for (uint32_t question = 0; question < uint32_t(questions); ++question) list.push_back(question * visual_tokens);
  return wanted_list(list);
}

TowerLists tower_lists(const PictureConfig& config, int64_t pictures) {
  const uint32_t positions = uint32_t(config.positions());
  std::vector<uint32_t> tokens, places;
  TowerLists lists;
  for (uint32_t picture = 0; picture < uint32_t(pictures); ++picture) {
    const uint32_t begin = picture * positions, end = begin + positions;
    for (uint32_t i = 0; i < positions; ++i) {
      tokens.push_back(i == 0 ? 0 : picture * (positions - 1) + i);
      places.push_back(i);
      lists.spans.insert(lists.spans.end(), {begin, end, begin, end});
    }
  }
  lists.tokens = wanted_list(tokens);
  lists.positions = wanted_list(places);
  return lists;
}

}  // namespace lorikeet
