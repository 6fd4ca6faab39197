// The program on pictures, run as a user runs it, on the tiny Parrot of the reference data.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/default_model.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/golden.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"
#include "tests/support/tiny_model.h"
#include "tests/tools/program.h"

using namespace lorikeet;
using nlohmann::json;

namespace {

using Arguments = std::vector<std::string>;

Arguments operator+(Arguments a, const Arguments& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::string parrot(const std::string& name) { return (*test::shared_golden("parrot") / name).string(); }

json recorded(const std::string& name) { return json::parse(std::ifstream(parrot("cases/" + name + ".json"))); }

// The sentence of a command line that must fail.
std::string refused(const Arguments& arguments, int status = 1) {
  const auto got = test::lorikeet(arguments);
  CHECK(got.status == status);
  CHECK(got.out.empty());
  return got.err;
}

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

#define NEED_PARROT()                                          \
  if (!test::test_device()) LK_SKIP(no_device, "the program"); \
  if (!test::shared_golden("parrot")) LK_SKIP(no_shared_goldens, "parrot")

}  // namespace

TEST_CASE("see: six languages ask about pictures and are answered as recorded") {
  NEED_PARROT();
  for (const char* name : {"en_landscape", "zh_portrait_rgba", "pt_gray", "tr_wide", "ru_landscape"}) {
    INFO(name);
    const json expected = recorded(name);
    std::string question = expected["messages"].back()["value"];
    question.erase(0, std::string("<image>\n").size());
    const auto got =
        test::lorikeet({"see", "-m", parrot("model-fp32"), parrot("pictures/" + expected["picture"].get<std::string>()),
                        question, "--max-tokens", "16", "--json"});
    INFO(got.err);
    REQUIRE(got.status == 0);
    const json answer = json::parse(got.out);
    CHECK(answer["prompt_token_ids"] == expected["input_ids"]);
    CHECK(answer["token_ids"] == expected["generated_ids"]);
    REQUIRE(answer["routing"].size() == 1);
    const json& routing = answer["routing"][0];
    for (size_t e = 0; e < 6; ++e)
      CHECK(std::abs(routing["experts"][e].get<float>() - expected["router"][e].get<float>()) < 1e-4);
    CHECK(routing["attention"].size() == expected["n_text_tokens"]);
    CHECK(routing["skipped"].empty());
    const auto shares = routing["expert_ms"].get<std::vector<double>>();
    CHECK(shares.size() == 6);
    CHECK(std::abs(std::accumulate(shares.begin(), shares.end(), 0.0) - routing["experts_ms"].get<double>()) < 1e-6);
  }
}

TEST_CASE("see: bars and a drawing of the routing, logits, fewer experts") {
  NEED_PARROT();
  const test::TemporaryFolder folder;
  const std::string svg = (folder / "routing.svg").string(), logits = (folder / "logits.safetensors").string();
  const Arguments base = {
      "see", "-m", parrot("model-fp32"), parrot("pictures/house_landscape.png"), "What is this?", "--max-tokens", "2"};
  const auto shown = test::lorikeet(
      base + Arguments{"--experts", "--experts-svg", svg, "--expert-policy", "top-k:2", "--logits", logits});
  INFO(shown.err);
  REQUIRE(shown.status == 0);
  CHECK(says(shown.err, "experts (entropy"));
  CHECK(says(shown.err, "(skipped)"));
  CHECK(says(shown.err, " ms\n"));
  CHECK(says(shown.err, "words that counted"));
  std::ifstream drawing(svg);
  const std::string drawn(std::istreambuf_iterator<char>(drawing), {});
  CHECK(drawn.starts_with("<svg "));
  CHECK(says(drawn, "skipped</text>"));
  CHECK(says(drawn, " ms</text>"));
  const auto tensors = open_tensors(logits);
  REQUIRE(tensors);
  const json answer = json::parse(test::lorikeet(base + Arguments{"--json"}).out);
  const size_t positions = answer["prompt_token_ids"].size() - 1 + 17;
  CHECK(tensors->find("logits")->shape == std::vector<uint64_t>{positions, 1088});
  // How likely the answer is: the first token by these logits, the whole by its tokens.
  const auto log_probs = answer["token_log_probs"].get<std::vector<double>>();
  REQUIRE(log_probs.size() == 2);
  CHECK(std::abs(answer["likelihood"].get<double>() - std::exp(log_probs[0] + log_probs[1])) < 1e-6);
  const auto dense = test::lorikeet(base + Arguments{"--logits", logits});
  REQUIRE(dense.status == 0);
  const auto files = open_tensors(logits);
  std::vector<float> values(positions * 1088);
  std::memcpy(values.data(), files->data(*files->find("logits"))->data(), values.size() * sizeof(float));
  const std::vector<float> last(values.end() - 1088, values.end());
  double sum = 0;
  for (const float logit : last) sum += std::exp(double(logit));
  CHECK(std::abs(log_probs[0] - (last[answer["token_ids"][0].get<size_t>()] - std::log(sum))) < 1e-4);
}

TEST_CASE("see: what transparency becomes is said by the model, or by the user") {
  NEED_PARROT();
  const test::TemporaryFolder folder;
  const auto copied = std::filesystem::copy_options::recursive;
  std::filesystem::copy(parrot("model-fp32"), folder / "model", copied);
  json steps = json::parse(std::ifstream(folder / "model/preprocessor_config.json"));
  steps["alpha_policy"] = "blend";
  folder.write("model/preprocessor_config.json", steps.dump());
  const auto routed = [&](const std::string& model, const Arguments& more) {
    const auto got = test::lorikeet(Arguments{"see", "-m", model, "--vision", parrot("openai/clip-vit-tiny-patch14-56"),
                                              parrot("pictures/shapes_portrait_rgba.png"), "What is this?", "--json",
                                              "--max-tokens", "1"} +
                                    more);
    INFO(got.err);
    REQUIRE(got.status == 0);
    return json::parse(got.out)["routing"][0]["experts"];
  };
  const std::string plain = parrot("model-fp32"), blends = (folder / "model").string();
  const json dropped = routed(plain, {}), blended = routed(plain, {"--alpha", "blend"});
  CHECK(dropped != blended);
  CHECK(routed(blends, {}) == blended);
  CHECK(routed(blends, {"--alpha", "drop"}) == dropped);
}

TEST_CASE("see, chat: a model that is not named is the one that comes with the program") {
  NEED_PARROT();
  const std::string picture = parrot("pictures/house_landscape.png");
  const auto comes = lorikeet::default_model();
  const auto seen = test::lorikeet({"see", picture, "What is this?", "--max-tokens", "2"}),
             talked = test::lorikeet({"chat", "--image", picture, "--once", "What is this?", "--max-tokens", "2"});
  for (const auto& got : {seen, talked}) {
    INFO(got.err);
    CHECK(got.status == (comes ? 0 : 1));
    if (!comes) CHECK(says(got.err, "no model was named"));
  }
}

TEST_CASE("chat --image: several turns about one picture, as recorded") {
  NEED_PARROT();
  const json first = recorded("ar_square_jpeg");
  std::string question = first["messages"].back()["value"];
  question.erase(0, std::string("<image>\n").size());
  const auto got = test::lorikeet({"chat", "-m", parrot("model-fp32"), "--image", parrot("pictures/boat_square.jpg"),
                                   "--json", "--max-tokens", "16"},
                                  question + "\nAnd now?\n");
  INFO(got.err);
  REQUIRE(got.status == 0);
  std::istringstream lines(got.out);
  std::string line;
  REQUIRE(std::getline(lines, line));
  CHECK(json::parse(line)["prompt_token_ids"] == first["input_ids"]);
  CHECK(json::parse(line)["routing"][0]["experts"].size() == 6);
  REQUIRE(std::getline(lines, line));
  const json again = json::parse(line)["prompt_token_ids"];
  CHECK(std::count(again.begin(), again.end(), json(-200)) == 1);
  CHECK(again.size() > first["input_ids"].size() + 4);
}

TEST_CASE("see: what is wrong is said in a sentence") {
  NEED_PARROT();
  const test::TemporaryFolder folder;
  folder.write("empty.png", "");
  folder.write("text.jpg", "this is no picture");
  const std::string house = parrot("pictures/house_landscape.png"), model = parrot("model-fp32");
  const auto see = [&](const std::string& picture, const Arguments& more = {}) {
    return refused(Arguments{"see", "-m", model, picture, "What?"} + more);
  };
  CHECK(says(see((folder / "none.png").string()), "none.png"));
  CHECK(says(see((folder / "empty.png").string()), "empty.png"));
  CHECK(says(see((folder / "text.jpg").string()), "text.jpg"));
  CHECK(says(see(house, {"--expert-policy", "best"}),
             "\"best\" is no expert policy; there are dense, top-k:K, top-p:P and min-weight:W."));
  CHECK(says(see(house, {"--expert-policy", "top-k:9"}),
             "the expert policy does not fit the model: [route] top_k is 9, expected 0 to 6 (the number of experts)."));
  CHECK(says(refused({"see", "-m", model, house, house, "What?"}), "--multi-image says what to do"));
  CHECK(says(refused({"see", "-m", model, house}, 2), "PICTURE and QUESTION"));
  const auto text_only =
      test::write_tiny_model("lorikeet-tiny-blind", {.layers = 1, .hidden = 32, .vocabulary = test::kTinyTokens});
  test::write_tiny_tokenizer(text_only);
  CHECK(says(refused({"see", "-m", text_only.string(), house, "What?"}),
             "is a model for text alone: it cannot see pictures."));
}

TEST_CASE("see --dry-run: the plan of memory from a configuration alone") {
  NEED_PARROT();
  const test::TemporaryFolder folder;
  std::filesystem::create_directories(folder / "model");
  std::filesystem::copy_file(parrot("model-fp32/config.json"), folder / "model/config.json");
  const std::string tower = parrot("openai/clip-vit-tiny-patch14-56");
  const auto plan = test::lorikeet({"see", "-m", (folder / "model").string(), "--vision", tower, "--dry-run"});
  INFO(plan.err);
  REQUIRE(plan.status == 0);
  CHECK(says(plan.out, "17 of them for a picture"));
  for (const char* type : {"\nf16 ", "\nq8_0 ", "\nq4_0 "}) CHECK(says(plan.out, type));
}
