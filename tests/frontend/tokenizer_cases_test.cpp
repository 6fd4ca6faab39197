// The helpers of the tokenizer tests, with a test that they can fail.
#include "tests/frontend/tokenizer_cases.h"

#include <algorithm>

#include "frontend/text/utf8.h"
#include "runtime/base/file.h"
#include "tests/support/catch.h"

namespace lorikeet::test {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<int32_t>;

Ids ids_or(const Json& item, const char* name, const Ids& otherwise) {
  return item.contains(name) ? item[name].get<Ids>() : otherwise;
}

Ids encode(const Tokenizer& tokenizer, const std::string& text, EncodeOptions options) {
  auto ids = tokenizer.encode(text, options);
  INFO((ids ? std::string() : ids.error().message));
  REQUIRE(ids.ok());
  return *ids;
}

std::string stream(const Tokenizer& tokenizer, const Ids& ids) {
  StreamDecoder decoder(tokenizer);
  std::string text;
  for (const int32_t id : ids) {
    const std::string fragment = decoder.push(id);
    CHECK(is_valid_utf8(fragment));
    text += fragment;
  }
  return text + decoder.finish();
}

void add_pieces(const Json& tokenizer_json, GgufVocabulary& out) {
  int64_t highest = -1;
  for (const auto& entry : tokenizer_json["model"]["vocab"].items())
    highest = std::max(highest, entry.value().get<int64_t>());
  for (const auto& token : tokenizer_json["added_tokens"]) highest = std::max(highest, token["id"].get<int64_t>());
  out.tokens.resize(size_t(highest + 1));
  out.token_types.resize(size_t(highest + 1), 5);
  for (const auto& entry : tokenizer_json["model"]["vocab"].items()) {
    out.tokens[entry.value().get<size_t>()] = entry.key();
    const bool byte = entry.key().size() == 6 && entry.key().starts_with("<0x");
    out.token_types[entry.value().get<size_t>()] = byte ? 6 : 1;
  }
  for (const auto& token : tokenizer_json["added_tokens"]) {
    out.tokens[token["id"].get<size_t>()] = token["content"];
    out.token_types[token["id"].get<size_t>()] = token["special"].get<bool>() ? 3 : 4;
  }
}

std::pair<std::string, std::string> halves(const Json& merge) {
  if (merge.is_array()) return {merge[0], merge[1]};
  const std::string text = merge;
  return {text.substr(0, text.find(' ')), text.substr(text.find(' ') + 1)};
}

}  // namespace

std::string read_or_fail(const std::filesystem::path& path) {
  auto text = read_text(path);
  INFO(path.string());
  REQUIRE(text.ok());
  return *std::move(text);
}

size_t check_cases(const Tokenizer& tokenizer, const Json& reference) {
  for (const auto& item : reference["cases"]) {
    const std::string text = item["text"];
    INFO(item.value("name", text));
    const Ids ids = item["ids"];
    CHECK(encode(tokenizer, text, {}) == ids);
    CHECK(encode(tokenizer, text, {.parse_special = false}) == ids_or(item, "ids_no_special", ids));
    CHECK(encode(tokenizer, text, {.add_special = true}) == ids_or(item, "ids_add_special", ids));
    if (!item.contains("decoded")) continue;
    const std::string decoded = item["decoded"];
    CHECK(tokenizer.decode(ids) == decoded);
    CHECK(tokenizer.decode(ids, {.skip_special = true}) == item.value("decoded_skip_special", decoded));
    CHECK(stream(tokenizer, ids) == decoded);
  }
  return reference["cases"].size();
}

size_t check_decoding(const Tokenizer& tokenizer, const Json& reference) {
  for (const auto& item : reference["decode"]) {
    const Ids ids = item["ids"];
    INFO(item["ids"].dump());
    CHECK(tokenizer.decode(ids) == item["decoded"].get<std::string>());
    CHECK(stream(tokenizer, ids) == item["decoded"].get<std::string>());
  }
  return reference["decode"].size();
}

size_t check_invalid_utf8(const Tokenizer& tokenizer, const Json& reference) {
  for (const auto& item : reference["invalid_utf8"]) {
    INFO(item["name"].get<std::string>());
    const std::string hex = item["bytes_hex"];
    std::string bytes;
    for (size_t i = 0; i < hex.size(); i += 2) bytes.push_back(char(std::stoi(hex.substr(i, 2), nullptr, 16)));
    CHECK(encode(tokenizer, bytes, {}) == item["ids"].get<Ids>());
  }
  return reference["invalid_utf8"].size();
}

GgufVocabulary byte_level_gguf(const Json& tokenizer_json, const std::string& pre) {
  GgufVocabulary out;
  out.model = "gpt2";
  out.pre = pre;
  add_pieces(tokenizer_json, out);
  for (const auto& merge : tokenizer_json["model"]["merges"]) {
    const auto [left, right] = halves(merge);
    out.merges.push_back(left + " " + right);
  }
  return out;
}

GgufVocabulary sentence_piece_gguf(const Json& tokenizer_json, bool add_space_prefix) {
  GgufVocabulary out;
  out.model = "llama";
  out.add_space_prefix = add_space_prefix;
  add_pieces(tokenizer_json, out);
  const Json& merges = tokenizer_json["model"]["merges"];
  const Json& vocab = tokenizer_json["model"]["vocab"];
  out.scores.resize(out.tokens.size(), -1e9f);
  for (size_t rank = merges.size(); rank-- > 0;) {
    const auto [left, right] = halves(merges[rank]);
    out.scores[vocab[left + right].get<size_t>()] = -float(rank);
  }
  if (const auto& unknown = tokenizer_json["model"]["unk_token"]; unknown.is_string()) {
    out.unknown_id = vocab[unknown.get<std::string>()].get<int64_t>();
    out.token_types[size_t(*out.unknown_id)] = 2;
  }
  return out;
}

TEST_CASE("the GGUF forms of a tokenizer keep its pieces") {
  const Json json = Json::parse(R"({"added_tokens":[{"id":3,"content":"<e>","special":true}],
    "model":{"vocab":{"a":0,"b":1,"ab":2},"merges":["a b"],"unk_token":null}})");
  const GgufVocabulary bpe = byte_level_gguf(json, "gpt-2");
  CHECK(bpe.tokens == std::vector<std::string>{"a", "b", "ab", "<e>"});
  CHECK(bpe.token_types == std::vector<int32_t>{1, 1, 1, 3});
  CHECK(bpe.merges == std::vector<std::string>{"a b"});
  CHECK(sentence_piece_gguf(json, true).scores == std::vector<float>{-1e9f, -1e9f, 0, -1e9f});
}

}  // namespace lorikeet::test
