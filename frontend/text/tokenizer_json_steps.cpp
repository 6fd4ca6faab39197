#include "frontend/text/tokenizer_json_steps.h"

#include <algorithm>

#include "frontend/text/utf8.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr int kDeepest = 16;  // sequences in sequences
constexpr size_t kMostSteps = 64;
constexpr size_t kMostReplacements = 4;  // of a decoder; with kLargestGrowth they bound what a token can become
constexpr size_t kLargestGrowth = 4;
constexpr int64_t kMostStripped = 1024;
constexpr size_t kLongestContent = 4096;

Error unknown_type(const char* where, const std::string& type) {
  return unsupported(
      join("[tokenizer] tokenizer.json: the ", where, " \"", type.substr(0, 64), "\" is not supported."));
}

// Walks a part that may be a Sequence of parts (under `list`) and calls `read(part, type)` for each simple one.
template <class Read>
Status walk(const Json& part, const char* where, const char* list, int depth, Read&& read) {
  LK_ASSIGN(const std::string type, string_field(part, "type", where));
  if (type != "Sequence") return read(part, type);
  if (depth >= kDeepest) return corrupt(join("[tokenizer] tokenizer.json: the ", where, " nests too deeply."));
  LK_ASSIGN(const Json* parts, array_field(part, list, where));
  for (const Json& inner : *parts) LK_TRY(walk(inner, where, list, depth + 1, read));
  return Done{};
}

Status check_count(size_t steps, const char* where) {
  if (steps <= kMostSteps) return Done{};
  return unsupported(join("[tokenizer] tokenizer.json: the ", where, " has more than ", kMostSteps, " steps."));
}

Result<TextPattern> read_pattern(const Json& part, const char* where) {
  LK_ASSIGN(const Json* pattern, object_field(part, "pattern", where));
  if (find_field(*pattern, "Regex")) {
    LK_ASSIGN(const std::string text, string_field(*pattern, "Regex", where));
    return TextPattern::regex(text);
  }
  LK_ASSIGN(std::string text, string_field(*pattern, "String", where));
  return TextPattern::literal(std::move(text));
}

Result<std::string> one_character(const Json& part, const char* name, const char* where, const char* otherwise) {
  LK_ASSIGN(std::string text, string_field(part, name, where, otherwise));
  if (count_characters(text) != 1)
    return corrupt(join("[tokenizer] tokenizer.json: \"", name, "\" of the ", where, " must be one character."));
  return text;
}

Result<std::string> content_of(const Json& part, const char* name, const char* where) {
  LK_ASSIGN(std::string text, string_field(part, name, where));
  if (text.size() > kLongestContent)
    return unsupported(join("[tokenizer] tokenizer.json: \"", name, "\" of the ", where, " may have ", kLongestContent,
                            " bytes, it has ", text.size(), "."));
  return text;
}

// ---- normaliser ----

struct FormName {
  const char* name;
  UnicodeForm form;
};
constexpr FormName kForms[] = {
    {"NFC", UnicodeForm::nfc}, {"NFD", UnicodeForm::nfd}, {"NFKC", UnicodeForm::nfkc}, {"NFKD", UnicodeForm::nfkd}};

Result<NormalizerStep> normalizer_step(const Json& part, const std::string& type) {
  constexpr const char* where = "normalizer";
  using Kind = NormalizerStep::Kind;
  for (const FormName& entry : kForms)
    if (type == entry.name) return NormalizerStep{.kind = Kind::unicode_form, .form = entry.form};
  if (type == "Lowercase") return NormalizerStep{.kind = Kind::lower_case};
  if (type == "StripAccents") return NormalizerStep{.kind = Kind::strip_accents};
  if (type == "ByteLevel") return NormalizerStep{.kind = Kind::byte_level};
  if (type == "Strip") {
    NormalizerStep step{.kind = Kind::strip};
    LK_ASSIGN(step.left, bool_field(part, "strip_left", where, true));
    LK_ASSIGN(step.right, bool_field(part, "strip_right", where, true));
    return step;
  }
  if (type == "Prepend") {
    NormalizerStep step{.kind = Kind::prepend};
    LK_ASSIGN(step.content, content_of(part, "prepend", where));
    return step;
  }
  if (type == "Replace") {
    NormalizerStep step{.kind = Kind::replace};
    LK_ASSIGN(step.pattern, read_pattern(part, where));
    LK_ASSIGN(step.content, content_of(part, "content", where));
    return step;
  }
  return unknown_type(where, type);
}

// ---- pre-tokenizer ----

Result<SplitBehavior> read_behavior(const Json& part, const char* where) {
  LK_ASSIGN(const std::string name, string_field(part, "behavior", where, "Isolated"));
  if (name == "Removed") return SplitBehavior::removed;
  if (name == "Isolated") return SplitBehavior::isolated;
  if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
  if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
  if (name == "Contiguous") return SplitBehavior::contiguous;
  return unknown_type("behaviour", name);
}

Result<PreTokenizerStep> metaspace_step(const Json& part) {
  constexpr const char* where = "pre_tokenizer";
  using Prepend = PreTokenizerStep::Prepend;
  PreTokenizerStep step{.kind = PreTokenizerStep::Kind::metaspace};
  LK_ASSIGN(step.replacement, one_character(part, "replacement", where, "\xE2\x96\x81"));
  LK_ASSIGN(const bool prefix, bool_field(part, "add_prefix_space", where, true));
  LK_ASSIGN(const std::string scheme, string_field(part, "prepend_scheme", where, prefix ? "always" : "never"));
  LK_ASSIGN(step.split, bool_field(part, "split", where, true));
  if (scheme == "always") step.prepend = Prepend::always;
  else if (scheme == "first") step.prepend = Prepend::first;
  else if (scheme == "never") step.prepend = Prepend::never;
  else return unknown_type("prepend scheme", scheme);
  return step;
}

Result<PreTokenizerStep> byte_level_step(const Json& part) {
  constexpr const char* where = "pre_tokenizer";
  PreTokenizerStep step{.kind = PreTokenizerStep::Kind::byte_level};
  LK_ASSIGN(step.add_prefix_space, bool_field(part, "add_prefix_space", where, true));
  LK_ASSIGN(const bool use_regex, bool_field(part, "use_regex", where, true));
  if (use_regex) {
    LK_ASSIGN(step.pattern, TextPattern::regex(kGpt2Pattern));
  }
  return step;
}

Result<PreTokenizerStep> split_step(const Json& part) {
  constexpr const char* where = "pre_tokenizer";
  PreTokenizerStep step{.kind = PreTokenizerStep::Kind::split};
  LK_ASSIGN(step.pattern, read_pattern(part, where));
  LK_ASSIGN(step.behavior, read_behavior(part, where));
  LK_ASSIGN(step.invert, bool_field(part, "invert", where, false));
  return step;
}

Status pre_tokenizer_step(const Json& part, const std::string& type, std::vector<PreTokenizerStep>& steps) {
  constexpr const char* where = "pre_tokenizer";
  using Kind = PreTokenizerStep::Kind;
  const auto add = [&](Result<PreTokenizerStep> step) -> Status {
    if (!step) return std::move(step).error();
    steps.push_back(std::move(step).value());
    return Done{};
  };
  if (type == "Split") return add(split_step(part));
  if (type == "ByteLevel") return add(byte_level_step(part));
  if (type == "Metaspace") return add(metaspace_step(part));
  if (type == "Whitespace") return add(PreTokenizerStep{.kind = Kind::word_runs});
  if (type == "WhitespaceSplit") return add(PreTokenizerStep{.kind = Kind::white_space});
  if (type == "BertPreTokenizer") {
    LK_TRY(add(PreTokenizerStep{.kind = Kind::white_space}));
    return add(PreTokenizerStep{.kind = Kind::punctuation});
  }
  if (type == "Digits") {
    LK_ASSIGN(const bool each, bool_field(part, "individual_digits", where, false));
    return add(
        PreTokenizerStep{.kind = Kind::digits, .behavior = each ? SplitBehavior::isolated : SplitBehavior::contiguous});
  }
  if (type == "Punctuation") {
    LK_ASSIGN(const SplitBehavior behavior, read_behavior(part, where));
    return add(PreTokenizerStep{.kind = Kind::punctuation, .behavior = behavior});
  }
  if (type == "CharDelimiterSplit") {
    LK_ASSIGN(std::string delimiter, one_character(part, "delimiter", where, ""));
    PreTokenizerStep step{.kind = Kind::split, .behavior = SplitBehavior::removed};
    LK_ASSIGN(step.pattern, TextPattern::literal(std::move(delimiter)));
    return add(std::move(step));
  }
  return unknown_type(where, type);
}

// ---- decoder ----

Result<DecodeStep> replace_decoder(const Json& part) {
  constexpr const char* where = "decoder";
  DecodeStep step{.kind = DecodeStep::Kind::replace};
  LK_ASSIGN(const Json* pattern, object_field(part, "pattern", where));
  if (find_field(*pattern, "Regex"))
    return unsupported("[tokenizer] tokenizer.json: a decoder's Replace with a Regex is not supported.");
  LK_ASSIGN(step.pattern, string_field(*pattern, "String", where));
  LK_ASSIGN(step.content, string_field(part, "content", where));
  if (step.pattern.empty()) return corrupt("[tokenizer] tokenizer.json: a decoder replaces an empty string.");
  if (step.content.size() > kLargestGrowth * step.pattern.size())
    return unsupported(
        "[tokenizer] tokenizer.json: a decoder's replacement is more than four times as long as its pattern.");
  return step;
}

Result<DecodeStep> strip_decoder(const Json& part) {
  constexpr const char* where = "decoder";
  DecodeStep step{.kind = DecodeStep::Kind::strip};
  LK_ASSIGN(step.content, one_character(part, "content", where, ""));
  LK_ASSIGN(const int64_t start, integer_field(part, "start", where));
  LK_ASSIGN(const int64_t stop, integer_field(part, "stop", where));
  if (start < 0 || stop < 0 || start > kMostStripped || stop > kMostStripped)
    return corrupt(join("[tokenizer] tokenizer.json: the decoder strips from 0 to ", kMostStripped,
                        " characters, the file says ", start, " and ", stop, "."));
  step.start = size_t(start);
  step.stop = size_t(stop);
  return step;
}

Result<DecodeStep> decoder_step(const Json& part, const std::string& type) {
  constexpr const char* where = "decoder";
  using Kind = DecodeStep::Kind;
  if (type == "ByteLevel") return DecodeStep{.kind = Kind::byte_level};
  if (type == "ByteFallback") return DecodeStep{.kind = Kind::byte_fallback};
  if (type == "Fuse") return DecodeStep{.kind = Kind::fuse};
  if (type == "Replace") return replace_decoder(part);
  if (type == "Strip") return strip_decoder(part);
  if (type == "Metaspace") {
    DecodeStep step{.kind = Kind::metaspace};
    LK_ASSIGN(const PreTokenizerStep same, metaspace_step(part));
    step.pattern = same.replacement;
    step.strip_first = same.prepend != PreTokenizerStep::Prepend::never;
    return step;
  }
  if (type == "BPEDecoder") {
    DecodeStep step{.kind = Kind::word_suffix};
    LK_ASSIGN(step.pattern, string_field(part, "suffix", where, "</w>"));
    if (step.pattern.empty()) return corrupt("[tokenizer] tokenizer.json: the decoder's suffix is empty.");
    return step;
  }
  return unknown_type(where, type);
}

}  // namespace

Status read_normalizer(const Json& root, TokenizerParts& parts) {
  const Json* part = find_field(root, "normalizer");
  if (!part) return Done{};
  auto& steps = parts.normalizer.steps;
  return walk(*part, "normalizer", "normalizers", 0, [&](const Json& simple, const std::string& type) -> Status {
    LK_ASSIGN(NormalizerStep step, normalizer_step(simple, type));
    steps.push_back(std::move(step));
    return check_count(steps.size(), "normalizer");
  });
}

Status read_pre_tokenizer(const Json& root, TokenizerParts& parts) {
  const Json* part = find_field(root, "pre_tokenizer");
  if (!part) return Done{};
  auto& steps = parts.pre_tokenizer.steps;
  return walk(*part, "pre_tokenizer", "pretokenizers", 0, [&](const Json& simple, const std::string& type) -> Status {
    LK_TRY(pre_tokenizer_step(simple, type, steps));
    return check_count(steps.size(), "pre_tokenizer");
  });
}

Status read_decoder(const Json& root, TokenizerParts& parts) {
  const Json* part = find_field(root, "decoder");
  auto& steps = parts.decoder;
  if (!part) {
    steps.push_back({.kind = DecodeStep::Kind::join_spaces});
    return Done{};
  }
  LK_TRY(walk(*part, "decoder", "decoders", 0, [&](const Json& simple, const std::string& type) -> Status {
    LK_ASSIGN(DecodeStep step, decoder_step(simple, type));
    steps.push_back(std::move(step));
    return check_count(steps.size(), "decoder");
  }));
  const auto replacements = std::count_if(steps.begin(), steps.end(), [](const DecodeStep& step) {
    return step.kind == DecodeStep::Kind::replace && step.content.size() > step.pattern.size();
  });
  if (size_t(replacements) > kMostReplacements)
    return unsupported(
        join("[tokenizer] tokenizer.json: the decoder has more than ", kMostReplacements, " growing replacements."));
  return Done{};
}

}  // namespace lorikeet
