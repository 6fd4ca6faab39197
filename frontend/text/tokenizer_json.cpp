// Tokenizers from Hugging Face files.
#include <algorithm>

#include "frontend/text/json_fields.h"
#include "frontend/text/tokenizer_json_reader.h"
#include "frontend/text/tokenizer_json_steps.h"
#include "frontend/text/tokenizer_parts.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

constexpr const char* kFile = "tokenizer.json";
constexpr size_t kMostTemplateIds = 1024;
constexpr int kDeepest = 16;

// ---- model ----

Status resolve_merges(const MergeList& merges, Bpe& bpe) {
  bpe.merges.reserve(merges.size());
  const std::string& prefix = bpe.settings.continuing_subword_prefix;
  std::string whole;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string_view left = merges.left(rank), right = merges.right(rank);
    if (right.size() < prefix.size())
      return corrupt(join("[tokenizer] tokenizer.json: the right half of merge ", rank, " lacks the subword prefix."));
    whole.assign(left).append(right.substr(prefix.size()));
    const auto left_id = bpe.vocabulary.find(left), right_id = bpe.vocabulary.find(right),
               id = bpe.vocabulary.find(whole);
    if (!left_id || !right_id || !id)
      return corrupt(join("[tokenizer] tokenizer.json: merge ", rank, " names \"",
                          (!left_id    ? left
                           : !right_id ? right
                                       : std::string_view(whole))
                              .substr(0, 64),
                          "\", which the vocabulary lacks."));
    bpe.merges.put(*left_id, *right_id, {uint32_t(rank), *id});
  }
  return Done{};
}

Status read_model(TokenizerJson& file, TokenizerParts& parts) {
  LK_ASSIGN(const Json* model, object_field(file.rest, "model", kFile));
  LK_ASSIGN(const std::string type, string_field(*model, "type", "model", file.has_merges ? "BPE" : ""));
  if (type != "BPE")
    return unsupported(join("[tokenizer] tokenizer.json: the model must be BPE, it is \"", type.substr(0, 64), "\"."));
  BpeSettings& settings = parts.model.settings;
  LK_ASSIGN(settings.continuing_subword_prefix, string_field(*model, "continuing_subword_prefix", "model", ""));
  LK_ASSIGN(settings.end_of_word_suffix, string_field(*model, "end_of_word_suffix", "model", ""));
  LK_ASSIGN(settings.fuse_unknown, bool_field(*model, "fuse_unk", "model", false));
  LK_ASSIGN(settings.byte_fallback, bool_field(*model, "byte_fallback", "model", false));
  LK_ASSIGN(settings.ignore_merges, bool_field(*model, "ignore_merges", "model", false));
  if (std::max(settings.continuing_subword_prefix.size(), settings.end_of_word_suffix.size()) > 256)
    return unsupported("[tokenizer] tokenizer.json: a subword prefix or suffix has more than 256 bytes.");
  if (!file.has_vocabulary) return corrupt("[tokenizer] tokenizer.json: \"vocab\" of the model must be an object.");
  if (!file.has_merges) return corrupt("[tokenizer] tokenizer.json: \"merges\" of the model must be an array.");
  parts.model.vocabulary = std::move(file.vocabulary);
  LK_TRY(resolve_merges(file.merges, parts.model));
  LK_ASSIGN(const std::string unknown, string_field(*model, "unk_token", "model", ""));
  settings.unknown_id = unknown.empty() ? -1 : parts.model.vocabulary.find(unknown).value_or(-1);
  if (!unknown.empty() && settings.unknown_id < 0)
    parts.notices.push_back(
        "[tokenizer] tokenizer.json: the vocabulary lacks the unknown token; unknown text is dropped.");
  return Done{};
}

// ---- added tokens ----

Result<AddedToken> read_added_token(const Json& entry, int64_t id) {
  constexpr const char* where = "added_tokens";
  AddedToken token;
  token.id = id;
  LK_ASSIGN(token.content, string_field(entry, "content", where));
  LK_ASSIGN(token.special, bool_field(entry, "special", where, false));
  LK_ASSIGN(token.normalized, bool_field(entry, "normalized", where, !token.special));
  LK_ASSIGN(token.lstrip, bool_field(entry, "lstrip", where, false));
  LK_ASSIGN(token.rstrip, bool_field(entry, "rstrip", where, false));
  LK_ASSIGN(token.single_word, bool_field(entry, "single_word", where, false));
  return token;
}

Status read_added_tokens(const Json& root, TokenizerParts& parts) {
  if (!find_field(root, "added_tokens")) return Done{};
  LK_ASSIGN(const Json* list, array_field(root, "added_tokens", kFile));
  parts.model.vocabulary.reserve(list->size(), 0);
  for (const Json& entry : *list) {
    LK_ASSIGN(const int64_t id, integer_field(entry, "id", "added_tokens"));
    LK_ASSIGN(AddedToken token, read_added_token(entry, id));
    LK_TRY(parts.add_token(std::move(token)));
  }
  return Done{};
}

// ---- post-processor ----

std::optional<int32_t> read_id(const Json& value) {
  if (!value.is_number_integer()) return std::nullopt;
  const int64_t id = value.get<int64_t>();
  if (id < 0 || id > INT32_MAX) return std::nullopt;
  return int32_t(id);
}

// [token, id], as BertProcessing and RobertaProcessing have it.
Result<int32_t> read_pair_id(const Json& processor, const char* name) {
  LK_ASSIGN(const Json* pair, array_field(processor, name, "post_processor"));
  const auto id = pair->size() == 2 ? read_id((*pair)[1]) : std::nullopt;
  if (!id)
    return corrupt(join("[tokenizer] tokenizer.json: \"", name, "\" of the post_processor must be [token, id]."));
  return *id;
}

Status append_template_ids(const Json& processor, const std::string& name, std::vector<int32_t>& ids) {
  LK_ASSIGN(const Json* tokens, object_field(processor, "special_tokens", "post_processor"));
  LK_ASSIGN(const Json* token, object_field(*tokens, name.c_str(), "special_tokens"));
  LK_ASSIGN(const Json* list, array_field(*token, "ids", "special_tokens"));
  for (const Json& value : *list) {
    const auto id = read_id(value);
    if (!id) return corrupt("[tokenizer] tokenizer.json: an id of the post_processor is no id.");
    ids.push_back(*id);
  }
  if (ids.size() > kMostTemplateIds)
    return unsupported("[tokenizer] tokenizer.json: the post_processor adds too many tokens.");
  return Done{};
}

Status set_template(std::vector<int32_t> before, std::vector<int32_t> after, TokenizerParts& parts) {
  if (!parts.before.empty() || !parts.after.empty())
    return unsupported("[tokenizer] tokenizer.json: more than one step of the post_processor adds tokens.");
  parts.before = std::move(before);
  parts.after = std::move(after);
  return Done{};
}

Status read_template(const Json& processor, TokenizerParts& parts) {
  LK_ASSIGN(const Json* single, array_field(processor, "single", "post_processor"));
  std::vector<int32_t> before, after;
  size_t sequences = 0;
  for (const Json& item : *single) {
    if (find_field(item, "Sequence")) {
      ++sequences;
      continue;
    }
    LK_ASSIGN(const Json* token, object_field(item, "SpecialToken", "post_processor"));
    LK_ASSIGN(const std::string name, string_field(*token, "id", "post_processor"));
    LK_TRY(append_template_ids(processor, name, sequences == 0 ? before : after));
  }
  if (sequences != 1)
    return unsupported(join("[tokenizer] tokenizer.json: the post_processor must hold the text once, it holds it ",
                            sequences, " times."));
  return set_template(std::move(before), std::move(after), parts);
}

Status read_processor(const Json& processor, int depth, TokenizerParts& parts) {
  LK_ASSIGN(const std::string type, string_field(processor, "type", "post_processor"));
  if (type == "ByteLevel") return Done{};  // concerns offsets only
  if (type == "TemplateProcessing") return read_template(processor, parts);
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    LK_ASSIGN(const int32_t begin, read_pair_id(processor, "cls"));
    LK_ASSIGN(const int32_t end, read_pair_id(processor, "sep"));
    return set_template({begin}, {end}, parts);
  }
  if (type != "Sequence" || depth >= kDeepest)
    return unsupported(
        join("[tokenizer] tokenizer.json: the post_processor \"", type.substr(0, 64), "\" is not supported."));
  LK_ASSIGN(const Json* list, array_field(processor, "processors", "post_processor"));
  if (list->size() > kMostTemplateIds)
    return unsupported("[tokenizer] tokenizer.json: the post_processor has too many steps.");
  for (const Json& inner : *list) LK_TRY(read_processor(inner, depth + 1, parts));
  return Done{};
}

// ---- tokenizer_config.json and special_tokens_map.json ----

// A string, or an object with "content".
std::optional<std::string> token_text(const Json& file, const char* name) {
  const Json* field = find_field(file, name);
  if (field && field->is_object()) field = find_field(*field, "content");
  if (!field || !field->is_string()) return std::nullopt;
  return field->get<std::string>();
}

// Tokens that only the configuration adds. Keys are ids.
Status read_added_tokens_decoder(const Json& config, TokenizerParts& parts) {
  const Json* list = find_field(config, "added_tokens_decoder");
  if (!list || !list->is_object()) return Done{};
  parts.model.vocabulary.reserve(list->size(), 0);
  for (const auto& entry : list->items()) {
    if (entry.key().empty() || entry.key().size() > 9 ||
        entry.key().find_first_not_of("0123456789") != std::string::npos)
      return corrupt("[tokenizer] tokenizer_config.json: a key of added_tokens_decoder is no id.");
    LK_ASSIGN(AddedToken token, read_added_token(entry.value(), std::stol(entry.key())));
    if (!parts.added.find(token.content)) LK_TRY(parts.add_token(std::move(token)));
  }
  return Done{};
}

Result<SpecialToken> read_special_token(const Json& config, const Json& map, const char* name, TokenizerParts& parts) {
  SpecialToken token;
  auto text = token_text(config, name);
  if (!text) text = token_text(map, name);
  if (!text || text->empty()) return token;
  token.text = *text;
  token.id = parts.find(*text);
  if (token.id && !parts.added.find(*text)) {
    AddedToken added;
    added.content = *text;
    added.special = true;
    LK_TRY(parts.add_token(std::move(added)));
  }
  return token;
}

// Pieces of the model that the configuration lists as special.
Status add_additional_special_tokens(const Json& config, TokenizerParts& parts) {
  const Json* list = find_field(config, "additional_special_tokens");
  if (!list || !list->is_array()) return Done{};
  for (const Json& entry : *list) {
    const auto text = entry.is_string() ? std::optional(entry.get<std::string>()) : token_text(entry, "content");
    if (!text || parts.added.find(*text) || !parts.find(*text)) continue;
    AddedToken token;
    token.content = *text;
    token.special = true;
    LK_TRY(parts.add_token(std::move(token)));
  }
  return Done{};
}

// The classes that build their template from add_bos_token and add_eos_token, whatever tokenizer.json holds.
Status apply_add_flags(const Json& config, TokenizerParts& parts) {
  LK_ASSIGN(const std::string name, string_field(config, "tokenizer_class", "tokenizer_config.json", ""));
  const bool applies = name.starts_with("LlamaTokenizer") || name.starts_with("GemmaTokenizer");
  const auto put = [&](const char* flag, const SpecialToken& token, std::vector<int32_t>& ids) -> Status {
    if (!applies || !find_field(config, flag)) return Done{};
    LK_ASSIGN(const bool wanted, bool_field(config, flag, "tokenizer_config.json", false));
    ids.clear();
    if (wanted && token.id) ids.push_back(*token.id);
    return Done{};
  };
  LK_TRY(put("add_bos_token", parts.special.bos, parts.before));
  return put("add_eos_token", parts.special.eos, parts.after);
}

// A string, or a list of {name, template}: then the one called default, else the first.
std::string read_chat_template(const Json& config) {
  const Json* field = find_field(config, "chat_template");
  if (!field) return {};
  if (field->is_string()) return field->get<std::string>();
  if (!field->is_array()) return {};
  std::string chosen;
  for (const Json& entry : *field) {
    const auto text = token_text(entry, "template"), name = token_text(entry, "name");
    if (text && (chosen.empty() || name == "default")) chosen = *text;
  }
  return chosen;
}

Status read_config(const TokenizerFiles& files, TokenizerParts& parts) {
  Json config = Json::object(), map = Json::object();
  if (!files.tokenizer_config.empty()) {
    LK_ASSIGN(config, parse_json(files.tokenizer_config, "tokenizer_config.json"));
  }
  if (!files.special_tokens_map.empty()) {
    LK_ASSIGN(map, parse_json(files.special_tokens_map, "special_tokens_map.json"));
  }
  LK_TRY(read_added_tokens_decoder(config, parts));
  SpecialTokens& special = parts.special;
  LK_ASSIGN(special.bos, read_special_token(config, map, "bos_token", parts));
  LK_ASSIGN(special.eos, read_special_token(config, map, "eos_token", parts));
  LK_ASSIGN(special.unknown, read_special_token(config, map, "unk_token", parts));
  LK_ASSIGN(special.padding, read_special_token(config, map, "pad_token", parts));
  if (special.eos.id) special.ends.push_back(*special.eos.id);
  LK_TRY(add_additional_special_tokens(config, parts));
  LK_TRY(apply_add_flags(config, parts));
  parts.chat_template = files.chat_template.empty() ? read_chat_template(config) : std::string(files.chat_template);
  return Done{};
}

Result<TokenizerParts> read_parts(const TokenizerFiles& files) {
  TokenizerParts parts;
  {
    LK_ASSIGN(TokenizerJson file, parse_tokenizer_json(files.tokenizer_json));
    const Json& root = file.rest;
    LK_TRY(read_model(file, parts));
    LK_TRY(read_normalizer(root, parts));
    LK_TRY(read_pre_tokenizer(root, parts));
    LK_TRY(read_added_tokens(root, parts));
    if (const Json* processor = find_field(root, "post_processor")) LK_TRY(read_processor(*processor, 0, parts));
    LK_TRY(read_decoder(root, parts));
  }
  LK_TRY(read_config(files, parts));
  LK_TRY(parts.finish());
  return parts;
}

}  // namespace

Result<TokenizerParts> read_tokenizer_json(const TokenizerFiles& files) {
  try {
    return read_parts(files);
  } catch (const std::exception& failure) {
    return Error{ErrorCode::corrupt, "[tokenizer] the tokenizer files are not what they should be.", failure.what()};
  }
}

}  // namespace lorikeet
