#include "frontend/chat/wrap.h"

#include <algorithm>

#include "frontend/chat/unicode.h"

namespace lorikeet::jinja {
namespace {

using Text = std::u32string_view;

bool blank(char32_t c) { return c == ' ' || (c >= 9 && c <= 13); }
bool word(char32_t c) { return c == '_' || unicode::is_alnum(c); }
bool letter(char32_t c) { return word(c) && !unicode::is_decimal(c); }
bool word_or_mark(char32_t c) { return word(c) || Text(U"!\"'&.,?").find(c) != Text::npos; }

// Cuts a text into white space and words; words may end after hyphens and before dashes.
class Chunker {
 public:
  Chunker(Text text, bool hyphens) : text_(text), hyphens_(hyphens) {}

  std::vector<Text> run() {
    std::vector<Text> out;
    for (size_t at = 0; at < text_.size();) {
      const size_t end = chunk(at);
      out.push_back(text_.substr(at, end - at));
      at = end;
    }
    return out;
  }

 private:
  char32_t at(size_t i) const { return i < text_.size() ? text_[i] : U'\0'; }
  bool letter_at(size_t i) const { return i < text_.size() && letter(text_[i]); }

  size_t chunk(size_t start) const {
    size_t end = start;
    while (end < text_.size() && blank(text_[end])) ++end;
    if (end > start) return end;
    if (hyphens_ && dash(start)) return dash(start);
    for (end = start + 1;; ++end) {
      if (end == text_.size() || blank(text_[end])) return end;
      if (!hyphens_) continue;
      if (hyphen(end)) return end + 1;
      if (dash(end)) return end;
    }
  }

  // The end of two or more hyphens between words, or 0.
  size_t dash(size_t start) const {
    if (start == 0 || !word_or_mark(text_[start - 1])) return 0;
    size_t end = start;
    while (at(end) == '-') ++end;
    return end >= start + 2 && end < text_.size() && word(text_[end]) ? end : 0;
  }

  // A hyphen within a word: letters on both sides.
  bool hyphen(size_t i) const {
    if (at(i) != '-') return false;
    const bool before =
        i >= 2 && letter_at(i - 1) && (letter_at(i - 2) || (i >= 3 && at(i - 2) == '-' && letter_at(i - 3)));
    return before && letter_at(i + 1) && (letter_at(i + 2) || (at(i + 2) == '-' && letter_at(i + 3)));
  }

  Text text_;
  bool hyphens_;
};

bool all_space(Text text) { return std::all_of(text.begin(), text.end(), unicode::is_space); }

// How much of a word that fits no line goes to the one with `room` left.
size_t piece(Text chunk, size_t room, const WrapRules& rules) {
  if (!rules.break_hyphens || chunk.size() <= room) return room;
  const size_t hyphen = room ? chunk.substr(0, room).rfind(U'-') : Text::npos;
  if (hyphen == Text::npos || hyphen == 0) return room;
  const Text before = chunk.substr(0, hyphen);
  return before.find_first_not_of(U'-') == Text::npos ? room : hyphen + 1;
}

}  // namespace

std::vector<std::string> wrapped(std::string_view paragraph, const WrapRules& rules) {
  const std::u32string text = unicode::points(paragraph);
  std::vector<Text> chunks = Chunker(text, rules.break_hyphens).run();
  std::vector<std::string> lines;
  size_t next = 0;
  while (next < chunks.size()) {
    std::vector<Text> line;
    size_t used = 0;
    if (!lines.empty() && all_space(chunks[next])) ++next;
    while (next < chunks.size() && used + chunks[next].size() <= rules.width) {
      used += chunks[next].size();
      line.push_back(chunks[next++]);
    }
    if (next < chunks.size() && chunks[next].size() > rules.width) {
      if (rules.break_words) {
        const size_t size = piece(chunks[next], rules.width - used, rules);
        line.push_back(chunks[next].substr(0, size));
        chunks[next].remove_prefix(size);
      } else if (line.empty()) {
        line.push_back(chunks[next++]);
      }
    }
    if (!line.empty() && all_space(line.back())) line.pop_back();
    if (line.empty()) continue;
    lines.emplace_back();
    for (Text part : line) lines.back() += unicode::bytes(part);
  }
  return lines;
}

}  // namespace lorikeet::jinja
