// lorikeet eval tasks from the folder of questions to the table, and what it refuses.
#include <cmath>
#include <nlohmann/json.hpp>

#include "runtime/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"
#include "tests/support/tiny_model.h"
#include "tests/tools/program.h"

using namespace lorikeet;
using nlohmann::json;
using test::failure;

namespace {

// A folder with the recorded questions of two tasks, and one with a prompt of its own.
void write_questions(const test::TemporaryFolder& folder) {
  const auto text = read_text(test::golden("dynmole/eval.json"));
  REQUIRE(text.ok());
  const json recorded = json::parse(*text);
  for (const char* task : {"arc-e", "boolq"}) {
    std::string lines;
    for (const json& item : recorded.at(task).at("items")) lines += item.at("item").dump() + "\n";
    folder.write(std::string(task) + ".jsonl", lines);
  }
  std::filesystem::create_directories(folder / "piqa");
  folder.write("piqa/test.json", R"([{"instruction": "Which?\n\nAnswer format: solution1/solution2", "input": "",)"
                                 R"( "output": "the correct answer is solution1", "answer": "solution1"}])");
}

// A model with one token a byte.
std::string model() {
  const auto path = test::write_tiny_model("lorikeet-tiny-tasks", {.vocabulary = test::kTinyTokens});
  test::write_tiny_tokenizer(path);
  return path.string();
}

test::Outcome eval(const std::string& model, const std::string& folder, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"eval", "tasks", "-m", model, folder};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return test::lorikeet(arguments);
}

}  // namespace

TEST_CASE("eval tasks: a table, JSON, and the tasks that were asked for") {
  if (!test::test_device()) LK_SKIP(no_device, "eval tasks");
  const test::TemporaryFolder folder;
  write_questions(folder);
  const std::string path = model();
  const auto all = eval(path, folder.path().string());
  INFO(all.err);
  REQUIRE(all.status == 0);
  for (const char* part : {"task        questions  accuracy  95 % interval\narc-e ", "\nboolq ", "\npiqa ", "\nmean "})
    CHECK(all.out.find(part) != std::string::npos);
  CHECK(all.err.find("device: ") != std::string::npos);

  const auto two = eval(path, folder.path().string(), {"--tasks", "boolq,arc-e", "--json", "--parallel", "2"});
  INFO(two.err);
  REQUIRE(two.status == 0);
  const json report = json::parse(two.out);
  REQUIRE(report.at("tasks").size() == 2);
  CHECK(report.at("tasks")[0].at("task") == "arc-e");
  CHECK(report.at("tasks")[1].at("task") == "boolq");
  CHECK(report.at("tasks")[1].at("questions") == 3);
  CHECK(report.at("max_tokens") == 512);
  double sum = 0;
  for (const json& task : report.at("tasks")) {
    CHECK(task.at("low") <= task.at("accuracy"));
    CHECK(task.at("accuracy") <= task.at("high"));
    sum += task.at("accuracy").get<double>();
  }
  CHECK(std::abs(report.at("mean_accuracy").get<double>() - sum / 2) < 1e-12);

  const auto few =
      eval(path, folder.path().string(),
           {"--tasks", "arc-e,piqa", "--limit", "2", "--max-tokens", "40", "--json", "--prompt", "alpaca"});
  REQUIRE(few.status == 0);
  const json short_report = json::parse(few.out);
  CHECK(short_report.at("tasks")[0].at("questions") == 2);
  CHECK(short_report.at("tasks")[0].at("truncated") == 2);
  CHECK(short_report.at("tasks")[1].at("questions") == 1);
  CHECK(few.err.find("arc-e: 2 prompts were cut to 40 tokens.") != std::string::npos);
}

TEST_CASE("eval tasks: with an adapter the recorded accuracies") {
  if (!test::test_device()) LK_SKIP(no_device, "eval tasks");
  const auto dynmole = test::shared_golden("dynmole");
  if (!dynmole) LK_SKIP(no_shared_goldens, "dynmole");
  const test::TemporaryFolder folder;
  const json recorded = json::parse(*read_text(*dynmole / "eval/summary.json"));
  for (const auto& [task, summary] : recorded.items()) {
    const json items = json::parse(*read_text(*dynmole / "eval" / (task + ".json"))).at("items");
    std::string lines;
    for (const json& item : items) lines += item.at("item").dump() + "\n";
    folder.write(task + ".jsonl", lines);
  }
  const std::string adapter = (*dynmole / "adapters/dynmole").string();
  const auto evaluated =
      eval((*dynmole / "base").string(), folder.path().string(), {"--adapter", adapter, "--parallel", "3", "--json"});
  INFO(evaluated.err);
  REQUIRE(evaluated.status == 0);
  const json report = json::parse(evaluated.out);
  CHECK(report.at("adapters") == json({adapter}));
  REQUIRE(report.at("tasks").size() == recorded.size());
  for (const json& task : report.at("tasks")) {
    INFO(task.dump());
    CHECK(std::abs(task.at("accuracy").get<double>() -
                   recorded.at(task.at("task").get<std::string>()).at("accuracy").get<double>()) < 1e-9);
  }
}

TEST_CASE("eval tasks: help names every option with an example") {
  const auto help = test::lorikeet({"eval", "tasks", "--help"});
  CHECK(help.status == 0);
  for (const char* option : {"--tasks", "--parallel", "--max-tokens", "--limit", "--prompt", "--json",
                             "Example: lorikeet eval tasks -m MODEL"})
    CHECK(help.out.find(option) != std::string::npos);
}

TEST_CASE("eval tasks: what cannot be evaluated is a sentence") {
  if (!test::test_device()) LK_SKIP(no_device, "eval tasks");
  const auto says = [](const test::Outcome& outcome, const std::string& part) {
    const std::string sentence = failure(outcome, 1);
    INFO(sentence);
    CHECK(sentence.find(part) != std::string::npos);
  };
  const std::string path = model();
  const test::TemporaryFolder folder;
  says(eval(path, folder.path().string()), "expected the file of at least one task in ");
  says(eval(path, (folder / "none").string(), {"--tasks", "boolq"}), "boolq/validation.json");
  folder.write("boolq.jsonl", "{\"question\": \"q\", \"answer\": true}\n{\"question\": \"q\", \"answer\": 1}\n");
  says(eval(path, folder.path().string()), "boolq.jsonl line 2: expected true or false in the field answer, given 1.");
  folder.write("boolq.jsonl", "");
  says(eval(path, folder.path().string()), "expected at least one question, given none.");
  folder.write("boolq.jsonl", "{\"question\": \"q\", \"answer\": true}\n");
  says(eval((folder / "none").string(), folder.path().string()), "none");
  says(eval(test::write_tiny_model("lorikeet-tiny-tasks-mute").string(), folder.path().string()), "tokenizer");
  CHECK(failure(eval(path, folder.path().string(), {"--tasks", "mmlu"}), 2) != "");
  CHECK(failure(eval(path, folder.path().string(), {"--max-tokens", "1"}), 2) != "");
  CHECK(failure(eval(path, folder.path().string(), {"--prompt", "chat"}), 2) != "");
  CHECK(failure(test::lorikeet({"eval", "tasks", "-m", "x"}), 2) != "");
}
