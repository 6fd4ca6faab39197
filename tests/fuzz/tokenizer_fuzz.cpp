// Mutated tokenizer files and GGUF vocabularies, each with a text to encode and to decode again.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/text/tokenizer.h"
#include "frontend/text/utf8.h"
#include "tests/support/fuzz.h"

namespace lorikeet::test {
namespace {

constexpr char kSeparator = '\x1e';  // between the file and the text

const char* const kText = "ab<s> a<t>\xC3\xA9 abab1\xF0\x9F\x98\x80\n e\xCC\x81";

std::string tokenizer_json(const std::string& steps, const std::string& model = "") {
  return R"({"added_tokens":[{"id":0,"content":"<s>","special":true},)"
         R"({"id":20,"content":"<t>","normalized":true,"lstrip":true,"single_word":true}],)" +
         steps + R"("model":{"type":"BPE","unk_token":"<s>","fuse_unk":true,"byte_fallback":true,)" + model +
         R"("vocab":{"<s>":0,"a":1,"b":2,"ab":3,"abab":4,"▁":5,"Ġ":6,"<0xC3>":7,"<0xA9>":8,"1":9,"e":10,"Ġa":11,)"
         R"("c":12,"Ã":13,"©":14,"Ã©":15},"merges":["a b",["ab","ab"],"Ġ a","Ã ©"]}})";
}

std::vector<std::string> json_files() {
  return {
      tokenizer_json(""),
      tokenizer_json(
          R"("normalizer":{"type":"NFC"},"pre_tokenizer":{"type":"Sequence","pretokenizers":[)"
          R"({"type":"Split","behavior":"Isolated","pattern":{"Regex":)"
          R"("(?i:'s|'t)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}+| ?[^\\s\\p{L}]+|\\s+(?!\\S)|\\s+"}},)"
          R"({"type":"ByteLevel","add_prefix_space":true,"use_regex":false}]},)"
          R"("post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},)"
          R"({"Sequence":{"id":"A"}}],"special_tokens":{"<s>":{"ids":[0]}}},"decoder":{"type":"ByteLevel"},)",
          R"("ignore_merges":true,)"),
      tokenizer_json(R"("normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},)"
                     R"({"type":"Replace","pattern":{"String":" "},"content":"▁"},{"type":"Lowercase"}]},)"
                     R"("decoder":{"type":"Sequence","decoders":[)"
                     R"({"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},)"
                     R"({"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":1}]},)"),
      tokenizer_json(R"("normalizer":{"type":"Replace","pattern":{"Regex":"[^\\Sb]+"},"content":"▁"},)"
                     R"("pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":true},)"
                     R"("decoder":{"type":"Metaspace","replacement":"▁","prepend_scheme":"first"},)",
                     R"("continuing_subword_prefix":"","end_of_word_suffix":"b",)"),
      tokenizer_json(
          R"("normalizer":{"type":"NFKD"},"pre_tokenizer":{"type":"Sequence","pretokenizers":[)"
          R"({"type":"Digits","individual_digits":true},{"type":"Punctuation","behavior":"MergedWithPrevious"},)"
          R"({"type":"Split","pattern":{"String":"a"},"behavior":"MergedWithNext","invert":true},)"
          R"({"type":"Whitespace"}]},"decoder":{"type":"BPEDecoder","suffix":"b"},)"),
  };
}

// Three kinds of input: a tokenizer.json; G and the lines of a GGUF vocabulary (model, pre, pieces, -, merges); P, the
// number of a tokenizer.json, and bytes that say which of its values become what.
std::vector<std::string> seeds() {
  std::vector<std::string> all;
  for (const std::string& file : json_files()) {
    all.push_back(file + kSeparator + kText);
    for (const char* program : {"", "\x05\x07 !", "\x30\x2E*-"})
      all.push_back(std::string("P") + char('0' + all.size() / 4) + program + kSeparator + kText);
  }
  all.push_back(std::string("Ggpt2\nqwen2\na\nb\nab\nĠ\nĠa\n<|im_end|>\n-\na b\nĠ a") + kSeparator + "ab a<|im_end|>");
  all.push_back(std::string("Gllama\n\n<unk>\n<s>\na\nb\nab\n▁\n▁ab\n<0xC3>\n<0xA9>\n-\n") + kSeparator +
                "ab \xC3\xA9 <s>");
  return all;
}

using Json = nlohmann::json;

// All values but those of the vocabulary, which would outnumber the rest.
void collect(Json& value, std::vector<Json*>& all) {
  all.push_back(&value);
  if (value.is_structured() && !value.contains("abab"))
    for (Json& inner : value) collect(inner, all);
}

// Each pair of bytes: which value of the file, and what it becomes (one of the list, or another value of the file).
std::string patched_json(std::string_view program) {
  static const std::vector<std::string> files = json_files();
  static const Json values =
      Json::parse(R"j([null,true,false,0,-1,1,20,4000000000,18446744073709551615,1e300,"",[],{},"a",
    "▁"," ","ab","b a","Sequence","Replace","Strip","Split","Fuse","ByteLevel","ByteFallback","Metaspace","BPEDecoder",
    "Digits","Punctuation","Whitespace","WhitespaceSplit","CharDelimiterSplit","Contiguous","Removed","MergedWithNext",
    "NFC","NFKC","Lowercase","StripAccents","Prepend","never","always",[0],["a","b"],[["a","b"]],"<0x61>","(a+)+$",
    "\\s*|\\S","x*","(?=a)","\\b","$","[^\\W\\S]+",{"Regex":"(?<=b)a*"},{"String":"ab"},{"type":"Fuse"},{"type":"NFD"}])j");
  Json file = Json::parse(files[program.empty() ? 0 : static_cast<uint8_t>(program[0]) % files.size()]);
  const size_t end = std::min<size_t>(program.size(), 64);
  for (size_t i = 1; i + 1 < end; i += 2) {
    std::vector<Json*> all;
    collect(file, all);
    const auto what = static_cast<uint8_t>(program[i + 1]);
    const Json chosen = what < values.size() ? values[what] : *all[what % all.size()];
    if (all.size() < 1000) *all[static_cast<uint8_t>(program[i]) % all.size()] = chosen;
  }
  return file.dump();
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

Result<Tokenizer> read(std::string_view file) {
  if (file.starts_with('G')) return Tokenizer::from_gguf(vocabulary_from(file.substr(1)));
  if (!file.starts_with('P')) return Tokenizer::from_json({.tokenizer_json = file});
  const std::string json = patched_json(file.substr(1));
  return Tokenizer::from_json({.tokenizer_json = json, .tokenizer_config = json});
}

void target(std::span<const std::byte> bytes) {
  const std::string_view data(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const size_t border = std::min(data.rfind(kSeparator), data.size());
  const auto tokenizer = read(data.substr(0, border));
  if (tokenizer) use(*tokenizer, data.substr(std::min(border + 1, data.size())));
  else require(!tokenizer.error().message.empty(), "an Error has no message");
}

}  // namespace
}  // namespace lorikeet::test

int main() { return lorikeet::test::fuzz("tokenizer_fuzz", lorikeet::test::seeds(), lorikeet::test::target); }
