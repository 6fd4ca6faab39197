// Whole tokenizers of real models against Hugging Face's results for 132 strings each.
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tests/frontend/tokenizer_cases.h"
#include "tests/support/catch.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"

namespace lorikeet::test {
namespace {

using Json = nlohmann::json;

constexpr size_t kCases = 132;

Tokenizer from_json(const std::string& text) {
  auto tokenizer = Tokenizer::from_json({.tokenizer_json = text});
  INFO((tokenizer ? std::string() : tokenizer.error().message + " " + tokenizer.error().detail));
  REQUIRE(tokenizer.ok());
  return *std::move(tokenizer);
}

Tokenizer from_gguf(const GgufVocabulary& vocabulary) {
  auto tokenizer = Tokenizer::from_gguf(vocabulary);
  INFO((tokenizer ? std::string() : tokenizer.error().message));
  REQUIRE(tokenizer.ok());
  return *std::move(tokenizer);
}

std::optional<Json> reference(const std::string& name) {
  const auto path = shared_golden("llm/tokenizers/" + name + ".json");
  if (!path) return std::nullopt;
  return Json::parse(read_or_fail(*path));
}

// LORIKEET_TEST_TOKENIZERS/NAME.json: a tokenizer.json too large to be kept with the reference data.
std::optional<std::string> downloaded(const std::string& name) {
  const char* folder = std::getenv("LORIKEET_TEST_TOKENIZERS");
  if (!folder) return std::nullopt;
  const auto path = std::filesystem::path(folder) / (name + ".json");
  if (!std::filesystem::exists(path)) return std::nullopt;
  return read_or_fail(path);
}

}  // namespace

TEST_CASE("smollm2 equals the reference, from tokenizer.json and from GGUF metadata") {
  const auto cases = reference("smollm2");
  if (!cases) LK_SKIP(no_shared_goldens, "smollm2 tokenizer");
  const std::string text = read_or_fail(*shared_golden("llm/tokenizers/smollm2.tokenizer.json"));
  const Tokenizer tokenizer = from_json(text);
  CHECK(check_cases(tokenizer, *cases) == kCases);
  CHECK(check_invalid_utf8(tokenizer, *cases) == 5);
  CHECK(tokenizer.vocabulary_size() == 49152);
  const Tokenizer gguf = from_gguf(byte_level_gguf(Json::parse(text), "smollm"));
  CHECK(check_cases(gguf, *cases) == kCases);
  CHECK(check_invalid_utf8(gguf, *cases) == 5);
}

TEST_CASE("qwen3 and qwen2 equal the reference") {
  const auto cases = reference("qwen3"), older = reference("qwen2");
  if (!cases || !older) LK_SKIP(no_shared_goldens, "qwen3 tokenizer");
  const auto text = downloaded("qwen3");
  if (!text) LK_SKIP(no_test_tokenizers, "qwen3");
  const Tokenizer tokenizer = from_json(*text);
  CHECK(check_cases(tokenizer, *cases) == kCases);
  CHECK(tokenizer.vocabulary_size() == 151669);
  // Qwen2: without the four newest tokens, and with those of code special.
  Json json = Json::parse(*text), kept = Json::array();
  for (Json token : json["added_tokens"]) {
    const std::string content = token["content"];
    if (token["id"] >= 151665) continue;
    if (content.starts_with("<|fim") || content.starts_with("<|repo") || content.starts_with("<|file"))
      token["special"] = true;
    kept.push_back(token);
  }
  json["added_tokens"] = kept;
  const Tokenizer qwen2 = from_json(json.dump());
  CHECK(check_cases(qwen2, *older) == kCases);
  CHECK(check_invalid_utf8(qwen2, *older) == 5);
  const Tokenizer gguf = from_gguf(byte_level_gguf(json, "qwen2"));
  CHECK(check_cases(gguf, *older) == kCases);
  CHECK(check_invalid_utf8(gguf, *older) == 5);
}

TEST_CASE("a SentencePiece tokenizer equals the reference, from tokenizer.json and from GGUF metadata") {
  const auto cases = reference("llama2pkg");
  if (!cases) LK_SKIP(no_shared_goldens, "llama2pkg tokenizer");
  const auto text = downloaded("llama2");
  if (!text) LK_SKIP(no_test_tokenizers, "llama2");
  CHECK(check_cases(from_json(*text), *cases) == kCases);
  GgufVocabulary vocabulary = sentence_piece_gguf(Json::parse(*text), true);
  vocabulary.bos_id = 1;
  vocabulary.eos_id = 2;
  CHECK(check_cases(from_gguf(vocabulary), *cases) == kCases);
}

TEST_CASE("gemma3 equals the reference, from tokenizer.json and from GGUF metadata") {
  const auto cases = reference("gemma3");
  if (!cases) LK_SKIP(no_shared_goldens, "gemma3 tokenizer");
  const auto text = downloaded("gemma3");
  if (!text) LK_SKIP(no_test_tokenizers, "gemma3");
  CHECK(check_cases(from_json(*text), *cases) == kCases);
  GgufVocabulary vocabulary = sentence_piece_gguf(Json::parse(*text), false);
  vocabulary.bos_id = 2;
  vocabulary.eos_id = 1;
  CHECK(check_cases(from_gguf(vocabulary), *cases) == kCases);
}

}  // namespace lorikeet::test
