// Questions of the evaluation tasks: prompts, token ids and labels against those recorded from the published
// evaluation; every form of file; every bad record with its sentence.
#include "frontend/tasks/question_set.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "frontend/dataset/dataset.h"
#include "frontend/tasks/report.h"
#include "frontend/tasks/scored_prompt.h"
#include "tests/support/golden_tokenizers.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"

namespace lorikeet::test {
namespace {

using namespace tasks;
using nlohmann::json;
using Ids = std::vector<int32_t>;

template <class T>
T good(Result<T> result) {
  INFO((result ? std::string() : result.error().message));
  REQUIRE(result.ok());
  return *std::move(result);
}

json recorded() { return json::parse(golden_text("dynmole/eval.json")); }

const Task& task_of(std::string_view name) {
  const Task* task = find_task(name);
  REQUIRE(task);
  return *task;
}

// The recorded items of a task as a file: JSON Lines, or one array.
std::string file_of(const json& task, bool array) {
  json items = json::array();
  std::string lines;
  for (const json& item : task.at("items")) {
    items.push_back(item.at("item"));
    lines += item.at("item").dump() + "\n";
  }
  return array ? items.dump(1) : lines;
}

QuestionSet read(std::string_view task, const std::string& text, PromptTemplate prompt = PromptTemplate::plain) {
  return good(parse_questions(task_of(task), text, "a.jsonl", prompt));
}

std::string failure(std::string_view task, const std::string& text) {
  const auto set = parse_questions(task_of(task), text, "a.jsonl");
  INFO(text);
  REQUIRE(!set);
  return set.error().message;
}

// What is wrong with the only record.
std::string bad(std::string_view task, const std::string& record) {
  const std::string message = failure(task, record), begin = "[tasks] a.jsonl line 1: expected ";
  INFO(message);
  REQUIRE(message.starts_with(begin));
  return message.substr(begin.size());
}

constexpr const char* kOwn =
    R"({"instruction": "Choose: the river?\n\nAnswer1: cold Answer2: wood\n\nAnswer format: answer1/answer2", )"
    R"("input": "", "output": "the correct answer is answer2", "answer": "answer2"})";

}  // namespace

TEST_CASE("tasks: prompts, ids and labels are the published ones") {
  const Tokenizer tokenizer = dynmole_tokenizer();
  const json all = recorded();
  REQUIRE(all.size() == all_tasks().size());
  for (const Task& task : all_tasks()) {
    INFO(task.name);
    const json& expected = all.at(std::string(task.name));
    CHECK(std::vector<std::string>(task.labels.begin(), task.labels.end()) ==
          expected.at("labels").get<std::vector<std::string>>());
    for (const bool array : {false, true}) {
      const QuestionSet set = read(task.name, file_of(expected, array));
      REQUIRE(set.questions.size() == 3);
      for (size_t i = 0; i < 3; ++i) {
        const json& item = expected.at("items")[i];
        const Question& question = set.questions[i];
        CHECK(question.prompt == item.at("prompt"));
        CHECK(question.train_prompt == item.at("train_prompt"));
        CHECK(question.right == item.at("gold_label_index"));
        CHECK(question.answers[question.right] == " " + item.at("gold_label").get<std::string>());
        CHECK_FALSE(question.own_prompt);
        const ScoredPrompt scored = good(scored_prompt(tokenizer, question, 512));
        CHECK(scored.tokens == item.at("input_ids").get<Ids>());
        CHECK(scored.labels == expected.at("label_token_ids").get<Ids>());
        CHECK_FALSE(scored.truncated);
        // The recorded logits of the labels give the recorded choice.
        std::vector<float> logits(512, 100.0f);
        for (size_t label = 0; label < scored.labels.size(); ++label)
          logits[size_t(scored.labels[label])] = item.at("label_logits")[label];
        CHECK(predicted(scored.labels, logits) == item.at("predicted_index"));
      }
    }
  }
}

TEST_CASE("tasks: questions can be trained on") {
  const json all = recorded();
  for (const Task& task : all_tasks()) {
    const QuestionSet set = read(task.name, file_of(all.at(std::string(task.name)), false));
    const std::vector<ExampleRecord> records = training_records(set);
    REQUIRE(records.size() == 3);
    const Tokenizer tokenizer = dynmole_tokenizer();
    const Dataset dataset = good(Dataset::make(records, set.file, tokenizer,
                                               {.encoding = {.labels = LabelRule::published, .answers_only = true}}));
    for (size_t i = 0; i < 3; ++i) {
      CHECK(tokenizer.decode(dataset[i].tokens, {.skip_special = true}) == set.questions[i].train_prompt);
      Ids learnt;
      for (const int32_t label : dataset[i].labels)
        if (label != kNoLabel) learnt.push_back(label);
      CHECK(tokenizer.decode(learnt) == set.questions[i].answers[set.questions[i].right]);
    }
  }
}

TEST_CASE("tasks: a prompt that is too long is cut at its end; the first of the largest logits counts") {
  const Tokenizer tokenizer = dynmole_tokenizer();
  const Question question = read("boolq", R"({"question": "is the river cold", "answer": true})").questions[0];
  const Ids whole = good(scored_prompt(tokenizer, question, 512)).tokens;
  const ScoredPrompt cut = good(scored_prompt(tokenizer, question, 10));
  CHECK(cut.truncated);
  CHECK(cut.tokens == Ids(whole.begin(), whole.begin() + 10));
  CHECK_FALSE(good(scored_prompt(tokenizer, question, int64_t(whole.size()))).truncated);
  const auto none = scored_prompt(tokenizer, question, 1);
  REQUIRE(!none);
  CHECK(none.error().message == "[tasks] expected prompts of at least 2 tokens, given 1.");

  const std::vector<float> logits = {NAN, 1, 3, 3, -INFINITY};
  CHECK(predicted(Ids{1, 2, 3}, logits) == 1);
  CHECK(predicted(Ids{0, 4, 1}, logits) == 2);
  CHECK(predicted(Ids{0, 4}, logits) == 0);
}

TEST_CASE("tasks: prompts of a file's own are kept, and end where the answers differ") {
  const Tokenizer tokenizer = dynmole_tokenizer();
  const std::string instruction = "Choose: the river?\n\nAnswer1: cold Answer2: wood\n\nAnswer format: answer1/answer2";
  for (const auto prompt : {PromptTemplate::plain, PromptTemplate::moe_peft, PromptTemplate::alpaca}) {
    const Question question = read("arc-e", kOwn, prompt).questions[0];
    CHECK(question.own_prompt);
    CHECK(question.prompt == instruction_text(prompt, instruction, ""));
    CHECK(question.train_prompt == question.prompt + "the correct answer is answer2");
    CHECK(question.right == 1);
    const ScoredPrompt scored = good(scored_prompt(tokenizer, question, 512));
    REQUIRE(scored.labels.size() == 2);
    CHECK(tokenizer.decode(scored.tokens, {.skip_special = true}) == question.prompt + "the correct answer is answer");
    CHECK(tokenizer.decode({&scored.labels[0], 1}) == "1");
    CHECK(tokenizer.decode({&scored.labels[1], 1}) == "2");
    // Cut behind the first token, so that the end stays.
    const ScoredPrompt cut = good(scored_prompt(tokenizer, question, 8));
    CHECK(cut.truncated);
    CHECK(cut.tokens.size() == 8);
    CHECK(cut.tokens.front() == scored.tokens.front());
    CHECK(std::equal(cut.tokens.begin() + 1, cut.tokens.end(), scored.tokens.end() - 7));
  }
  const Question words =
      read("boolq",
           R"({"instruction": "Is it?\n\nAnswer format: true/false", "output": "the correct answer is false", )"
           R"("answer": "false"})")
          .questions[0];
  const ScoredPrompt scored = good(scored_prompt(tokenizer, words, 512));
  CHECK(tokenizer.decode(scored.tokens, {.skip_special = true}).ends_with("the correct answer is"));
  CHECK(tokenizer.decode({&scored.labels[1], 1}) == " false");

  const Question alike =
      read("boolq", R"({"instruction": "Answer format: answer1/answer10", "output": "answer1", "answer": "answer1"})")
          .questions[0];
  const auto failed = scored_prompt(tokenizer, alike, 512);
  REQUIRE(!failed);
  CHECK(failed.error().message ==
        "[tasks] a.jsonl line 1: expected answers that differ in one token, given \"answer1\" and \"answer10\".");
}

TEST_CASE("tasks: HellaSwag as lines of text has the published prompt") {
  const QuestionSet set = read("hellaswag", "Making tea: A man boils: water. he\r\n2\na.\nb.\nc.\nd.\n\n");
  REQUIRE(set.questions.size() == 1);
  CHECK(set.questions[0].prompt ==
        "Please choose the correct ending to complete the given sentence.\nSentence: Making tea. A man boils: water. "
        "he\n(A) a.\n(B) b.\n(C) c.\n(D) d.\nAnswer:");
  CHECK(set.questions[0].right == 2);
  CHECK(failure("hellaswag", "Making tea: A man\n2\na.\n") ==
        "[tasks] a.jsonl line 1: expected six lines a question, given 3.");
  CHECK(failure("hellaswag", "Making tea\n2\na.\nb.\nc.\nd.\n") ==
        "[tasks] a.jsonl line 1: expected an activity and a colon before the context, given none.");
  CHECK(failure("hellaswag", "A: b\n0\na\nb\nc\nd\nTea: A man\n4\na\nb\nc\nd\n") ==
        "[tasks] a.jsonl line 7: expected a number from 0 to 3 in the field label, given \"4\".");
}

TEST_CASE("tasks: bad records are sentences") {
  const std::string choices = R"("choices": {"label": ["A", "B"], "text": ["a", "b"]})";
  CHECK(bad("arc-e", "{" + choices + "}") == "a text in the field question, given nothing.");
  CHECK(bad("arc-e", R"({"question": "q"})") == "an object in the field choices, given nothing.");
  CHECK(bad("arc-e", R"({"question": "q", "choices": {"label": ["A"], "text": []}})") ==
        "a list of texts in the field text, given a list.");
  CHECK(bad("arc-e", R"({"question": "q", "choices": {"label": ["A"], "text": [3]}})") ==
        "a list of texts in the field text, given other values.");
  CHECK(bad("arc-e", R"({"question": "q", "choices": {"label": ["A"], "text": ["a", "b"]}})") ==
        "as many entries in label as in text, given 1 and 2.");
  CHECK(bad("arc-e", R"({"question": "q", "answerKey": "F", )" + choices + "}") ==
        "one of 1, 2, 3, 4, A, B, C, D, E in the field answerKey, given \"F\".");
  CHECK(bad("obqa", R"({"question_stem": "q", )" + choices + "}") ==
        "one of A, B, C, D in the field answerKey, given nothing.");
  CHECK(bad("boolq", R"({"question": "q", "answer": "true"})") == "true or false in the field answer, given \"true\".");
  CHECK(bad("piqa", R"({"goal": "g", "sol1": "a", "sol2": "b", "label": -1})") ==
        "a number from 0 to 1 in the field label, given -1.");
  CHECK(bad("siqa",
            R"({"context": "c", "question": "q", "answerA": "a", "answerB": "b", "answerC": "c", "label": ""})") ==
        "a number from 1 to 3 in the field label, given \"\".");
  CHECK(bad("siqa", R"({"context": "c", "question": "q", "answerA": "a", "answerB": "b", "label": "1"})") ==
        "a text in the field answerC, given nothing.");
  CHECK(bad("hellaswag", R"({"activity_label": "a", "ctx": "c", "endings": ["a", "b"], "label": "0"})") ==
        "4 endings, given 2.");
  CHECK(bad("winogrande", R"({"sentence": "s", "option1": "a", "option2": "b", "answer": "3"})") ==
        "a number from 1 to 2 in the field answer, given \"3\".");
  CHECK(bad("winogrande", R"({"sentence": "s", "option1": "a", "option2": "b", "answer": 1.5})") ==
        "a number from 1 to 2 in the field answer, given 1.5.");
  const std::string context = R"("context": {"labels": ["L"], "contexts": ["c"]})";
  CHECK(bad("pubmedqa", R"({"question": "q", "final_decision": "perhaps", )" + context + "}") ==
        "one of yes, no, maybe in the field final_decision, given \"perhaps\".");
  CHECK(read("pubmedqa", R"({"question": "q", "final_decision": "yes", )" + context + "}").questions[0].train_prompt ==
        "");

  CHECK(bad("arc-e", R"({"instruction": "i", "output": "o", "answer": "a"})") ==
        "\"Answer format:\" with the possible answers in the field instruction, given none.");
  CHECK(bad("arc-e", R"({"instruction": "Answer format: a/b", "output": "is c", "answer": "c"})") ==
        "one of several possible answers in the field answer, given \"c\".");
  CHECK(bad("arc-e", R"({"instruction": "Answer format: a", "output": "is a", "answer": "a"})") ==
        "one of several possible answers in the field answer, given \"a\".");
  CHECK(bad("arc-e", R"({"instruction": "Answer format: a/b", "output": "is b", "answer": "a"})") ==
        "the answer a at the end of the field output, given another end.");
  CHECK(bad("arc-e", R"({"instruction": "Answer format: a/b", "output": "a"})") ==
        "a text in the field answer, given nothing.");

  CHECK(failure("arc-e", "") == "[tasks] a.jsonl: expected at least one question, given none.");
  CHECK(failure("arc-e", "nonsense") == "[tasks] a.jsonl line 1 is not valid JSON.");
  CHECK(failure("hellaswag", "") == "[tasks] a.jsonl: expected at least one question, given none.");
  const auto chat = parse_questions(task_of("arc-e"), kOwn, "a.jsonl", PromptTemplate::chat);
  REQUIRE(!chat);
  CHECK(chat.error().code == ErrorCode::invalid_argument);
  CHECK(!find_task("mmlu"));
}

TEST_CASE("tasks: files are found by the task's names and the splits") {
  const TemporaryFolder folder;
  const Task& boolq = task_of("boolq");
  CHECK(!find_file(boolq, folder.path()));
  std::filesystem::create_directories(folder / "boolq");
  folder.write("boolq/test.json", "[]");
  CHECK(find_file(boolq, folder.path()) == folder / "boolq" / "test.json");
  folder.write("boolq/validation.jsonl", "");
  CHECK(find_file(boolq, folder.path()) == folder / "boolq" / "validation.jsonl");
  folder.write("boolq.jsonl", "");
  CHECK(find_file(boolq, folder.path()) == folder / "boolq.jsonl");
  CHECK(file_names(boolq) ==
        "boolq.json, boolq.jsonl, boolq/validation.json, boolq/validation.jsonl, boolq/test.json, boolq/test.jsonl");
  const auto missing = read_questions(boolq, folder / "none.json");
  REQUIRE(!missing);
  CHECK(missing.error().message.find("none.json") != std::string::npos);
}

TEST_CASE("tasks: accuracies and their intervals") {
  // Wilson's interval: 8 of 10 gives 0.4902 to 0.9433, 0 of 10 gives 0 to 0.2775 (Newcombe 1998 has more).
  const Interval eight = tasks::Accuracy{8, 10}.interval();
  CHECK(std::abs(eight.low - 0.4902) < 1e-4);
  CHECK(std::abs(eight.high - 0.9433) < 1e-4);
  const Interval none = tasks::Accuracy{0, 10}.interval();
  CHECK(none.low == 0);
  CHECK(std::abs(none.high - 0.2775) < 1e-4);
  const Interval large = tasks::Accuracy{81, 263}.interval();
  CHECK(std::abs(large.low - 0.2553) < 1e-4);
  CHECK(std::abs(large.high - 0.3662) < 1e-4);
  CHECK(tasks::Accuracy{3, 3}.interval().high == 1);
  CHECK(tasks::Accuracy{}.interval().high == 1);
  CHECK(tasks::Accuracy{}.value() == 0);

  const std::vector<TaskResult> results = {{.task = "arc-e", .file = "f", .accuracy = {8, 10}, .truncated = 1},
                                           {.task = "winogrande", .accuracy = {1, 2}}};
  CHECK(report_table(results) ==
        "task        questions  accuracy  95 % interval\n"
        "arc-e              10     80.00  49.02 to 94.33\n"
        "winogrande          2     50.00  9.45 to 90.55\n"
        "mean                      65.00\n");
  CHECK(report_table(std::span(results).first(1)).find("mean") == std::string::npos);
  const auto report = report_json(results[0]);
  CHECK(report.at("accuracy") == 0.8);
  CHECK(report.at("truncated") == 1);
}

TEST_CASE("tasks: the public sets of questions at hand can be read") {
  const auto goldens = shared_golden("dynmole");
  if (!goldens) LK_SKIP(no_shared_goldens, "data/commonsense");
  const auto folder = goldens->parent_path().parent_path() / "data" / "commonsense";
  if (!std::filesystem::exists(folder)) LK_SKIP(no_shared_goldens, "data/commonsense");
  const Tokenizer tokenizer = dynmole_tokenizer();
  const std::pair<const char*, size_t> sizes[] = {{"arc-e", 2376},      {"arc-c", 1172},     {"boolq", 3270},
                                                  {"obqa", 500},        {"piqa", 1838},      {"siqa", 1954},
                                                  {"winogrande", 1267}, {"hellaswag", 10042}};
  for (const auto& [name, size] : sizes) {
    INFO(name);
    const auto file = find_file(task_of(name), folder);
    REQUIRE(file);
    const QuestionSet set = good(read_questions(task_of(name), *file));
    CHECK(set.questions.size() == size);
    for (size_t i = 0; i < set.questions.size(); i += 97) {
      const ScoredPrompt scored = good(scored_prompt(tokenizer, set.questions[i], 1 << 20));
      CHECK(scored.labels.size() == set.questions[i].answers.size());
      CHECK(set.questions[i].own_prompt == (std::string_view(name) != "hellaswag"));
    }
  }
}

}  // namespace lorikeet::test
