// Tokenizers from GGUF metadata.
#include <algorithm>
#include <cmath>
#include <iterator>

#include "frontend/text/tokenizer_parts.h"
#include "frontend/text/utf8.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

enum TokenType : int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

constexpr char kQwen2Pattern[] = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
                                 R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr char kLlama3Pattern[] = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
                                  R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr char kTekkenPattern[] = R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)"
                                  R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|)"
                                  R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// What tokenizer.ggml.pre stands for.
struct PreRecipe {
  std::string_view name;
  const char* pattern;  // how byte-level words are cut
  bool nfc = false;
  bool single_digits = false;  // each digit is cut out before the pattern runs
  bool ignore_merges = false;
  bool add_bos = false;  // unless the file says otherwise
};

constexpr PreRecipe kRecipes[] = {
    {"smollm", kGpt2Pattern, false, true},
    {"starcoder", kGpt2Pattern, false, true},
    {"refact", kGpt2Pattern, false, true},
    {"gpt-2", kGpt2Pattern},
    {"phi-2", kGpt2Pattern},
    {"olmo", kGpt2Pattern, true},
    {"mpt", kGpt2Pattern, true},
    {"qwen2", kQwen2Pattern, true},
    {"deepseek-r1-qwen", kQwen2Pattern, true},
    {"llama-bpe", kLlama3Pattern, false, false, true, true},
    {"llama3", kLlama3Pattern, false, false, true, true},
    {"llama-v3", kLlama3Pattern, false, false, true, true},
    {"tekken", kTekkenPattern, false, false, true, true},
};

// Texts that end a turn where files name only one EOS.
constexpr std::string_view kTurnEnds[] = {"<|eot_id|>",    "<|im_end|>",      "<|end|>",    "<end_of_turn>",
                                          "<|endoftext|>", "<|end_of_text|>", "<|eom_id|>", "<EOT>"};

TokenType type_of(const GgufVocabulary& vocabulary, size_t id) {
  return vocabulary.token_types.empty() ? kNormal : TokenType(vocabulary.token_types[id]);
}

Status check_sizes(const GgufVocabulary& vocabulary) {
  const size_t count = vocabulary.tokens.size();
  if (count == 0) return corrupt("[tokenizer] tokenizer.ggml.tokens is missing or empty.");
  if (!vocabulary.token_types.empty() && vocabulary.token_types.size() != count)
    return corrupt(join("[tokenizer] tokenizer.ggml.token_type has ", vocabulary.token_types.size(),
                        " entries, tokenizer.ggml.tokens has ", count, "."));
  if (!vocabulary.scores.empty() && vocabulary.scores.size() != count)
    return corrupt(join("[tokenizer] tokenizer.ggml.scores has ", vocabulary.scores.size(),
                        " entries, tokenizer.ggml.tokens has ", count, "."));
  return Done{};
}

Status add_pieces(const GgufVocabulary& vocabulary, TokenizerParts& parts) {
  size_t bytes = 0;
  for (const std::string& token : vocabulary.tokens) bytes += token.size();
  Vocabulary& pieces = parts.model.vocabulary;
  pieces.allow_ids(vocabulary.tokens.size());
  pieces.reserve(vocabulary.tokens.size(), bytes);
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id)
    LK_TRY(pieces.add(replace_invalid_utf8(vocabulary.tokens[id]), int64_t(id)));
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const TokenType type = type_of(vocabulary, id);
    if (type != kControl && type != kUnknown && type != kUserDefined) continue;
    AddedToken token;
    token.content = pieces.piece(int32_t(id));
    token.id = int64_t(id);
    token.special = type != kUserDefined;
    if (token.content.size() <= AddedTokens::kLongest) LK_TRY(parts.add_token(std::move(token)));
  }
  return Done{};
}

// The merges of byte-level BPE as they stand; pairs that name unknown pieces cannot occur and are left out.
void add_stated_merges(const GgufVocabulary& vocabulary, TokenizerParts& parts) {
  Bpe& model = parts.model;
  model.merges.reserve(vocabulary.merges.size());
  size_t unknown = 0;
  for (size_t rank = 0; rank < vocabulary.merges.size(); ++rank) {
    const std::string_view merge = vocabulary.merges[rank];
    const size_t space = merge.find(' ', 1);
    if (space == std::string_view::npos) {
      ++unknown;
      continue;
    }
    const std::string_view left = merge.substr(0, space), right = merge.substr(space + 1);
    const auto left_id = model.vocabulary.find(left), right_id = model.vocabulary.find(right);
    const auto whole = model.vocabulary.find(std::string(left).append(right));
    if (left_id && right_id && whole) model.merges.put(*left_id, *right_id, {uint32_t(rank), *whole});
    else ++unknown;
  }
  if (unknown > 0)
    parts.notices.push_back(join("[tokenizer] ", unknown, " merges name unknown pieces and are left out."));
}

struct ScoredMerge {
  float score;
  uint32_t left_characters, right_characters;
  int32_t left, right, whole;
};

// SentencePiece merges any two neighbours whose union is a piece, highest score first. The same as a list of ranked
// merges: each piece can be cut in two at each place where both halves are pieces.
void add_scored_merges(const GgufVocabulary& vocabulary, TokenizerParts& parts) {
  Bpe& model = parts.model;
  const auto takes_part = [&](int32_t id) {
    const TokenType type = type_of(vocabulary, size_t(id));
    return type != kControl && type != kUnknown && type != kByte;
  };
  std::vector<ScoredMerge> merges;
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::string piece(model.vocabulary.piece(int32_t(id)));
    const auto whole = model.vocabulary.find(piece);
    if (!whole || size_t(*whole) != id || !takes_part(int32_t(id)) || piece.size() > AddedTokens::kLongest) continue;
    const float score = std::isnan(vocabulary.scores[id]) ? -INFINITY : vocabulary.scores[id];
    const size_t first = merges.size();
    for (size_t cut = 0; cut < piece.size();) {
      cut += utf8_length(piece[cut]);
      if (cut >= piece.size()) break;
      const std::string_view left = std::string_view(piece).substr(0, cut), right = std::string_view(piece).substr(cut);
      const auto left_id = model.vocabulary.find(left), right_id = model.vocabulary.find(right);
      if (!left_id || !right_id || !takes_part(*left_id) || !takes_part(*right_id)) continue;
      merges.push_back({score, uint32_t(count_characters(left)), uint32_t(count_characters(right)), *left_id, *right_id,
                        int32_t(id)});
    }
    std::sort(merges.begin() + std::ptrdiff_t(first), merges.end(), [](const ScoredMerge& a, const ScoredMerge& b) {
      return a.left != b.left ? a.left < b.left : a.right < b.right;
    });
  }
  std::stable_sort(merges.begin(), merges.end(), [](const ScoredMerge& a, const ScoredMerge& b) {
    if (a.score != b.score) return a.score > b.score;
    if (a.left_characters != b.left_characters) return a.left_characters > b.left_characters;
    return a.right_characters > b.right_characters;
  });
  model.merges.reserve(merges.size());
  for (size_t rank = 0; rank < merges.size(); ++rank)
    model.merges.put(merges[rank].left, merges[rank].right, {uint32_t(rank), merges[rank].whole});
}

Status use_pattern(const PreRecipe& recipe, TokenizerParts& parts) {
  if (recipe.nfc)
    parts.normalizer.steps.push_back({.kind = NormalizerStep::Kind::unicode_form, .form = UnicodeForm::nfc});
  if (recipe.single_digits) parts.pre_tokenizer.steps.push_back({.kind = PreTokenizerStep::Kind::digits});
  LK_ASSIGN(TextPattern pattern, TextPattern::regex(recipe.pattern));
  PreTokenizerStep step{.kind = PreTokenizerStep::Kind::byte_level};
  step.pattern = std::move(pattern);
  parts.pre_tokenizer.steps.push_back(std::move(step));
  parts.model.settings.ignore_merges = recipe.ignore_merges;
  parts.decoder.push_back({.kind = DecodeStep::Kind::byte_level});
  return Done{};
}

// Returns whether BOS is added unless the file says otherwise.
Result<bool> set_up_byte_level(const GgufVocabulary& vocabulary, TokenizerParts& parts) {
  if (vocabulary.merges.empty()) return corrupt("[tokenizer] tokenizer.ggml.merges is missing or empty.");
  std::string_view name = vocabulary.pre;
  if (name.empty() || name == "default") {
    name = "gpt-2";
    parts.notices.push_back("[tokenizer] tokenizer.ggml.pre does not say how words are cut; GPT-2's way is assumed.");
  }
  const auto* recipe =
      std::find_if(std::begin(kRecipes), std::end(kRecipes), [&](const PreRecipe& r) { return r.name == name; });
  if (recipe == std::end(kRecipes))
    return unsupported(
        join("[tokenizer] tokenizer.ggml.pre \"", replace_invalid_utf8(name.substr(0, 64)), "\" is not known."));
  add_stated_merges(vocabulary, parts);
  LK_TRY(use_pattern(*recipe, parts));
  return recipe->add_bos;
}

Result<bool> set_up_sentence_piece(const GgufVocabulary& vocabulary, TokenizerParts& parts) {
  if (vocabulary.scores.empty()) return corrupt("[tokenizer] tokenizer.ggml.scores is missing or empty.");
  add_scored_merges(vocabulary, parts);
  parts.model.settings.byte_fallback = true;
  parts.model.settings.fuse_unknown = true;
  const std::string mark = "\xE2\x96\x81";  // U+2581 stands for a space
  const bool prefix = vocabulary.add_space_prefix.value_or(true);
  if (prefix) parts.normalizer.steps.push_back({.kind = NormalizerStep::Kind::prepend, .content = mark});
  LK_ASSIGN(TextPattern space, TextPattern::literal(" "));
  NormalizerStep replace{.kind = NormalizerStep::Kind::replace, .content = mark};
  replace.pattern = std::move(space);
  parts.normalizer.steps.push_back(std::move(replace));
  parts.decoder.push_back({.kind = DecodeStep::Kind::replace, .pattern = mark, .content = " "});
  parts.decoder.push_back({.kind = DecodeStep::Kind::byte_fallback});
  parts.decoder.push_back({.kind = DecodeStep::Kind::fuse});
  if (prefix) parts.decoder.push_back({.kind = DecodeStep::Kind::strip, .content = " ", .start = 1});
  return true;
}

SpecialToken named(const std::optional<int64_t>& id, const char* key, TokenizerParts& parts) {
  if (!id) return {};
  if (*id < 0 || size_t(*id) >= parts.model.vocabulary.size()) {
    parts.notices.push_back(join("[tokenizer] tokenizer.ggml.", key, " is ", *id, ", the vocabulary has ",
                                 parts.model.vocabulary.size(), " tokens; it is left out."));
    return {};
  }
  return {int32_t(*id), std::string(parts.model.vocabulary.piece(int32_t(*id)))};
}

void add_end(const std::optional<int32_t>& id, std::vector<int32_t>& ends) {
  if (id && std::find(ends.begin(), ends.end(), *id) == ends.end()) ends.push_back(*id);
}

void name_special_tokens(const GgufVocabulary& vocabulary, TokenizerParts& parts) {
  SpecialTokens& special = parts.special;
  special.bos = named(vocabulary.bos_id, "bos_token_id", parts);
  special.eos = named(vocabulary.eos_id, "eos_token_id", parts);
  special.unknown = named(vocabulary.unknown_id, "unknown_token_id", parts);
  special.padding = named(vocabulary.padding_id, "padding_token_id", parts);
  add_end(special.eos.id, special.ends);
  add_end(named(vocabulary.eot_id, "eot_token_id", parts).id, special.ends);
  add_end(named(vocabulary.eom_id, "eom_token_id", parts).id, special.ends);
  for (const std::string_view text : kTurnEnds)
    if (const AddedToken* token = parts.added.find(text); token && token->special)
      add_end(int32_t(token->id), special.ends);
}

}  // namespace

Result<TokenizerParts> read_gguf_vocabulary(const GgufVocabulary& vocabulary) {
  LK_TRY(check_sizes(vocabulary));
  TokenizerParts parts;
  LK_TRY(add_pieces(vocabulary, parts));
  bool add_bos = false;
  if (vocabulary.model == "gpt2") {
    LK_ASSIGN(add_bos, set_up_byte_level(vocabulary, parts));
  } else if (vocabulary.model == "llama") {
    LK_ASSIGN(add_bos, set_up_sentence_piece(vocabulary, parts));
  } else {
    return unsupported(join("[tokenizer] tokenizer.ggml.model must be gpt2 or llama, it is \"",
                            replace_invalid_utf8(std::string_view(vocabulary.model).substr(0, 64)), "\"."));
  }
  name_special_tokens(vocabulary, parts);
  if (vocabulary.model == "llama") parts.model.settings.unknown_id = parts.special.unknown.id.value_or(-1);
  if (vocabulary.add_bos.value_or(add_bos) && parts.special.bos.id) parts.before.push_back(*parts.special.bos.id);
  if (vocabulary.add_eos.value_or(false) && parts.special.eos.id) parts.after.push_back(*parts.special.eos.id);
  parts.chat_template = replace_invalid_utf8(vocabulary.chat_template);
  LK_TRY(parts.finish());
  return parts;
}

}  // namespace lorikeet
