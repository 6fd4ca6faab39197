// Cuts normalised text into the words that the model works on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/text/text_pattern.h"
#include "runtime/base/result.h"

namespace lorikeet {

// What becomes of the matches of a pattern.
enum class SplitBehavior : uint8_t { removed, isolated, merged_with_previous, merged_with_next, contiguous };

// Text and the words in it. Words do not overlap and are in order.
struct Words {
  struct Range {
    size_t begin = 0;  // bytes
    size_t end = 0;
    bool first = false;  // begins where the whole input begins
  };
  std::string text;
  std::vector<Range> ranges;
};

struct PreTokenizerStep {
  enum class Kind : uint8_t { split, digits, punctuation, white_space, word_runs, byte_level, metaspace };
  enum class Prepend : uint8_t { always, first, never };
  Kind kind;
  std::optional<TextPattern> pattern = {};           // split, byte_level
  SplitBehavior behavior = SplitBehavior::isolated;  // split, punctuation, digits
  bool invert = false;                               // split: what lies between the matches counts as the match
  bool add_prefix_space = false;                     // byte_level
  std::string replacement = "\xE2\x96\x81";          // metaspace: U+2581 stands for a space
  Prepend prepend = Prepend::always;                 // metaspace
  bool split = true;                                 // metaspace: each replacement begins a word
};

class PreTokenizer {
 public:
  std::vector<PreTokenizerStep> steps;
  Status run(Words& words) const;
};

// GPT-2's own pattern, which ByteLevel uses unless it is told not to.
extern const char kGpt2Pattern[];

}  // namespace lorikeet
