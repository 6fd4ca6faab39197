// Small tokenizers that bring each feature of a tokenizer.json into play, against Hugging Face's results
// (tests/golden/tokenizers/make.py).
#include <nlohmann/json.hpp>

#include "tests/frontend/tokenizer_cases.h"
#include "tests/support/catch.h"
#include "tests/support/golden.h"

namespace lorikeet::test {
namespace {

using Json = nlohmann::json;

Json read_json(const std::string& name) { return Json::parse(read_or_fail(golden("tokenizers/" + name))); }

Tokenizer make(Result<Tokenizer>&& made) {
  INFO((made ? std::string() : made.error().message + " " + made.error().detail));
  REQUIRE(made.ok());
  return *std::move(made);
}

}  // namespace

TEST_CASE("each feature of tokenizer.json equals the reference") {
  const Json all = read_json("features.json");
  REQUIRE(all["features"].size() >= 70);
  for (const auto& feature : all["features"]) {
    INFO(feature["name"].get<std::string>());
    Json patched = all["base"];
    patched.merge_patch(feature["patch"]);
    const std::string text = patched.dump();
    const Tokenizer tokenizer = make(Tokenizer::from_json({.tokenizer_json = text}));
    CHECK(check_cases(tokenizer, feature) > 0);
    if (feature.contains("decode")) CHECK(check_decoding(tokenizer, feature) == 20);
  }
}

TEST_CASE("a small byte-level tokenizer equals the reference, from tokenizer.json and from GGUF metadata") {
  const Json reference = read_json("byte_level.json"), json = read_json("byte_level.tokenizer.json");
  const std::string text = json.dump();
  const Tokenizer tokenizer = make(Tokenizer::from_json({.tokenizer_json = text}));
  CHECK(check_cases(tokenizer, reference) > 20);
  CHECK(check_decoding(tokenizer, reference) == 20);
  GgufVocabulary vocabulary = byte_level_gguf(json, "llama-bpe");
  vocabulary.bos_id = 1;
  vocabulary.eos_id = 2;
  vocabulary.add_eos = true;
  const Tokenizer gguf = make(Tokenizer::from_gguf(vocabulary));
  CHECK(check_cases(gguf, reference) > 20);
  CHECK(check_decoding(gguf, reference) == 20);
}

TEST_CASE("a small SentencePiece tokenizer equals the reference, from tokenizer.json and from GGUF metadata") {
  const Json reference = read_json("sentence_pieces.json"), json = read_json("sentence_pieces.tokenizer.json");
  const std::string text = json.dump();
  const Tokenizer tokenizer = make(Tokenizer::from_json({.tokenizer_json = text}));
  CHECK(check_cases(tokenizer, reference) > 20);
  CHECK(check_decoding(tokenizer, reference) == 20);
  GgufVocabulary vocabulary = sentence_piece_gguf(json, true);
  vocabulary.bos_id = 1;
  const Tokenizer gguf = make(Tokenizer::from_gguf(vocabulary));
  CHECK(check_cases(gguf, reference) > 20);
  CHECK(check_decoding(gguf, reference) == 20);
}

}  // namespace lorikeet::test
