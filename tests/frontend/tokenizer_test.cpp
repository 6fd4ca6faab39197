// What a tokenizer promises beyond the reference: streams, hostile files and long texts.
#include "frontend/text/tokenizer.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <random>

#include "frontend/text/utf8.h"
#include "tests/frontend/tokenizer_cases.h"
#include "tests/support/catch.h"
#include "tests/support/golden.h"

namespace lorikeet::test {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<int32_t>;

// Two letters, a merge and two added tokens.
Json small() {
  return Json::parse(R"({
    "added_tokens": [{"id": 4, "content": "<end>", "special": true},
                     {"id": 5, "content": "<tag>", "special": false, "normalized": false}],
    "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": {"type": "Fuse"},
    "model": {"type": "BPE", "unk_token": "?", "vocab": {"?": 0, "a": 1, "b": 2, "ab": 3}, "merges": ["a b"]}})");
}

Result<Tokenizer> make(const Json& json, std::string_view config = {}) {
  const std::string text = json.dump();
  return Tokenizer::from_json({.tokenizer_json = text, .tokenizer_config = config});
}

Tokenizer must(Result<Tokenizer> made) {
  INFO((made ? std::string() : made.error().message));
  REQUIRE(made.ok());
  return std::move(made).value();
}

// The error message of a file that must be refused.
std::string refusal(const Json& json, std::string_view config = {}) {
  const auto made = make(json, config);
  return made ? "accepted" : made.error().message;
}

Json patched(const char* patch) {
  Json json = small();
  json.merge_patch(Json::parse(patch));
  return json;
}

Tokenizer from_golden(const std::string& name) {
  const std::string text = read_or_fail(golden("tokenizers/" + name));
  return must(Tokenizer::from_json({.tokenizer_json = text}));
}

double seconds_to_encode(const Tokenizer& tokenizer, const std::string& text) {
  const auto start = std::chrono::steady_clock::now();
  const auto ids = tokenizer.encode(text);
  REQUIRE(ids.ok());
  REQUIRE(tokenizer.decode(*ids) == text);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

TEST_CASE("a tokenizer tells its pieces, ids and special tokens") {
  const Tokenizer tokenizer = must(make(small(), R"({"eos_token": {"content": "<end>"}, "bos_token": "<none>",
    "chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]})"));
  CHECK(tokenizer.vocabulary_size() == 6);
  CHECK(tokenizer.id_to_piece(3) == "ab");
  CHECK(tokenizer.id_to_piece(5) == "<tag>");
  CHECK(tokenizer.id_to_piece(6).empty());
  CHECK(tokenizer.id_to_piece(-1).empty());
  CHECK(tokenizer.token_to_id("<end>") == 4);
  CHECK_FALSE(tokenizer.token_to_id("abc"));
  CHECK(tokenizer.is_special(4));
  CHECK_FALSE(tokenizer.is_special(5));
  CHECK_FALSE(tokenizer.is_special(INT32_MAX));
  CHECK(tokenizer.special().eos.id == 4);
  CHECK(tokenizer.special().ends == Ids{4});
  CHECK_FALSE(tokenizer.special().bos.id);
  CHECK(tokenizer.special().bos.text == "<none>");
  CHECK(tokenizer.chat_template() == "d");
  CHECK(*tokenizer.encode("ab<end>ba<tag>c") == Ids{3, 4, 2, 1, 5, 0});
  CHECK(*tokenizer.encode("<end>", {.parse_special = false}) == Ids{0, 0, 0, 0, 0});
  CHECK(tokenizer.decode(Ids{3, -7, 1, 1000000, 4}, {.skip_special = true}) == "aba");
}

TEST_CASE("the Llama classes take BOS and EOS from their flags") {
  const char* config = R"({"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": true, "bos_token": "<end>"})";
  CHECK(*must(make(small(), config)).encode("a", {.add_special = true}) == Ids{4, 1});
  const char* other = R"({"tokenizer_class": "Qwen2Tokenizer", "add_bos_token": true, "bos_token": "<end>"})";
  CHECK(*must(make(small(), other)).encode("a", {.add_special = true}) == Ids{1});
}

TEST_CASE("a stream gives whole characters as soon as they are certain") {
  const Tokenizer tokenizer = from_golden("byte_level.tokenizer.json");
  const Ids ids = *tokenizer.encode("\xF0\x9F\x98\x80!");  // an emoji that the vocabulary spells in bytes
  REQUIRE(ids.size() == 5);
  StreamDecoder decoder(tokenizer);
  CHECK(decoder.push(ids[0]).empty());
  CHECK(decoder.push(ids[1]).empty());
  CHECK(decoder.push(ids[2]).empty());
  CHECK(decoder.push(ids[3]) == "\xF0\x9F\x98\x80");
  CHECK(decoder.push(ids[4]) == "!");
  CHECK(decoder.finish().empty());
  CHECK(decoder.push(ids[0]).empty());
  CHECK(decoder.finish() == "\xEF\xBF\xBD");
  CHECK(decoder.push(ids[4]) == "!");  // it starts anew
}

TEST_CASE("a stream of any ids adds up to what is decoded at once") {
  std::mt19937 random(7);
  for (const char* name : {"byte_level.tokenizer.json", "sentence_pieces.tokenizer.json"}) {
    const Tokenizer tokenizer = from_golden(name);
    StreamDecoder decoder(tokenizer, {.skip_special = true});
    for (int run = 0; run < 500; ++run) {
      Ids ids(random() % 30);
      for (int32_t& id : ids) id = int32_t(random() % (tokenizer.vocabulary_size() + 3)) - 1;
      std::string text;
      bool whole = true;
      for (const int32_t id : ids) {
        const std::string fragment = decoder.push(id);
        whole = whole && is_valid_utf8(fragment);
        text += fragment;
      }
      text += decoder.finish();
      CHECK(whole);
      CHECK(text == tokenizer.decode(ids, {.skip_special = true}));
    }
  }
}

TEST_CASE("decoders strip and replace across token borders the same way in a stream") {
  Json json = small();
  json["decoder"] = Json::parse(R"({"type": "Sequence", "decoders": [{"type": "Fuse"},
    {"type": "Replace", "pattern": {"String": "ba"}, "content": "_"},
    {"type": "Strip", "content": "a", "start": 1, "stop": 2}]})");
  const Tokenizer tokenizer = must(make(json));
  CHECK(tokenizer.decode(Ids{1, 1, 2, 1, 2, 3, 1, 1, 1}) == "a___");  // of aabababaaa
}

TEST_CASE("invalid UTF-8 counts as U+FFFD, each maximal part once") {
  CHECK(replace_invalid_utf8("a\xE2\x82") == "a\xEF\xBF\xBD");
  CHECK(replace_invalid_utf8("\xC0\xAF") == "\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(replace_invalid_utf8("\xED\xA0\x80") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(replace_invalid_utf8("\xF0\x9F\x98z\xF4\x90") == "\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(replace_invalid_utf8(std::string("\xF4\x8F\xBF\xBF\0", 5)) == std::string("\xF4\x8F\xBF\xBF\0", 5));
}

TEST_CASE("a file that contradicts itself is refused in a sentence") {
  CHECK(Tokenizer::from_json({.tokenizer_json = "{"}).error().message ==
        "[tokenizer] tokenizer.json is not valid JSON.");
  CHECK(Tokenizer::from_json({.tokenizer_json = "[]"}).error().message ==
        "[tokenizer] tokenizer.json: \"model\" must be an object, it is missing.");
  CHECK(refusal(patched(R"({"model": {"merges": ["a c"]}})")) ==
        "[tokenizer] tokenizer.json: merge 0 names \"c\", which the vocabulary lacks.");
  CHECK(refusal(patched(R"({"model": {"merges": ["b a"]}})")) ==
        "[tokenizer] tokenizer.json: merge 0 names \"ba\", which the vocabulary lacks.");
  for (const char* merge : {R"(["ab"])", R"(["a b c"])", R"([["a"]])", R"([["a", "b", "ab"]])", R"([{}])", R"([1])",
                            R"([[["a", "b"]]])", R"([[1, 2]])"})
    CHECK(refusal(patched((std::string(R"({"model": {"merges": )") + merge + "}}").c_str())) ==
          "[tokenizer] tokenizer.json: merge 0 must be \"left right\" or [\"left\", \"right\"].");
  for (const char* id : {"4000000000", "-1", "18446744073709551615", "1.5", "\"1\"", "[]", "{}", "1e300", "true"})
    CHECK(refusal(patched((std::string(R"({"model": {"vocab": {"z": )") + id + "}}}").c_str()))
              .starts_with("[tokenizer] "));
  CHECK(refusal(patched(R"({"model": {"type": "Unigram"}})")) ==
        "[tokenizer] tokenizer.json: the model must be BPE, it is \"Unigram\".");
  CHECK(refusal(patched(R"({"added_tokens": [{"id": 99999999, "content": "x"}]})"))
            .starts_with("[tokenizer] ids must be from 0 to 1048575"));
  CHECK(refusal(patched(R"({"added_tokens": {}})")) ==
        "[tokenizer] tokenizer.json: \"added_tokens\" must be an array, it is object.");
  CHECK(refusal(patched(R"({"normalizer": {"type": "Precompiled"}})")) ==
        "[tokenizer] tokenizer.json: the normalizer \"Precompiled\" is not supported.");
  CHECK(refusal(patched(R"({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a"}}})"))
            .starts_with("[regex] the pattern \"(a\" does not compile: "));
  CHECK(refusal(patched(R"({"pre_tokenizer": {"type": "Split", "pattern": {"String": ""}}})")) ==
        "[tokenizer] a pattern is an empty string.");
  CHECK(refusal(patched(R"({"decoder": {"type": "Strip", "content": "xy", "start": 1, "stop": 0}})"))
            .ends_with("must be one character."));
  CHECK(refusal(patched(R"({"post_processor": {"type": "BertProcessing", "cls": ["a", 77], "sep": ["b", 1]}})"))
            .find("the id 77") != std::string::npos);
  CHECK(refusal(small(), "{\"chat_template\"") == "[tokenizer] tokenizer_config.json is not valid JSON.");
}

TEST_CASE("patterns that Oniguruma has and PCRE2 has not are refused") {
  for (const char* pattern :
       {"[a&&b]", "[a[bc]]", "(?~a)", "(*FAIL)", "(?R)", R"(\Q)", R"(\p{Alpha})", "(?s:a)", "a(?i)b", R"(\)", "[a"}) {
    Json json = small();
    json["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}};
    INFO(pattern);
    CHECK(refusal(json).ends_with("is not supported."));
  }
}

TEST_CASE("a pattern that backtracks without end gives up with an Error") {
  Json json = small();
  json["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", "(a+)+$"}}}};
  const auto ids = must(make(json)).encode(std::string(4000, 'a') + "b");
  REQUIRE_FALSE(ids.ok());
  CHECK(ids.error().message.starts_with("[regex] the pattern \"(a+)+$\" gave up: "));
}

TEST_CASE("replacements cannot make a text grow beyond all reason") {
  Json json = small();
  json["normalizer"] = {{"type", "Sequence"}, {"normalizers", Json::array()}};
  for (int i = 0; i < 10; ++i)
    json["normalizer"]["normalizers"].push_back(
        {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", std::string(1000, 'a')}});
  CHECK_FALSE(must(make(json)).encode("aaaa").ok());
}

TEST_CASE("deeply nested files are refused, not recursed into") {
  Json inner = {{"type", "NFC"}};
  for (int i = 0; i < 100; ++i) inner = {{"type", "Sequence"}, {"normalizers", Json::array({inner})}};
  Json json = small();
  json["normalizer"] = inner;
  CHECK(refusal(json) == "[tokenizer] tokenizer.json: the normalizer nests too deeply.");
  CHECK_FALSE(Tokenizer::from_json({.tokenizer_json = std::string(1000000, '[')}).ok());
}

TEST_CASE("GGUF metadata that contradicts itself is refused, odd parts are left out") {
  GgufVocabulary good;
  good.model = "gpt2";
  good.pre = "gpt-2";
  good.tokens = {"a", "b", "ab", "<|im_end|>", "a"};
  good.token_types = {1, 1, 1, 3, 1};
  good.merges = {"a b", "a zz", "nothing"};
  good.eos_id = 99;
  const Tokenizer tokenizer = must(Tokenizer::from_gguf(good));
  CHECK(tokenizer.notices().size() == 2);
  CHECK(*tokenizer.encode("ab<|im_end|>a") == Ids{2, 3, 0});
  CHECK(tokenizer.special().ends == Ids{3});
  const auto refused = [&](auto change) {
    GgufVocabulary bad = good;
    change(bad);
    const auto made = Tokenizer::from_gguf(bad);
    return made ? std::string("accepted") : made.error().message;
  };
  CHECK(refused([](auto& v) { v.tokens.clear(); }) == "[tokenizer] tokenizer.ggml.tokens is missing or empty.");
  CHECK(refused([](auto& v) { v.merges.clear(); }) == "[tokenizer] tokenizer.ggml.merges is missing or empty.");
  CHECK(refused([](auto& v) { v.pre = "klingon"; }) == "[tokenizer] tokenizer.ggml.pre \"klingon\" is not known.");
  CHECK(refused([](auto& v) { v.model = "bert"; }) ==
        "[tokenizer] tokenizer.ggml.model must be gpt2 or llama, it is \"bert\".");
  CHECK(refused([](auto& v) { v.token_types.pop_back(); }) ==
        "[tokenizer] tokenizer.ggml.token_type has 4 entries, tokenizer.ggml.tokens has 5.");
  CHECK(refused([](auto& v) { v.model = "llama"; }) == "[tokenizer] tokenizer.ggml.scores is missing or empty.");
  CHECK(refused([](auto& v) { v.scores = {0}; }) ==
        "[tokenizer] tokenizer.ggml.scores has 1 entries, tokenizer.ggml.tokens has 5.");
  CHECK(refused([](auto& v) { v.pre.clear(); }) == "accepted");
}

TEST_CASE("each known pre-tokenizer of GGUF cuts digits its own way") {
  GgufVocabulary vocabulary;
  vocabulary.model = "gpt2";
  vocabulary.tokens = {"1", "11", "111", "1111", "<s>"};
  vocabulary.token_types = {1, 1, 1, 1, 3};
  vocabulary.merges = {"1 1", "11 1", "11 11"};
  vocabulary.bos_id = 4;
  const auto ids = [&](const char* pre) {
    vocabulary.pre = pre;
    return *must(Tokenizer::from_gguf(vocabulary)).encode("1111", {.add_special = true});
  };
  for (const char* whole : {"gpt-2", "phi-2", "olmo", "mpt", "default"}) CHECK(ids(whole) == Ids{3});
  for (const char* alone : {"smollm", "starcoder", "refact", "qwen2", "deepseek-r1-qwen"})
    CHECK(ids(alone) == Ids{0, 0, 0, 0});
  for (const char* threes : {"llama-bpe", "llama3", "llama-v3"}) CHECK(ids(threes) == Ids{4, 2, 0});
  CHECK(ids("tekken") == Ids{4, 0, 0, 0, 0});
}

TEST_CASE("control tokens never grow out of ordinary text") {
  GgufVocabulary vocabulary;
  vocabulary.model = "llama";
  vocabulary.tokens = {"<unk>", "<s>", "<", "s", ">", "<s", "\xE2\x96\x81"};
  vocabulary.token_types = {2, 3, 1, 1, 1, 1, 1};
  vocabulary.scores = {0, 5, -3, -3, -3, -1, std::numeric_limits<float>::quiet_NaN()};
  vocabulary.unknown_id = 0;
  const Tokenizer tokenizer = must(Tokenizer::from_gguf(vocabulary));
  CHECK(*tokenizer.encode("<s>") == Ids{1});
  CHECK(*tokenizer.encode("<s>", {.parse_special = false}) == Ids{6, 5, 4});
}

TEST_CASE("a megabyte without spaces takes no quadratic time") {
  for (const char* name : {"byte_level.tokenizer.json", "sentence_pieces.tokenizer.json"}) {
    const Tokenizer tokenizer = from_golden(name);
    for (const std::string& unit :
         {std::string("a"), std::string("parrot"), std::string("\xE9\xB9\xA6\xE9\xB9\x89"), std::string(" ")}) {
      std::string text;
      while (text.size() < 1000000) text += unit;
      // Quadratic time would be hours; the bound leaves room for sanitizers on a busy machine.
      CHECK(seconds_to_encode(tokenizer, text) < 60);
    }
  }
  Json json = small();
  json["normalizer"] = {{"type", "NFC"}};
  std::string marks;
  while (marks.size() < 1000000) marks += "\xCC\x81\xCC\xA7";  // an acute accent and a cedilla, in the wrong order
  CHECK(must(make(json)).encode(marks).ok());
}

}  // namespace lorikeet::test
