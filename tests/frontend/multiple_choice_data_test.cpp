// Tables, data sets and prompt texts against what the published evaluation made of the same files.
#include <nlohmann/json.hpp>

#include "frontend/multiple_choice/base64.h"
#include "frontend/multiple_choice/data_set.h"
#include "frontend/multiple_choice/prompt_text.h"
#include "frontend/multiple_choice/tsv.h"
#include "frontend/parrot_prompt.h"
#include "runtime/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/golden.h"

namespace lorikeet::test {
namespace {

using namespace multiple_choice;
using Json = nlohmann::json;

Json json_of(std::string_view name) {
  auto text = read_text(golden(name));
  REQUIRE(text.ok());
  return Json::parse(*text);
}

template <class T>
T value_of(Result<T> result) {
  INFO((result ? std::string() : result.error().message));
  REQUIRE(result.ok());
  return *std::move(result);
}

// MMMB, or the file of one language: "MMMB_ar" is mmmb_ar.tsv.
DataSet recorded_data_set(const std::string& name) {
  if (name == "MMMB") return value_of(read_mmmb(golden("parrot/mmmb")));
  return value_of(read_data_set(golden("parrot/mmmb/mmmb_" + name.substr(5) + ".tsv"), name));
}

constexpr std::string_view kHeader = "index\timage\tquestion\tA\tB\tanswer\n";
// 66 bytes: a shorter text would be the index of another question.
const std::string kPicture(88, 'A');

// A file whose rows have `#` for a picture.
std::string file_of(std::string text) {
  for (size_t at = 0; (at = text.find('#', at)) != text.npos; at += kPicture.size()) text.replace(at, 1, kPicture);
  return std::string(kHeader) + text;
}

std::string refusal(const std::string& text) {
  const auto parsed = parse_data_set(text, "x.tsv", "x");
  REQUIRE(!parsed);
  return parsed.error().message;
}

}  // namespace

TEST_CASE("tables have the values that pandas reads") {
  size_t refused = 0;
  for (const Json& recorded : json_of("tsv/tables.json")) {
    INFO(recorded.dump());
    const auto table = read_tsv(recorded.at("text").get<std::string>(), "x.tsv");
    if (recorded.at("table").is_null()) {
      CHECK(!table);
      ++refused;
      continue;
    }
    const Json& expected = recorded.at("table");
    REQUIRE(table.ok());
    CHECK(Json(table->columns) == expected.at("columns"));
    Json rows = Json::array();
    for (const auto& row : table->rows) {
      Json& cells = rows.emplace_back(Json::array());
      for (const Cell& cell : row) cells.push_back(cell ? Json(*cell) : Json());
    }
    CHECK(rows == expected.at("rows"));
  }
  CHECK(refused == 4);
}

TEST_CASE("cells of several megabytes are read") {
  const std::string big(5'000'000, 'x');
  const Table table = value_of(read_tsv("a\tb\n" + big + "\t\"" + big + "\n\"\n", "x.tsv"));
  REQUIRE(table.rows.size() == 1);
  CHECK(table.rows[0][0] == big);
  CHECK(table.rows[0][1] == big + "\n");
}

TEST_CASE("base64 is decoded, and refused where it is broken") {
  const auto text = [](std::string_view base64) -> std::optional<std::string> {
    const auto bytes = decode_base64(base64);
    if (!bytes) return std::nullopt;
    return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  };
  CHECK(text("") == "");
  CHECK(text("Zg==") == "f");
  CHECK(text("Zm8=") == "fo");
  CHECK(text("Zm9v") == "foo");
  CHECK(text("Zm9v\r\nYmFy") == "foobar");
  CHECK(text("+/+/") == "\xFB\xFF\xBF");
  for (const char* broken :
       {"Z", "Zg", "Zg=", "Zm9vY", "Zg==Zg==", "Z===", "====", "Zm9-", "Zm9_", "Zm9\xC3\xA9", "=Zm9"})
    CHECK(text(broken) == std::nullopt);
}

TEST_CASE("prompts of MMMB are the recorded ones, in every language and in the aggregate") {
  const auto tokenizer_json = read_text(golden("parrot/tokenizer.json"));
  REQUIRE(tokenizer_json.ok());
  const Tokenizer tokenizer = value_of(Tokenizer::from_json({.tokenizer_json = *tokenizer_json}));
  std::map<std::string, DataSet> sets;
  std::map<std::string, size_t> done;
  for (const Json& recorded : json_of("parrot/mmmb/prompts.json")) {
    const std::string name = recorded.at("dataset");
    if (!sets.contains(name)) sets.emplace(name, recorded_data_set(name));
    const Question& question = sets.at(name).questions.at(done[name]++);
    const std::string text = prompt_text(question, name);
    CHECK(question.index == recorded.at("index").get<int64_t>());
    CHECK(question.part ==
          (recorded.at("sub_dataset").is_null() ? name : recorded.at("sub_dataset").get<std::string>()));
    CHECK(text == recorded.at("prompt").get<std::string>());
    CHECK(picture_question(text) == recorded.at("query").get<std::string>());
    const std::vector<ChatMessage> messages = {{"user", picture_question(text)}};
    CHECK(value_of(parrot_prompt_ids(tokenizer, messages)) == recorded.at("input_ids").get<std::vector<int32_t>>());
  }
  CHECK(done == std::map<std::string, size_t>{{"MMMB", 24},
                                              {"MMMB_ar", 4},
                                              {"MMMB_cn", 4},
                                              {"MMMB_en", 4},
                                              {"MMMB_pt", 4},
                                              {"MMMB_ru", 4},
                                              {"MMMB_tr", 4}});
}

TEST_CASE("a question has what its row says") {
  const DataSet set = recorded_data_set("MMMB_en");
  REQUIRE(set.questions.size() == 4);
  const Question& missing = set.questions[2];
  CHECK(missing.text == "What is missing in the picture?");
  CHECK(missing.options.size() == 2);  // A reads None
  CHECK(missing.options[0].letter == 'B');
  CHECK(missing.options[0].text == "A cat");
  CHECK(missing.answer == 'B');
  CHECK(missing.category == "scene");
  CHECK(missing.l2_category == "perception");
  CHECK(missing.split == "test");
  CHECK(!missing.hint);
  CHECK(set.questions[1].hint == "Look at the top of the house.");
  CHECK(set.questions[1].picture == set.questions[0].picture);  // by its index
  const std::vector<size_t> sizes = {10743, 10743, 8814, 7153};
  for (size_t i = 0; i < sizes.size(); ++i) CHECK(set.questions[i].picture->size() == sizes[i]);
}

TEST_CASE("the name of the data set and Chinese characters decide about the language of the request") {
  const auto request = [](std::string_view name, std::string text) {
    const std::string prompt = prompt_text({.text = std::move(text), .options = {{'A', "1"}}}, name);
    return prompt.substr(prompt.rfind('\n') + 1);
  };
  CHECK(request("MMMB_cn", "?").starts_with("请"));
  CHECK(request("mmbench_dev_ru", "?").starts_with("Ответьте"));
  CHECK(request("MMMB_pt", "一").starts_with("请"));
  CHECK(request("x", "\u9FFF").starts_with("请"));
  CHECK(request("x", "\u3042\uFF1F\uA000").starts_with("Answer"));  // kana, punctuation and Yi are not
  CHECK(request("", "?").starts_with("Answer"));
  CHECK(prompt_text({.text = "Why?"}, "x") == "Why?\nAnswer the question using a single word or phrase.");
}

TEST_CASE("pictures are found by index") {
  const DataSet set = value_of(
      parse_data_set(file_of("5\t7\tq\t1\t2\tA\n7\t#\tq\t1\t2\tB\n8\t5\tq\t1\t2\tB\n9\t\tq\t1\t2\tB\n"), "x.tsv", "x"));
  REQUIRE(set.questions.size() == 3);  // the last one has no picture
  CHECK(set.questions[0].picture == set.questions[1].picture);
  CHECK(set.questions[2].picture == set.questions[1].picture);  // the index of an index that came before
  CHECK(set.questions[0].split == "none");
}

TEST_CASE("a file that is no data set is refused with a sentence") {
  CHECK(refusal("") == "[mmmb] x.tsv: expected a header row, given an empty file.");
  CHECK(refusal("index\timage\tquestion\tA\tB\n") ==
        "[mmmb] x.tsv: expected a column answer, given index, image, question, A, B.");
  CHECK(refusal(file_of("")) == "[mmmb] x.tsv: expected at least one question with a picture, given none.");
  CHECK(refusal(file_of("1\t#\tq\t1\t2\tA\t3\n")) ==
        "[mmmb] x.tsv line 2: expected at most 6 cells as in the header row, given 7.");
  CHECK(refusal(file_of("1\t#\t\"q\t1\t2\tA\n")) ==
        "[mmmb] x.tsv line 2: expected a closing quote in this row, given the end of the file.");
  CHECK(refusal(file_of("1\t#\t\xFF\t1\t2\tA\n")) == "[mmmb] x.tsv: expected text in UTF-8, given other bytes.");
  CHECK(refusal(file_of("1\t#\tq\t1\t2\tA\n1\t#\tq\t1\t2\tA\n")) ==
        "[mmmb] x.tsv: expected every index once, given 1 twice.");
  for (const std::string index : {"", "x", "1.5", "-1"})
    CHECK(refusal(file_of(index + "\t#\tq\t1\t2\tA\n")) ==
          "[mmmb] x.tsv: expected a whole number from 0 on as the index of each question, given \"" + index + "\".");
  CHECK(refusal(file_of("1\t#\tNA\t1\t2\tA\n")) ==
        "[mmmb] x.tsv question 1: expected a text in the column question, given none.");
  for (const std::string answer : {"", "a", "C", "AB", "1"})
    CHECK(refusal(file_of("1\t#\tq\t1\t2\t" + answer + "\n")) ==
          "[mmmb] x.tsv question 1: expected the letter of an option as the answer, given \"" + answer + "\".");
  CHECK(refusal(file_of("1\t#!\tq\t1\t2\tA\n")) ==
        "[mmmb] x.tsv question 1: expected a picture in base64, given other characters or wrong padding.");
  CHECK(refusal(file_of("1\t2\tq\t1\t2\tA\n")) ==
        "[mmmb] x.tsv question 1: expected a picture in base64 or the index of a question that has one, given \"2\".");
  CHECK(
      refusal(file_of("1\t2\tq\t1\t2\tA\n2\t3\tq\t1\t2\tA\n3\t#\tq\t1\t2\tA\n")) ==
      "[mmmb] x.tsv question 1: expected the index of a question that has a picture, given 2, which has only an index "
      "itself.");
  CHECK(
      refusal(file_of("1\t1\tq\t1\t2\tA\n")) ==
      "[mmmb] x.tsv question 1: expected the index of a question that has a picture, given 1, which has only an index "
      "itself.");
  const auto missing = read_mmmb("/nowhere");
  REQUIRE(!missing);
  CHECK(missing.error().message.find("mmmb_ar.tsv") != std::string::npos);
}

}  // namespace lorikeet::test
