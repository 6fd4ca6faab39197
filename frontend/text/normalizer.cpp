#include "frontend/text/normalizer.h"

#include <algorithm>

#include "frontend/text/byte_level.h"
#include "frontend/text/utf8.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr size_t kLargestGrowth = 64;           // times the input ...
constexpr size_t kAlwaysAllowed = 1024 * 1024;  // ... and this many bytes

Result<std::string> replace(const NormalizerStep& step, std::string_view text, size_t limit) {
  std::vector<TextRange> matches;
  TextPattern::Finder finder(*step.pattern);
  LK_TRY(finder.find_all(text, matches));
  if (matches.empty()) return std::string(text);
  const size_t largest = text.size() + matches.size() * step.content.size();
  if (largest > limit)
    return unsupported(join("[tokenizer] a replacement makes ", text.size(), " bytes of text grow to ", largest, "."));
  std::string out;
  out.reserve(largest);
  size_t done = 0;
  for (const TextRange& match : matches) {
    out += text.substr(done, match.begin - done);
    out += step.content;
    done = match.end;
  }
  out += text.substr(done);
  return out;
}

std::string strip(std::string_view text, bool left, bool right) {
  size_t begin = 0, end = text.size();
  while (left && begin < end) {
    const Utf8Step step = decode_utf8(text, begin);
    if (!is_whitespace(step.code_point)) break;
    begin += step.length;
  }
  while (right && end > begin) {
    size_t last = end - 1;
    while (last > begin && (text[last] & 0xC0) == 0x80) --last;
    if (!is_whitespace(decode_utf8(text, last).code_point)) break;
    end = last;
  }
  return std::string(text.substr(begin, end - begin));
}

std::string strip_accents(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = decode_utf8(text, at);
    if (!is_mark(step.code_point)) out += text.substr(at, step.length);
    at += step.length;
  }
  return out;
}

Result<std::string> run_step(const NormalizerStep& step, std::string text, size_t limit) {
  switch (step.kind) {
    case NormalizerStep::Kind::unicode_form:
      return to_unicode_form(text, step.form);
    case NormalizerStep::Kind::lower_case:
      return to_lower_case(text);
    case NormalizerStep::Kind::prepend:
      return text.empty() ? text : step.content + text;
    case NormalizerStep::Kind::replace:
      return replace(step, text, limit);
    case NormalizerStep::Kind::strip:
      return strip(text, step.left, step.right);
    case NormalizerStep::Kind::strip_accents:
      return strip_accents(text);
    case NormalizerStep::Kind::byte_level:
      break;
  }
  std::string out;
  append_byte_level(out, text);
  return out;
}

}  // namespace

Result<std::string> Normalizer::run(std::string text) const {
  const size_t limit = kAlwaysAllowed + kLargestGrowth * text.size();
  for (const NormalizerStep& step : steps) {
    LK_ASSIGN(text, run_step(step, std::move(text), limit));
    if (text.size() > limit) return unsupported("[tokenizer] the normaliser makes the text grow beyond all reason.");
  }
  return text;
}

}  // namespace lorikeet
