// Letters, accuracies, reports and answer files against the recorded results of the published evaluation.
#include <nlohmann/json.hpp>

#include "frontend/multiple_choice/answer_file.h"
#include "frontend/multiple_choice/answer_letter.h"
#include "frontend/multiple_choice/prompt_text.h"
#include "frontend/multiple_choice/report.h"
#include "runtime/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/golden.h"
#include "tests/support/temporary.h"

namespace lorikeet::test {
namespace {

using namespace multiple_choice;
using Json = nlohmann::json;

template <class T>
T value_of(Result<T> result) {
  INFO((result ? std::string() : result.error().message));
  REQUIRE(result.ok());
  return *std::move(result);
}

Json json_of(std::string_view name) { return Json::parse(value_of(read_text(golden(name)))); }

DataSet recorded_data_set(const std::string& name, const std::string& file) {
  return value_of(read_data_set(golden("parrot/mmmb/" + file), name));
}

Question question_with(const Json& options) {
  Question question{.text = "?"};
  for (const auto& [letter, text] : options.items()) question.options.push_back({letter[0], text});
  return question;
}

// As the published evaluation writes accuracies: all names in one object.
Json flat(const Score& score) {
  Json all = {{"split", score.split}, {"Overall", score.overall.value()}};
  for (const auto& [name, accuracy] : score.l2_categories) all[name] = accuracy.value();
  for (const auto& [name, accuracy] : score.categories) all[name] = accuracy.value();
  return all;
}

DataSet two_questions() {
  DataSet set{.name = "x"};
  for (const int64_t index : {3, 5})
    set.questions.push_back({.index = index, .part = "x", .text = "?", .options = {{'A', "yes"}, {'B', "no"}}});
  return set;
}

}  // namespace

TEST_CASE("answers name the recorded letters") {
  const Json cases = json_of("parrot/mmmb/scoring_cases.json");
  REQUIRE(cases.size() == 50);
  for (const Json& recorded : cases) {
    INFO(recorded.dump());
    const std::string answer = recorded.at("model_answer");
    const std::string set = recorded.at("query_suffix_language") == "ru" ? "MMMB_ru" : "x";
    Question question = question_with(recorded.at("options"));
    // Options in Chinese would ask for it in Chinese.
    const std::string prompt = set == "x" ? std::string(kEnglishRequest) : prompt_text(question, set);
    const std::string trimmed = trimmed_answer(answer, prompt);
    CHECK(trimmed == recorded.at("post_processed").get<std::string>());
    const auto letter = [](const Json& json) {
      return json.is_null() ? std::nullopt : std::optional(json.get<std::string>()[0]);
    };
    CHECK(named_letter(trimmed, question.options) == letter(recorded.at("letter_from_post_processed")));
    CHECK(named_letter(answer, question.options) == letter(recorded.at("letter_from_raw_answer")));
    CHECK(named_letter(trimmed, question.options).value_or(kNoLetter) ==
          recorded.at("exact_matching_option").get<std::string>()[0]);
  }
}

TEST_CASE("answers of a model to MMMB name the recorded letters") {
  const Json answers = json_of("parrot/mmmb/generated.json");
  REQUIRE(answers.size() == 23);
  for (const Json& recorded : answers) {
    INFO(recorded.dump());
    const std::string name = recorded.at("dataset");
    const DataSet set = recorded_data_set(name, "mmmb_" + name.substr(5) + ".tsv");
    const Question& question = set.questions.at(recorded.at("index").get<size_t>());
    const Json& letter = recorded.at("extracted");
    CHECK(answer_letter(question, name, recorded.at("answer").get<std::string>()) ==
          (letter.is_null() ? kNoLetter : letter.get<std::string>()[0]));
  }
}

TEST_CASE("answers are trimmed by the rules for Python's texts") {
  const auto trimmed = [](std::string_view answer) { return trimmed_answer(answer, kEnglishRequest); };
  CHECK(trimmed(" \n(B)\t") == "B");
  CHECK(trimmed("...") == "");
  CHECK(trimmed("The ANSWER IS: option c") == "c");
  CHECK(trimmed("answer: x, answer is y") == "y");  // the order of the prefixes, not of the text
  CHECK(trimmed("İİ answer is xyz") == "yz");       // each has two characters in lower case
  CHECK(trimmed("answer is") == "");
  CHECK(trimmed("\u3000A b") == "\u3000A b");  // white space is that of ASCII
  CHECK(trimmed_answer(" A. \n", "?") == "A.");
}

TEST_CASE("answers are matched by the rules for Python's texts") {
  const std::vector<Option> options = {{'A', "Cat"}, {'B', "dog "}};
  CHECK(named_letter("I say\u3000B", options) == 'B');  // white space is that of Unicode
  CHECK(named_letter("Z", options) == 'Z');
  CHECK(named_letter("A Z", options) == 'A');
  CHECK(named_letter("CAT", options) == 'A');
  CHECK(named_letter("dog", options) == std::nullopt);  // the option ends with a space
  CHECK(named_letter("Z", std::vector<Option>{{'Z', "x"}, {'A', "y"}}) == 'Z');
  CHECK(named_letter("Failed to obtain answer via API A", options) == std::nullopt);
  CHECK(named_letter("Failed to obtain answer via API for a cat", options) == 'A');
  CHECK(named_letter("I can't process this file. A", options) == 'Z');
  CHECK(named_letter("", {}) == std::nullopt);
  const std::vector<Option> greek = {{'A', "ΟΔΟΣ"}};
  CHECK(named_letter("οδο\u03C3", greek) == std::nullopt);  // the lower case ends with a final sigma
  CHECK(named_letter("οδο\u03C2", greek) == 'A');
}

TEST_CASE("the accuracies of MMMB are the recorded ones") {
  const Json all = json_of("parrot/mmmb/evaluation.json");
  REQUIRE(all.size() == 6);
  Answers together;
  for (const auto& [name, recorded] : all.items()) {
    INFO(name);
    const DataSet set = recorded_data_set(name, "mmmb_" + name.substr(5) + ".tsv");
    Answers answers;
    for (size_t i = 0; i < set.questions.size(); ++i) {
      const Question& question = set.questions[i];
      const std::string answer = recorded.at("predictions").at(i);
      answers[question.index] = together[int64_t(together.size())] = answer;
      CHECK((answer_letter(question, name, answer) == question.answer) == (recorded.at("hits").at(i) == 1));
    }
    const Evaluation evaluation = value_of(evaluate(set, answers));
    REQUIRE(evaluation.scores.size() == 1);
    CHECK(flat(evaluation.scores[0]) == recorded.at("accuracy"));
  }
  // The same through the aggregate, whose parts come in the same order. Its request in English has "A, B" trimmed to A,
  // which makes one more of the Turkish answers right.
  const Evaluation evaluation = value_of(evaluate(value_of(read_mmmb(golden("parrot/mmmb"))), together));
  REQUIRE(evaluation.scores.size() == 6);
  for (const Score& score : evaluation.scores) {
    INFO(score.part);
    const double more = score.part == "MMMB_tr" ? 0.25 : 0;
    CHECK(score.overall.value() == all.at(score.part).at("accuracy").at("Overall").get<double>() + more);
    if (more == 0) CHECK(flat(score) == all.at(score.part).at("accuracy"));
  }
}

TEST_CASE("circular accuracy is the recorded one") {
  const Json recorded = json_of("parrot/mmmb/circular.json");
  DataSet set = recorded_data_set("MMBench_dev_en", "mmbench_dev_en.tsv");
  Answers answers;
  for (const Json& row : recorded.at("rows")) answers[row.at("index")] = row.at("prediction");
  const Evaluation evaluation = value_of(evaluate(set, answers));
  REQUIRE(evaluation.scores.size() == 1);
  CHECK(flat(evaluation.scores[0]) == recorded.at("circular_accuracy"));
  CHECK(evaluation.scores[0].vanilla.value() == recorded.at("vanilla_accuracy"));
  CHECK(evaluation.scores[0].overall.of == 4);
  CHECK(report_table(evaluation.scores).find("vanilla") != std::string::npos);
  for (Question& question : set.questions) {
    const Json& row = recorded.at("rows").at(size_t(&question - set.questions.data()));
    CHECK((answer_letter(question, set.name, row.at("prediction").get<std::string>()) == question.answer) ==
          (row.at("row_hit") == 1));
    question.part = "MMMB_en";  // a name that does not ask for it
  }
  CHECK(value_of(evaluate(set, answers)).scores[0].overall.value() == recorded.at("vanilla_accuracy"));
  CHECK(is_circular("CCBench"));
  CHECK(!is_circular("MMMB_en"));
}

TEST_CASE("questions without an answer do not count") {
  const DataSet set = two_questions();
  const Evaluation evaluation = value_of(evaluate(set, {{5, "yes"}}));
  CHECK(evaluation.questions == 2);
  CHECK(evaluation.answered == 1);
  CHECK(evaluation.scores[0].overall.of == 1);
  const auto none = evaluate(set, {});
  REQUIRE(!none);
  CHECK(none.error().message == "[mmmb] x: expected an answer to at least one question, given none.");
}

TEST_CASE("a report has a column for each part and a row for each category") {
  DataSet set;
  set.name = "S";
  const auto add = [&](const char* part, const char* category, char answer) {
    set.questions.push_back({.index = int64_t(set.questions.size()),
                             .part = part,
                             .text = "?",
                             .options = {{'A', "x"}, {'B', "y"}},
                             .answer = answer,
                             .category = category,
                             .l2_category = "all",
                             .split = "test"});
  };
  add("S_en", "cor", 'A');
  add("S_en", "cor", 'B');
  add("S_en", "forma é", 'A');
  add("S_ru", "cor", 'A');
  const Evaluation evaluation = value_of(evaluate(set, {{0, "A"}, {1, "A"}, {2, "A"}, {3, "A"}}));
  CHECK(report_table(evaluation.scores) ==
        "           S_en    S_ru\n"
        "overall   66.67  100.00\n"
        "all       66.67  100.00\n"
        "cor       50.00  100.00\n"
        "forma é  100.00       -\n");
  const Json report = report_json(evaluation, "m");
  CHECK(report.at("data_set") == "S");
  CHECK(report.at("model") == "m");
  CHECK(report.at("answered") == 4);
  const Json& score = report.at("scores").at(0);
  CHECK(score.at("part") == "S_en");
  CHECK(score.at("split") == "test");
  CHECK(score.at("questions") == 3);
  CHECK(score.at("overall") == 2.0 / 3);
  CHECK(score.at("vanilla") == 2.0 / 3);
  CHECK(score.at("l2_categories") == Json{{"all", 2.0 / 3}});
  CHECK(score.at("categories") == Json{{"cor", 0.5}, {"forma é", 1.0}});
}

TEST_CASE("a stopped run goes on where it was") {
  const TemporaryFolder folder;
  const auto path = folder / "answers.jsonl";
  const DataSet set = two_questions();
  {
    AnswerFile file = value_of(AnswerFile::open(path, set, "m"));
    REQUIRE(unanswered(set, file.answers()).size() == 2);
    REQUIRE(file.add(3, "A\n\"é\" \xFF"));
  }
  const std::string whole = value_of(read_text(path));
  CHECK(whole == "{\"data_set\":\"x\",\"model\":\"m\"}\n{\"index\":3,\"answer\":\"A\\n\\\"é\\\" \uFFFD\"}\n");
  for (const std::string torn : {"", "{\"index\":5,\"ans", "{\"index\":5,\"answer\":\"B\"}"}) {
    folder.write("answers.jsonl", whole + torn);
    AnswerFile file = value_of(AnswerFile::open(path, set, "m"));
    REQUIRE(unanswered(set, file.answers()).size() == 1);
    CHECK(unanswered(set, file.answers())[0]->index == 5);
    REQUIRE(file.add(5, "no"));
    CHECK(unanswered(set, file.answers()).empty());
    CHECK(value_of(read_text(path)) == whole + "{\"index\":5,\"answer\":\"no\"}\n");
    const AnswerFile again = value_of(AnswerFile::open(path, set, "m"));
    CHECK(again.answers() == Answers{{3, "A\n\"é\" \uFFFD"}, {5, "no"}});
  }
  folder.write("answers.jsonl", "{\"data_s");  // stopped within the first line
  CHECK(value_of(AnswerFile::open(path, set, "m")).answers().empty());
  CHECK(value_of(read_text(path)) == "{\"data_set\":\"x\",\"model\":\"m\"}\n");
}

TEST_CASE("an answer file that does not belong here is refused with a sentence") {
  const DataSet set = two_questions();
  const auto refusal = [&](const std::string& lines) {
    const auto answers = parse_answers(lines, "a.jsonl", set, "m");
    REQUIRE(!answers);
    return answers.error().message;
  };
  const std::string head = "{\"data_set\":\"x\",\"model\":\"m\"}\n";
  CHECK(refusal("{\"data_set\":\"y\",\"model\":\"m\"}\n") ==
        "[mmmb] a.jsonl line 1: expected answers to the data set x, given those to y.");
  CHECK(refusal("{\"data_set\":\"x\",\"model\":\"n\"}\n") ==
        "[mmmb] a.jsonl line 1: expected answers of the model m, given those of n.");
  CHECK(refusal("{}\n") == "[mmmb] a.jsonl line 1: expected answers to the data set x, given those to .");
  CHECK(refusal(head + "{\"index\"\n") == "[mmmb] a.jsonl line 2 is not valid JSON.");
  CHECK(refusal(head + "[]\n") == "[mmmb] a.jsonl line 2 must hold a JSON object.");
  for (const char* line : {"{}", "{\"index\":3}", "{\"index\":3.5,\"answer\":\"A\"}", "{\"index\":3,\"answer\":1}"})
    CHECK(refusal(head + line + "\n") ==
          "[mmmb] a.jsonl line 2: expected a whole number index and a text answer, given another form.");
  CHECK(refusal(head + "{\"index\":4,\"answer\":\"A\"}\n") ==
        "[mmmb] a.jsonl line 2: expected the index of a question of x, given 4.");
  const TemporaryFolder folder;
  const auto nowhere = AnswerFile::open(folder / "no/answers.jsonl", set, "m");
  REQUIRE(!nowhere);
  CHECK(nowhere.error().message.find("[mmmb] cannot open ") == 0);
}

}  // namespace lorikeet::test
