// Mutated tokenizer files and GGUF vocabularies, each with a text to encode and to decode again.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/text/tokenizer.h"
#include "frontend/text/utf8.h"
#include "tests/support/fuzz.h"

namespace lorikeet::test {
namespace {

constexpr char kSeparator = '\x1e';  // between the file and the text

std::string tokenizer_json(const std::string& steps, const std::string& model = "") {
  return R"({"added_tokens":[{"id":0,"content":"<s>","special":true},{"id":20,"content":"<t>","normalized":true,"lstrip":true,"single_word":true}],)" +
         steps + R"("model":{"type":"BPE","unk_token":"<s>","fuse_unk":true,"byte_fallback":true,)" + model +
         R"("vocab":{"<s>":0,"a":1,"b":2,"ab":3,"abab":4,"▁":5,"Ġ":6,"<0xC3>":7,"<0xA9>":8,"1":9,"e":10,"Ġa":11,"c":12,"Ã":13,"©":14,"Ã©":15},)" +
         R"("merges":["a b",["ab","ab"],"Ġ a","Ã ©"]}})" + kSeparator + "ab<s> a<t>\xC3\xA9 abab1\xF0\x9F\x98\x80\n e\xCC\x81";
}

std::string gguf(const std::string& lines, const std::string& text) { return "G" + lines + kSeparator + text; }

std::vector<std::string> seeds() {
  return {
      tokenizer_json(""),
      tokenizer_json(
          R"("normalizer":{"type":"NFC"},"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"(?i:'s|'t)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}+| ?[^\\s\\p{L}]+|\\s+(?!\\S)|\\s+"},"behavior":"Isolated"},{"type":"ByteLevel","add_prefix_space":true,"use_regex":false}]},)"
          R"("post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},{"Sequence":{"id":"A"}}],"special_tokens":{"<s>":{"ids":[0]}}},"decoder":{"type":"ByteLevel"},)",
          R"("ignore_merges":true,)"),
      tokenizer_json(
          R"("normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"},{"type":"Lowercase"}]},)"
          R"("decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":1}]},)"),
      tokenizer_json(
          R"("normalizer":{"type":"Replace","pattern":{"Regex":"[^\\Sb]+"},"content":"▁"},"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":true},)"
          R"("decoder":{"type":"Metaspace","replacement":"▁","prepend_scheme":"first"},)",
          R"("continuing_subword_prefix":"","end_of_word_suffix":"b",)"),
      tokenizer_json(
          R"("normalizer":{"type":"NFKD"},"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},{"type":"Punctuation","behavior":"MergedWithPrevious"},{"type":"Split","pattern":{"String":"a"},"behavior":"MergedWithNext","invert":true},{"type":"Whitespace"}]},)"
          R"("decoder":{"type":"BPEDecoder","suffix":"b"},)"),
      // model, pre, pieces, -, merges
      gguf("gpt2\nqwen2\na\nb\nab\nĠ\nĠa\n<|im_end|>\n-\na b\nĠ a", "ab a<|im_end|>"),
      gguf("llama\n\n<unk>\n<s>\na\nb\nab\n▁\n▁ab\n<0xC3>\n<0xA9>\n-\n", "ab \xC3\xA9 aba<s>"),
  };
}

GgufVocabulary vocabulary_from(std::string_view file) {
  GgufVocabulary out;
  bool merges = false;
  for (size_t line = 0; !file.empty(); ++line) {
    const size_t end = std::min(file.find('\n'), file.size());
    const std::string text(file.substr(0, end));
    file.remove_prefix(std::min(end + 1, file.size()));
    if (line < 2) (line == 0 ? out.model : out.pre) = text;
    else if (merges) out.merges.push_back(text);
    else if (text == "-") merges = true;
    else out.tokens.push_back(text);
  }
  for (const std::string& token : out.tokens) {
    const bool byte = token.starts_with("<0x"), special = token.starts_with("<");
    out.token_types.push_back(byte ? 6 : special ? 3 : int32_t(token.size() % 8));
    out.scores.push_back(token.empty() ? 0 : float(static_cast<signed char>(token.back())));
  }
  out.unknown_id = int64_t(out.tokens.size()) - 9;
  out.bos_id = 1;
  return out;
}

void require(bool holds, const char* what) {
  if (holds) return;
  std::printf("FAIL: %s\n", what);
  std::abort();
}

void use(const Tokenizer& tokenizer, std::string_view text) {
  for (const bool parse_special : {true, false}) {
    const auto ids = tokenizer.encode(text, {.parse_special = parse_special, .add_special = true});
    if (!ids) {
      require(!ids.error().message.empty(), "an Error has no message");
      continue;
    }
    const std::string decoded = tokenizer.decode(*ids);
    require(is_valid_utf8(decoded), "decoded text is not valid UTF-8");
    StreamDecoder decoder(tokenizer);
    std::string streamed;
    for (const int32_t id : *ids) {
      require(id >= 0 && size_t(id) < tokenizer.vocabulary_size(), "an id is outside the vocabulary");
      const std::string fragment = decoder.push(id);
      require(is_valid_utf8(fragment), "a stream cut a character");
      streamed += fragment;
    }
    streamed += decoder.finish();
    require(streamed == decoded, "a stream differs from what is decoded at once");
  }
}

void target(std::span<const std::byte> bytes) {
  const std::string_view data(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const size_t border = std::min(data.rfind(kSeparator), data.size());
  const std::string_view file = data.substr(0, border), text = data.substr(std::min(border + 1, data.size()));
  const bool is_gguf = file.starts_with('G');
  auto tokenizer = is_gguf ? Tokenizer::from_gguf(vocabulary_from(file.substr(1)))
                           : Tokenizer::from_json({.tokenizer_json = file});
  if (tokenizer) use(*tokenizer, text);
  else require(!tokenizer.error().message.empty(), "an Error has no message");
}

}  // namespace
}  // namespace lorikeet::test

int main() { return lorikeet::test::fuzz("tokenizer_fuzz", lorikeet::test::seeds(), lorikeet::test::target); }
