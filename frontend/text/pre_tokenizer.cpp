#include "frontend/text/pre_tokenizer.h"

#include <algorithm>

#include "frontend/text/byte_level.h"
#include "frontend/text/utf8.h"

namespace lorikeet {

const char kGpt2Pattern[] = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

namespace {

using Range = Words::Range;
using Step = PreTokenizerStep;

// A stretch of a word: a match, or what lies between two matches.
struct Stretch {
  size_t begin, end;
  bool match;
};

void cover(const std::vector<TextRange>& matches, size_t size, bool invert, std::vector<Stretch>& stretches) {
  stretches.clear();
  size_t done = 0;
  for (const TextRange& match : matches) {
    if (done < match.begin) stretches.push_back({done, match.begin, invert});
    stretches.push_back({match.begin, match.end, !invert});
    done = match.end;
  }
  if (done < size) stretches.push_back({done, size, invert});
}

void glue(std::vector<Stretch>& stretches, const SplitBehavior behavior) {
  size_t kept = 0;
  bool previous = false;
  for (const Stretch& stretch : stretches) {
    const bool joins = behavior == SplitBehavior::contiguous ? stretch.match == previous : stretch.match && !previous;
    previous = stretch.match;
    if (joins && kept > 0) stretches[kept - 1].end = stretch.end;
    else stretches[kept++] = stretch;
  }
  stretches.resize(kept);
}

void glue_to_next(std::vector<Stretch>& stretches) {
  size_t kept = stretches.size();
  bool previous = false;
  for (size_t i = stretches.size(); i-- > 0;) {
    const Stretch stretch = stretches[i];
    const bool joins = stretch.match && !previous;
    previous = stretch.match;
    if (joins && kept < stretches.size()) stretches[kept].begin = stretch.begin;
    else stretches[--kept] = stretch;
  }
  stretches.erase(stretches.begin(), stretches.begin() + std::ptrdiff_t(kept));
}

void apply(SplitBehavior behavior, std::vector<Stretch>& stretches) {
  if (behavior == SplitBehavior::removed) std::erase_if(stretches, [](const Stretch& s) { return s.match; });
  else if (behavior == SplitBehavior::merged_with_next) glue_to_next(stretches);
  else if (behavior != SplitBehavior::isolated) glue(stretches, behavior);
}

// Cuts each word. `find` is called with a word's text and fills the ranges of the matches in it.
template <class Find>
Status cut(Words& words, SplitBehavior behavior, bool invert, Find&& find) {
  std::vector<Range> cut_ranges;
  std::vector<TextRange> matches;
  std::vector<Stretch> stretches;
  for (const Range& word : words.ranges) {
    const std::string_view text = std::string_view(words.text).substr(word.begin, word.end - word.begin);
    LK_TRY(find(text, matches));
    cover(matches, text.size(), invert, stretches);
    apply(behavior, stretches);
    for (const Stretch& s : stretches)
      if (s.begin < s.end) cut_ranges.push_back({word.begin + s.begin, word.begin + s.end, word.first && s.begin == 0});
  }
  words.ranges = std::move(cut_ranges);
  return Done{};
}

// Each character with the property is a match of its own.
template <class Property>
Status cut_characters(Words& words, SplitBehavior behavior, Property&& property) {
  return cut(words, behavior, false, [&](std::string_view text, std::vector<TextRange>& matches) -> Status {
    matches.clear();
    for (size_t at = 0; at < text.size();) {
      const Utf8Step step = decode_utf8(text, at);
      if (property(step.code_point)) matches.push_back({at, at + step.length});
      at += step.length;
    }
    return Done{};
  });
}

// Runs of word characters and runs of other characters; white space is dropped.
Status cut_word_runs(Words& words) {
  const auto kind_of = [](char32_t c) { return is_whitespace(c) ? 0 : is_word(c) ? 1 : 2; };
  return cut(words, SplitBehavior::removed, true,
             [&](std::string_view text, std::vector<TextRange>& matches) -> Status {
               matches.clear();
               int previous = 0;
               for (size_t at = 0; at < text.size();) {
                 const Utf8Step step = decode_utf8(text, at);
                 const int kind = kind_of(step.code_point);
                 if (kind != 0 && kind == previous) matches.back().end = at + step.length;
                 else if (kind != 0) matches.push_back({at, at + step.length});
                 previous = kind;
                 at += step.length;
               }
               return Done{};
             });
}

Status cut_pattern(Words& words, const Step& step) {
  TextPattern::Finder finder(*step.pattern);
  return cut(words, step.behavior, step.invert,
             [&](std::string_view text, std::vector<TextRange>& matches) { return finder.find_all(text, matches); });
}

// Writes each word anew; `rewrite` appends a word's new text.
template <class Rewrite>
void rewrite_words(Words& words, Rewrite&& rewrite) {
  std::string text;
  text.reserve(words.text.size() * 3 / 2 + 8);
  for (Range& word : words.ranges) {
    const size_t begin = text.size();
    rewrite(std::string_view(words.text).substr(word.begin, word.end - word.begin), word.first, text);
    word.begin = begin;
    word.end = text.size();
  }
  words.text = std::move(text);
}

Status byte_level(Words& words, const Step& step) {
  if (step.add_prefix_space)
    rewrite_words(words, [](std::string_view word, bool, std::string& out) {
      if (!word.starts_with(' ')) out.push_back(' ');
      out += word;
    });
  if (step.pattern) LK_TRY(cut_pattern(words, step));
  rewrite_words(words, [](std::string_view word, bool, std::string& out) { append_byte_level(out, word); });
  return Done{};
}

Status metaspace(Words& words, const Step& step) {
  rewrite_words(words, [&](std::string_view word, bool first, std::string& out) {
    const bool marked = word.starts_with(' ') || word.starts_with(step.replacement);
    const bool wanted = step.prepend == Step::Prepend::always || (step.prepend == Step::Prepend::first && first);
    if (wanted && !marked) out += step.replacement;
    for (const char c : word) {
      if (c == ' ') out += step.replacement;
      else out.push_back(c);
    }
  });
  if (!step.split) return Done{};
  return cut(words, SplitBehavior::merged_with_next, false,
             [&](std::string_view text, std::vector<TextRange>& matches) -> Status {
               matches.clear();
               const size_t length = step.replacement.size();
               for (size_t at = text.find(step.replacement); at != std::string_view::npos;
                    at = text.find(step.replacement, at + length))
                 matches.push_back({at, at + length});
               return Done{};
             });
}

Status run_step(const Step& step, Words& words) {
  switch (step.kind) {
    case Step::Kind::split:
      return cut_pattern(words, step);
    case Step::Kind::digits:
      return cut_characters(words, step.behavior, is_number);
    case Step::Kind::punctuation:
      return cut_characters(words, step.behavior, is_punctuation);
    case Step::Kind::white_space:
      return cut_characters(words, SplitBehavior::removed, is_whitespace);
    case Step::Kind::word_runs:
      return cut_word_runs(words);
    case Step::Kind::byte_level:
      return byte_level(words, step);
    case Step::Kind::metaspace:
      return metaspace(words, step);
  }
  return Done{};
}

}  // namespace

Status PreTokenizer::run(Words& words) const {
  for (const PreTokenizerStep& step : steps) LK_TRY(run_step(step, words));
  return Done{};
}

}  // namespace lorikeet
