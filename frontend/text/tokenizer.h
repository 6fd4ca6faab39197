// Text to token ids and back. Where implementations differ, Hugging Face's `tokenizers` is right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"

namespace lorikeet {

// The texts of the files beside a Hugging Face checkpoint. Only tokenizer.json is needed.
struct TokenizerFiles {
  std::string_view tokenizer_json = {};
  std::string_view tokenizer_config = {};    // tokenizer_config.json: BOS, EOS, chat template
  std::string_view special_tokens_map = {};  // special_tokens_map.json: what tokenizer_config does not say
  std::string_view chat_template = {};       // chat_template.jinja: goes before tokenizer_config's
};

// The keys tokenizer.* of a GGUF file. Each vector is empty and each optional unset where the file has no such key.
struct GgufVocabulary {
  std::string model;                // ggml.model: "gpt2" (byte-level BPE) or "llama" (SentencePiece BPE)
  std::string pre;                  // ggml.pre: "smollm", "qwen2", "llama-bpe", ...
  std::vector<std::string> tokens;  // ggml.tokens
  std::vector<float> scores;        // ggml.scores: needed by "llama"
  std::vector<int32_t>
      token_types;                  // ggml.token_type: 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte
  std::vector<std::string> merges;  // ggml.merges: needed by "gpt2", "left right"
  std::optional<int64_t> bos_id, eos_id, eot_id, eom_id, unknown_id, padding_id;  // ggml.*_token_id
  std::optional<bool> add_bos, add_eos, add_space_prefix;                         // ggml.add_*
  std::string chat_template;                                                      // chat_template
};

struct EncodeOptions {
  bool parse_special = true;  // special tokens in the text become their ids; else they are ordinary text
  bool add_special = false;   // with the tokenizer's own BOS and EOS
};

struct DecodeOptions {
  bool skip_special = false;
};

struct SpecialToken {
  std::optional<int32_t> id;
  std::string text;  // may be set without an id, for a chat template
};

struct SpecialTokens {
  SpecialToken bos, eos, unknown, padding;
  std::vector<int32_t> ends;  // each of these ends an answer: EOS and, as far as the files tell, the ends of a turn
};

// Owns a vocabulary and the rules around it. Immutable: any number of threads may use it.
class Tokenizer {
 public:
  static Result<Tokenizer> from_json(const TokenizerFiles& files);
  static Result<Tokenizer> from_gguf(const GgufVocabulary& vocabulary);
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Each maximal part of `text` that is no UTF-8 counts as U+FFFD. At most 1 GiB of text. An Error if one of the file's
  // patterns needs more steps than any sane one would.
  Result<std::vector<int32_t>> encode(std::string_view text, EncodeOptions options = {}) const;
  // Valid UTF-8. Ids that do not exist give nothing.
  std::string decode(std::span<const int32_t> ids, DecodeOptions options = {}) const;

  size_t vocabulary_size() const;                  // highest id + 1
  std::string_view id_to_piece(int32_t id) const;  // as the vocabulary writes it; empty if there is no such id
  std::optional<int32_t> token_to_id(std::string_view piece) const;
  bool is_special(int32_t id) const;
  const SpecialTokens& special() const;
  const std::string& chat_template() const;         // Jinja source; empty if the files have none
  const std::vector<std::string>& notices() const;  // what was odd in the files and how it was taken; full sentences

 private:
  friend class StreamDecoder;
  struct Impl;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

// Decodes one id at a time. All that comes out, in order, is what decode() makes of all ids; it comes as early as it is
// certain, and never cuts a character. (A run of byte pieces <0x00> ... <0xFF> is certain when it ends: one byte that
// fits nowhere makes U+FFFD of the whole run.) Must not outlive its tokenizer.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer, DecodeOptions options = {});
  StreamDecoder(StreamDecoder&&) noexcept;
  StreamDecoder& operator=(StreamDecoder&&) noexcept;
  ~StreamDecoder();

  std::string push(int32_t id);
  std::string finish();  // what was held back; bytes that never became a character give U+FFFD. Then it starts anew

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lorikeet
