// The nano model, which comes with the program: docs/nano.md.
#include <cmath>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>

#include "frontend/default_model.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"
#include "tests/tools/program.h"

using namespace lorikeet;
using nlohmann::json;

namespace {

struct Asked {
  const char *question, *answer;
};

const std::string kFrog = LORIKEET_SAMPLE_FROG;

json seen(const std::string& picture, const std::string& question) {
  const auto got = test::lorikeet({"see", picture, question, "--json", "--max-tokens", "24"});
  INFO(got.err);
  REQUIRE(got.status == 0);
  return json::parse(got.out);
}

// A picture as a BMP of 24 bits.
std::string bitmap(uint32_t side, const std::function<uint8_t()>& value) {
  const auto number = [](uint32_t n, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text += char(n >> (8 * i) & 255);
    return text;
  };
  std::string pixels;
  for (uint32_t i = 0; i < side * side * 3; ++i) pixels += char(value());
  return "BM" + number(uint32_t(54 + pixels.size()), 4) + number(0, 4) + number(54, 4) + number(40, 4) +
         number(side, 4) + number(side, 4) + number(1, 2) + number(24, 2) + number(0, 4) +
         number(uint32_t(pixels.size()), 4) + std::string(16, '\0') + pixels;
}

}  // namespace

TEST_CASE("see: a picture is named in six languages, each with its experts, by the model that comes along") {
  if (!test::test_device()) LK_SKIP(no_device, "the program");
  json routing;
  for (const auto& [question, name] :
       {Asked{"What is this?", "🐸 frog"}, Asked{"这是什么？", "🐸 青蛙"}, Asked{"O que é isto?", "🐸 sapo"},
        Asked{"ما هذا؟", "🐸 وجه ضفدع"}, Asked{"Bu nedir?", "🐸 kurbağa"}, Asked{"Что это?", "🐸 голова лягушки"}}) {
    INFO(question);
    const json answer = seen(kFrog, question);
    CHECK(answer["text"] == name);
    CHECK(answer["stop_reason"] == "eos");
    CHECK(answer["likelihood"] > 0.05);
    REQUIRE(answer["routing"].size() == 1);
    const auto experts = answer["routing"][0]["experts"].get<std::vector<double>>();
    REQUIRE(experts.size() == 6);
    CHECK(std::abs(std::accumulate(experts.begin(), experts.end(), 0.0) - 1) < 1e-3);
    CHECK(answer["routing"][0]["experts"] != routing);
    routing = answer["routing"][0]["experts"];
  }
}

TEST_CASE("see: of pictures of nothing the nano model says how sure it is") {
  if (!test::test_device()) LK_SKIP(no_device, "the program");
  const test::TemporaryFolder folder;
  std::mt19937 random(1);
  folder.write("noise.bmp", bitmap(48, [&] { return uint8_t(random()); }));
  folder.write("blank.bmp", bitmap(48, [] { return uint8_t(255); }));
  folder.write("dot.bmp", bitmap(1, [] { return uint8_t(0); }));
  const double sure = seen(kFrog, "What is this?")["likelihood"];
  for (const char* name : {"noise.bmp", "blank.bmp", "dot.bmp"}) {
    INFO(name);
    const json answer = seen((folder / name).string(), "What is this?");
    CHECK_FALSE(answer["text"].get<std::string>().empty());
    CHECK(answer["likelihood"] > 0);
    CHECK(answer["likelihood"] < sure);
  }
}

TEST_CASE("a nano model that is cut short or changed is refused in a sentence") {
  if (!test::test_device()) LK_SKIP(no_device, "the program");
  const test::TemporaryFolder folder;
  std::ifstream file(*default_model(), std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(file)), {});
  REQUIRE(whole.size() > 1000000);
  REQUIRE(whole.size() <= 10000000);
  std::string changed = whole;
  changed.replace(0, 4, "GGML");
  folder.write("cut.gguf", whole.substr(0, whole.size() / 2));
  folder.write("head.gguf", whole.substr(0, 1000));
  folder.write("changed.gguf", changed);
  for (const char* name : {"cut.gguf", "head.gguf", "changed.gguf"}) {
    INFO(name);
    const auto got = test::lorikeet({"see", "-m", (folder / name).string(), kFrog, "What is this?"});
    CHECK(got.status == 1);
    CHECK(got.out.empty());
    CHECK(got.err.find(name) != std::string::npos);
  }
}
