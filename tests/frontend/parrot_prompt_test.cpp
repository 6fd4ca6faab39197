// The ids of Parrot's prompts against those that its published formatter made.
#include "frontend/parrot_prompt.h"

#include <nlohmann/json.hpp>

#include "runtime/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/golden.h"

namespace lorikeet::test {
namespace {

using Json = nlohmann::json;

std::string text_of(const std::filesystem::path& path) {
  auto text = read_text(path);
  REQUIRE(text.ok());
  return *std::move(text);
}

Tokenizer parrot_tokenizer() {
  const std::string json = text_of(golden("parrot/tokenizer.json"));
  auto tokenizer = Tokenizer::from_json({.tokenizer_json = json});
  REQUIRE(tokenizer.ok());
  return *std::move(tokenizer);
}

std::vector<int32_t> ids_of(const Result<std::vector<int32_t>>& ids) {
  INFO((ids ? std::string() : ids.error().message));
  REQUIRE(ids.ok());
  return *ids;
}

std::vector<ChatMessage> messages_of(const Json& recorded) {
  std::vector<ChatMessage> messages;
  for (const Json& message : recorded) {
    const std::string from = message.at("from");
    messages.push_back({from == "human" ? "user" : from == "gpt" ? "assistant" : from, message.at("value")});
  }
  return messages;
}

void check_case(const Tokenizer& tokenizer, const Json& recorded) {
  const std::vector<int32_t> expected = recorded.at("input_ids");
  if (recorded.contains("question")) {
    const std::string question = recorded.at("question");
    CHECK(ids_of(parrot_prompt_ids(tokenizer, std::vector<ChatMessage>{{"user", picture_question(question)}})) ==
          expected);
    return;
  }
  INFO(recorded.at("prompt"));
  CHECK(ids_of(parrot_prompt_ids(tokenizer, messages_of(recorded.at("messages")))) == expected);
  CHECK(ids_of(ids_with_pictures(tokenizer, recorded.at("prompt").get<std::string>())) == expected);
}

}  // namespace

TEST_CASE("the prompts of the reference cases have the recorded ids") {
  const Tokenizer tokenizer = parrot_tokenizer();
  const Json cases = Json::parse(text_of(golden("parrot/prompts.json")));
  REQUIRE(cases.size() == 16);
  for (const Json& recorded : cases) check_case(tokenizer, recorded);
}

TEST_CASE("texts are split at a picture's place as recorded") {
  const Tokenizer tokenizer = parrot_tokenizer();
  size_t checked = 0;
  for (const Json& recorded : Json::parse(text_of(golden("parrot/tokenizer_cases.json")))) {
    if (!recorded.contains("chunked_ids")) continue;
    INFO(recorded.at("text"));
    const std::vector<int32_t> expected = recorded.at("chunked_ids");
    CHECK(ids_of(ids_with_pictures(tokenizer, recorded.at("text").get<std::string>())) == expected);
    ++checked;
  }
  CHECK(checked == 43);
}

TEST_CASE("places of pictures may follow each other, and the parts between them keep their spaces") {
  const Tokenizer tokenizer = parrot_tokenizer();
  const auto encode = [&](std::string_view text) { return ids_of(tokenizer.encode(text)); };
  std::vector<int32_t> expected = encode("a ");
  expected.insert(expected.end(), {kPictureToken, kPictureToken});
  for (const int32_t id : encode(" b")) expected.push_back(id);
  CHECK(ids_of(ids_with_pictures(tokenizer, "a <image><image> b")) == expected);
  CHECK(ids_of(ids_with_pictures(tokenizer, "")).empty());
  CHECK(picture_question("What is it?") == "<image>\nWhat is it?");
}

TEST_CASE("a conversation that Parrot cannot answer is refused with a sentence") {
  const Tokenizer tokenizer = parrot_tokenizer();
  const auto message = [&](const std::vector<ChatMessage>& messages) {
    const auto ids = parrot_prompt_ids(tokenizer, messages);
    REQUIRE(!ids);
    return ids.error().message;
  };
  CHECK(message({}) == "[parrot_prompt] expected at least one message, given none.");
  CHECK(message({{"tool", "x"}}) == "[parrot_prompt] expected the role system, user or assistant, given \"tool\".");
  CHECK(message({{"user", "x"}, {"assistant", "y"}}) ==
        "[parrot_prompt] expected the user's message at the end, given one of the role assistant.");
}

}  // namespace lorikeet::test
