#include "frontend/convert_vocabulary.h"

#include <algorithm>
#include <unordered_map>

#include "frontend/checkpoint/json_text.h"
#include "runtime/base/text.h"

namespace lorikeet {
namespace {

enum TokenType : int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

// The names of ways to cut words, tried in this order.
constexpr const char* kPreNames[] = {"gpt-2", "smollm", "qwen2", "llama-bpe", "tekken", "olmo"};

// What the ways differ in: digits, contractions, line ends, runs of spaces, marks, letters outside ASCII, composed
// forms.
constexpr const char kProbe[] =
    "Hello, world! I'm 12345 and you'LL see 3.14159; they've won.\n\n\n  Two  spaces\tand\r\n tabs \n x = y+=1;/* 007 "
    "*/ "
    "caf\xc3\xa9 cafe\xcc\x81 na\xc3\xafve \xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 2024 "
    "\xd9\x85\xd8\xb1\xd8\xad\xd8\xa8\xd8\xa7 "
    "\xe4\xbd\xa0\xe5\xa5\xbd\xef\xbc\x8c\xe4\xb8\x96\xe7\x95\x8c 123\xe5\xb9\xb4 "
    "\xe0\xa4\xa8\xe0\xa4\xae\xe0\xa4\xb8\xe0\xa5\x8d\xe0\xa4\xa4\xe0\xa5\x87 "
    "\xf0\x9f\x98\x80\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd \xd9\xa3\xd9\xa4\xd9\xa5 \xc2\xbd \xef\xbc\x92\xef\xbc\x90 "
    "CamelCaseWORDS snake_case http://a.b/c?d=e&f=%20   \n\t\n  end.   ";

class Vocabularian {
 public:
  Vocabularian(const Checkpoint& source, const DecoderConfig& config, std::vector<std::string>& notices)
      : source_(source), config_(config), notices_(notices), file_((source.path() / "tokenizer.json").string()) {}

  Result<GgufVocabulary> read() {
    LK_TRY(read_files());
    LK_ASSIGN(const Tokenizer tokenizer,
              Tokenizer::from_json({json_text_, config_text_, special_text_, template_text_}));
    LK_TRY(read_pieces());
    LK_TRY(read_added());
    LK_TRY(fill_holes());
    LK_TRY(read_merges());
    set_special(tokenizer);
    LK_TRY(set_kind(tokenizer));
    return std::move(result_);
  }

 private:
  Status read_text(const char* name, std::string& text) const {
    if (!source_.has_text(name)) return Done{};
    LK_ASSIGN(text, source_.text(name));
    return Done{};
  }

  Status read_files() {
    LK_TRY(read_text("tokenizer.json", json_text_));
    LK_TRY(read_text("tokenizer_config.json", config_text_));
    LK_TRY(read_text("special_tokens_map.json", special_text_));
    LK_TRY(read_text("chat_template.jinja", template_text_));
    LK_ASSIGN(json_, parse_json_object(json_text_, "[tokenizer] " + file_, DuplicateKeys::last_wins));
    const auto model = json_.find("model");
    if (model == json_.end() || !model->is_object() || !model->contains("vocab") || !(*model)["vocab"].is_object())
      return unsupported(
          join("[tokenizer] ", file_, ": only BPE models with a vocabulary can be written into a GGUF file."));
    byte_fallback_ = model->value("byte_fallback", false);
    result_.tokens.resize(config_.vocabulary);
    result_.token_types.assign(config_.vocabulary, kUnused);
    return Done{};
  }

  Status put(const Json& id, const std::string& text, TokenType type) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= config_.vocabulary)
      return corrupt(join("[tokenizer] ", file_, ": a token's id is ", id.dump(), ", the model has ",
                          config_.vocabulary, " tokens."));
    result_.tokens[id.get<size_t>()] = text;
    result_.token_types[id.get<size_t>()] = type;
    ids_[text] = id.get<uint32_t>();
    return Done{};
  }

  Status read_pieces() {
    const Json& model = json_["model"];
    const std::string unknown =
        model.contains("unk_token") && model["unk_token"].is_string() ? model["unk_token"].get<std::string>() : "";
    for (const auto& [piece, id] : model["vocab"].items()) {
      const bool byte = byte_fallback_ && piece.size() == 6 && piece.starts_with("<0x") && piece.ends_with(">");
      LK_TRY(put(id, piece, byte ? kByte : piece == unknown && !unknown.empty() ? kUnknown : kNormal));
    }
    return Done{};
  }

  Status read_added() {
    const auto added = json_.find("added_tokens");
    if (added == json_.end() || !added->is_array()) return Done{};
    for (const Json& token : *added) {
      if (!token.is_object() || !token.contains("content") || !token["content"].is_string() || !token.contains("id"))
        return corrupt(join("[tokenizer] ", file_, ": an added token must have an id and a content."));
      const std::string text = token["content"].get<std::string>();
      const auto known = ids_.find(text);
      const bool unknown = known != ids_.end() && result_.token_types[known->second] == kUnknown;
      LK_TRY(put(token["id"], text, unknown ? kUnknown : token.value("special", false) ? kControl : kUserDefined));
    }
    return Done{};
  }

  // Embeddings have more rows than there are tokens in many models; each row needs a name of its own.
  Status fill_holes() {
    for (uint32_t id = 0; id < config_.vocabulary; ++id)
      if (result_.token_types[id] == kUnused) {
        result_.tokens[id] = join("[PAD", id, "]");
        if (ids_.contains(result_.tokens[id]))
          return corrupt(join("[tokenizer] ", file_, ": the token ", result_.tokens[id], " is in the way of padding."));
      }
    return Done{};
  }

  Status read_merges() {
    const Json& model = json_["model"];
    const auto merges = model.find("merges");
    if (merges == model.end() || !merges->is_array())
      return corrupt(join("[tokenizer] ", file_, ": the merges are missing."));
    for (const Json& merge : *merges) {
      if (merge.is_string()) {
        result_.merges.push_back(merge.get<std::string>());
      } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
        result_.merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
      } else {
        return corrupt(join("[tokenizer] ", file_, ": a merge must be two pieces."));
      }
    }
    return Done{};
  }

  void set_special(const Tokenizer& tokenizer) {
    const SpecialTokens& special = tokenizer.special();
    const auto id = [](const SpecialToken& token) {
      return token.id ? std::optional<int64_t>(*token.id) : std::nullopt;
    };
    result_.bos_id = id(special.bos);
    result_.eos_id = id(special.eos);
    result_.unknown_id = id(special.unknown);
    result_.padding_id = id(special.padding);
    if (!result_.bos_id && config_.bos_id) result_.bos_id = *config_.bos_id;
    if (!result_.eos_id && !config_.eos_ids.empty()) result_.eos_id = config_.eos_ids.front();
    result_.chat_template = tokenizer.chat_template();
    set_added(tokenizer);
  }

  // What the tokenizer puts around a text, seen from outside.
  void set_added(const Tokenizer& tokenizer) {
    const auto plain = tokenizer.encode("a"), full = tokenizer.encode("a", {.add_special = true});
    if (!plain || !full || plain->empty() || full->size() < plain->size()) return;
    const auto begin = std::search(full->begin(), full->end(), plain->begin(), plain->end());
    result_.add_bos = begin != full->begin() && result_.bos_id && full->front() == *result_.bos_id;
    result_.add_eos =
        full->end() - begin > std::ptrdiff_t(plain->size()) && result_.eos_id && full->back() == *result_.eos_id;
    if (full->size() != plain->size() + size_t(*result_.add_bos) + size_t(*result_.add_eos))
      notices_.push_back(
          "The tokenizer puts more around a text than GGUF can say; only its begin- and end-of-text tokens are kept.");
  }

  Status set_kind(const Tokenizer& tokenizer) {
    if (byte_fallback_) return set_sentence_piece(tokenizer);
    LK_ASSIGN(const std::vector<int32_t> wanted, tokenizer.encode(kProbe));
    result_.model = "gpt2";
    // Where a vocabulary cannot tell two ways apart, the file's own words do.
    if (json_.contains("pre_tokenizer") && json_["pre_tokenizer"].dump().find("\"Digits\"") != std::string::npos) {
      result_.pre = "smollm";
      if (agrees(wanted)) return Done{};
    }
    for (const char* name : kPreNames) {
      result_.pre = name;
      if (agrees(wanted)) return Done{};
    }
    return unsupported(
        join("[tokenizer] ", file_, ": the way it cuts text into words has no name in GGUF that Lorikeet knows."));
  }

  bool agrees(const std::vector<int32_t>& wanted) const {
    const auto tokenizer = Tokenizer::from_gguf(result_);
    if (!tokenizer) return false;
    const auto given = tokenizer->encode(kProbe);
    return given.ok() && *given == wanted;
  }

  // Merge ranks become scores: the piece of the first merge has the highest.
  Status set_sentence_piece(const Tokenizer& tokenizer) {
    result_.model = "llama";
    result_.pre = "default";
    result_.scores.assign(config_.vocabulary, 0.0f);
    for (uint32_t id = 0; id < config_.vocabulary; ++id)
      if (result_.token_types[id] == kNormal) result_.scores[id] = -1e9f;
    for (size_t rank = result_.merges.size(); rank-- > 0;) {
      std::string piece = result_.merges[rank];
      const size_t space = piece.find(' ', 1);
      if (space == std::string::npos) continue;
      const auto id = ids_.find(piece.erase(space, 1));
      if (id != ids_.end() && result_.token_types[id->second] == kNormal) result_.scores[id->second] = -float(rank);
    }
    result_.merges.clear();
    LK_ASSIGN(const std::vector<int32_t> wanted, tokenizer.encode(kProbe));
    for (bool prefix : {true, false}) {
      result_.add_space_prefix = prefix;
      if (agrees(wanted)) return Done{};
    }
    result_.add_space_prefix = true;
    notices_.push_back("The tokenizer in the file does not give the same tokens as tokenizer.json for every text.");
    return Done{};
  }

  const Checkpoint& source_;
  const DecoderConfig& config_;
  std::vector<std::string>& notices_;
  const std::string file_;
  std::string json_text_, config_text_, special_text_, template_text_;
  Json json_;
  bool byte_fallback_ = false;
  std::unordered_map<std::string, uint32_t> ids_;
  GgufVocabulary result_;
};

}  // namespace

Result<GgufVocabulary> vocabulary_of_directory(const Checkpoint& source, const DecoderConfig& config,
                                               std::vector<std::string>& notices) {
  try {
    return Vocabularian(source, config, notices).read();
  } catch (const std::exception& failure) {
    return Error{ErrorCode::corrupt,
                 join("[tokenizer] ", (source.path() / "tokenizer.json").string(), " is not what it should be."),
                 failure.what()};
  }
}

}  // namespace lorikeet
