// lorikeet eval mmmb from the folder of data sets to the table, and what it refuses.
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

using Arguments = std::vector<std::string>;

std::string data() { return test::shared_golden("parrot/mmmb")->string(); }

// `eval mmmb` with answers in the folder.
struct Evaluator {
  std::string model;
  test::TemporaryFolder answers;

  test::Outcome operator()(const std::string& folder, const Arguments& more = {}, const char* tokens = "4") const {
    Arguments arguments = {"eval",         "mmmb", "-m", model, folder, "--answers", answers.path().string(),
                           "--max-tokens", tokens};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::lorikeet(arguments);
  }
};

constexpr const char* kHeader = "index\timage\tquestion\tA\tB\tanswer\n";

}  // namespace

#define NEED_PARROT()                                        \
  if (!test::test_device()) LK_SKIP(no_device, "eval mmmb"); \
  if (!test::shared_golden("parrot/mmmb")) LK_SKIP(no_shared_goldens, "parrot")

TEST_CASE("eval mmmb: a table, JSON, and a second run from the answers alone") {
  NEED_PARROT();
  const Evaluator eval{test::shared_golden("parrot/model-fp32")->string()};
  const auto first = eval(data(), {"--parallel", "3"});
  INFO(first.err);
  REQUIRE(first.status == 0);
  for (const char* part : {"MMMB_en  MMMB_cn  MMMB_pt  MMMB_ar  MMMB_tr  MMMB_ru\n", "MMBench_dev_en\n", "overall",
                           "vanilla", "perception", "object counting"})
    CHECK(first.out.find(part) != std::string::npos);
  CHECK(first.err.find("device: ") != std::string::npos);

  const auto second = eval(data());
  CHECK(second.out == first.out);
  CHECK(second.err == "answers: " + eval.answers.path().string() + "\n");  // no model was loaded

  const auto two = eval(data(), {"--languages", "zh,en,zh", "--data", "mmmb", "--json"});
  REQUIRE(two.status == 0);
  const json reports = json::parse(two.out).at("reports");
  REQUIRE(reports.size() == 2);
  CHECK(reports[0].at("data_set") == "MMMB_en");
  CHECK(reports[1].at("data_set") == "MMMB_cn");
  CHECK(reports[1].at("answered") == 4);
  CHECK(reports[1].at("scores")[0].at("categories").contains("colour"));
  const auto few = eval(data(), {"--languages", "en", "--limit", "2", "--json"});
  for (const json& report : json::parse(few.out).at("reports")) CHECK(report.at("answered") == 2);

  // Answers of another length are other answers.
  CHECK(failure(eval(data(), {}, "5"), 1).find("at most 5 tokens") != std::string::npos);
}

TEST_CASE("eval mmmb: an adapter answers otherwise, and its answers are kept apart") {
  NEED_PARROT();
  const test::TemporaryFolder folder;
  const std::string adapter = (folder / "sure").string();
  folder.write("data.jsonl", "{\"text\": \"The answer is always the letter B, and nothing else.\"}\n");
  const Evaluator eval{test::shared_golden("parrot/model-fp32")->string()};
  const auto trained = test::lorikeet({"finetune", "-m", eval.model, (folder / "data.jsonl").string(), "--method",
                                       "lora", "--rank", "8", "--lr", "1e-1", "--steps", "4", "--out", adapter});
  INFO(trained.err);
  REQUIRE(trained.status == 0);
  const Arguments part = {"--languages", "en", "--data", "mmmb", "--limit", "2"};
  REQUIRE(eval(data(), part).status == 0);
  const Arguments with = {"--languages", "en", "--data", "mmmb", "--limit", "2", "--adapter", adapter};
  CHECK(failure(eval(data(), with), 1).find(adapter) != std::string::npos);  // those answers are not its own
  const Evaluator other{eval.model};
  const auto asked = other(data(), with);
  INFO(asked.err);
  REQUIRE(asked.status == 0);
  CHECK(asked.err.find("adapters ") != std::string::npos);
  const auto answers = [](const Evaluator& one) {
    const auto text = read_text(one.answers / "MMMB_en.jsonl");
    REQUIRE(text);
    return text->substr(text->find('\n'));
  };
  CHECK(answers(eval) != answers(other));
  Arguments report = with;
  report.push_back("--json");
  CHECK(json::parse(other(data(), report).out).at("reports")[0].at("adapters") == json{adapter});
}

TEST_CASE("eval mmmb: help names every option with an example") {
  const auto help = test::lorikeet({"eval", "mmmb", "--help"});
  CHECK(help.status == 0);
  for (const char* option : {"--languages", "--data", "--aggregate", "--parallel", "--max-tokens", "--limit",
                             "--answers", "--adapter", "--json", "Example: lorikeet eval mmmb -m MODEL"})
    CHECK(help.out.find(option) != std::string::npos);
}

TEST_CASE("eval mmmb: the aggregate of six files") {
  NEED_PARROT();
  const Evaluator eval{test::shared_golden("parrot/model-fp32")->string()};
  const auto all = eval(data(), {"--aggregate", "--json"});
  INFO(all.err);
  REQUIRE(all.status == 0);
  const json report = json::parse(all.out).at("reports").at(0);
  CHECK(report.at("data_set") == "MMMB");
  CHECK(report.at("answered") == 24);
  CHECK(report.at("scores").size() == 6);
  CHECK(failure(eval(data(), {"--aggregate", "--languages", "en"}), 2) != "");
}

TEST_CASE("eval mmmb: what cannot be evaluated is a sentence") {
  NEED_PARROT();
  const Evaluator eval{test::shared_golden("parrot/model-fp32")->string()};
  const auto says = [](const test::Outcome& outcome, const std::string& part) {
    const std::string sentence = failure(outcome, 1);
    INFO(sentence);
    CHECK(sentence.find(part) != std::string::npos);
  };
  const test::TemporaryFolder folder;
  const std::string none = (folder / "none").string();
  says(eval(none), none);
  says(eval(folder.path().string()), "mmmb or mmbench_dev_en.tsv");
  says(eval(data(), {"--data", "mmbench", "--languages", "ru"}), "mmbench_dev_ru.tsv");
  says(eval(folder.path().string(), {"--aggregate"}), "mmmb_ar.tsv");
  const auto with = [&](const std::string& text) {
    folder.write("mmmb_en.tsv", text);
    return eval(folder.path().string());
  };
  says(with("index\timage\tquestion\tA\tB\n1\tx\t?\ta\tb\n"), "expected a column answer");
  const std::string not_base64(80, '%');
  says(with(kHeader + ("1\t" + not_base64) + "\t?\ta\tb\tA\n"), "question 1: expected a picture in base64");
  says(with(std::string(kHeader) + "1\t9\t?\ta\tb\tA\n"), "given \"9\"");
  says(with(kHeader + ("1\t" + std::string(80, 'A')) + "\t?\ta\tb\tA\n"), "MMMB_en question 1: [image]");

  const Evaluator blind{test::write_tiny_model("lorikeet-tiny-blind-program").string()};
  const auto refused = blind(data());
  says(refused, "which reads text alone");
  CHECK(refused.err.find("device: ") == std::string::npos);  // before anything was loaded or written
  CHECK(std::filesystem::is_empty(blind.answers.path()));
  says(Evaluator{none}(data()), none);
  CHECK(failure(eval(data(), {"--languages", "en,fr"}), 2) != "");
  CHECK(failure(eval(data(), {"--parallel", "0"}), 2) != "");
  CHECK(failure(test::lorikeet({"eval", "mmmb", "-m", "x"}), 2) != "");
}
