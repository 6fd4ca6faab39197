// lorikeet eval names from files to the table, and what it refuses.
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

struct Evaluator {
  test::TemporaryFolder folder;
  std::string model = test::shared_golden("parrot/model-fp32")->string();

  Evaluator() {
    folder.write("names.json", R"({"languages": {
      "en": {"question": "What is this?", "names": {"h": "house", "c": "cat", "b": "boat"}},
      "ru": {"question": "Что это?", "names": {"h": "дом", "c": "кот", "b": "лодка"}}}})");
    const auto pictures = *test::shared_golden("parrot/pictures");
    folder.write("test.jsonl", line(pictures / "house_landscape.png", "h", "buildings") +
                                   line(pictures / "cat_gray.png", "c", "animals") +
                                   line(pictures / "shapes_portrait_rgba.png", "b", "buildings"));
  }
  static std::string line(const std::filesystem::path& picture, const char* thing, const char* group) {
    return json{{"image", picture.string()}, {"thing", thing}, {"group", group}, {"split", "given"}}.dump() + "\n";
  }
  test::Outcome operator()(const Arguments& more = {}) const {
    Arguments arguments = {"eval",
                           "names",
                           "-m",
                           model,
                           "--names",
                           (folder / "names.json").string(),
                           (folder / "test.jsonl").string(),
                           "--top",
                           "2",
                           "--answer-tokens",
                           "2",
                           "--context",
                           "128"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::lorikeet(arguments);
  }
};

}  // namespace

#define NEED_PARROT()                                         \
  if (!test::test_device()) LK_SKIP(no_device, "eval names"); \
  if (!test::shared_golden("parrot/model-fp32")) LK_SKIP(no_shared_goldens, "parrot")

TEST_CASE("eval names: a table and JSON") {
  NEED_PARROT();
  const Evaluator eval;
  const auto table = eval();
  INFO(table.err);
  REQUIRE(table.status == 0);
  for (const char* part :
       {"top 1", "top 2", "in language", "en ", "ru ", "mean", "animals", "buildings", "given", "experts", "shuffled"})
    CHECK(table.out.find(part) != std::string::npos);
  const std::string drawing = (eval.folder / "experts.svg").string();
  const auto report = eval({"--json", "--parallel", "2", "--svg", drawing});
  REQUIRE(report.status == 0);
  const json all = json::parse(report.out);
  CHECK(all.at("names") == 3);
  CHECK(all.at("mean").at("pictures") == 6);
  CHECK(all.at("languages").at("ru").at("groups").at("buildings").at("pictures") == 2);
  CHECK(all.at("experts").at("en").size() == 6);
  CHECK(all.at("information").get<double>() > 0);
  CHECK(all.at("shuffled_information").get<double>() > 0);
  const std::string drawn = read_text(drawing).value();
  CHECK(drawn.starts_with("<svg "));
  CHECK(drawn.ends_with("</svg>\n"));
  for (const char* part : {">en</text>", ">ru</text>", ">5</text>", "language and expert share"})
    CHECK(drawn.find(part) != std::string::npos);

  const json few = json::parse(eval({"--json", "--languages", "ru", "--limit", "1", "--route-by", "ru"}).out);
  CHECK(few.at("mean").at("pictures") == 1);
  CHECK(few.at("route_by") == "ru");
  CHECK_FALSE(few.at("languages").contains("en"));
  const json one = json::parse(eval({"--json", "--expert-policy", "top-k:1"}).out);
  CHECK(one.at("expert_policy") == "top-k:1");
}

TEST_CASE("eval names: what cannot be evaluated is a sentence") {
  NEED_PARROT();
  Evaluator eval;
  const auto says = [](const test::Outcome& outcome, const std::string& part) {
    const std::string sentence = failure(outcome, 1);
    INFO(sentence);
    CHECK(sentence.find(part) != std::string::npos);
  };
  says(eval({"--languages", "fr"}), "expected one of the languages en, ru, given fr");
  says(eval({"--route-by", "fr"}), "given fr");
  says(eval({"--expert-policy", "top-k:9"}), "top_k is 9");
  eval.folder.write("test.jsonl", Evaluator::line("no-such.png", "h", ""));
  says(eval(), "no-such.png");
  eval.folder.write("test.jsonl", Evaluator::line("x.png", "z", ""));
  says(eval(), "expected a thing that has names, given \"z\"");
  eval.folder.write("names.json", "{}");
  says(eval(), "expected an object of languages");
  Evaluator blind;
  blind.model = test::write_tiny_model("lorikeet-tiny-blind-names").string();
  says(blind(), "which reads text alone");
  CHECK(failure(eval({"--top", "0"}), 2) != "");
  CHECK(failure(test::lorikeet({"eval", "names", "-m", "x"}), 2) != "");
}
