// lorikeet bench: one line of figures a choice, for single ops and for a tiny model.
#include <nlohmann/json.hpp>
#include <set>

#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"
#include "tests/support/tiny_model.h"
#include "tests/tools/program.h"

using namespace lorikeet;
using nlohmann::json;

namespace {

using Arguments = std::vector<std::string>;

// The lines of `lorikeet bench --json` with these arguments.
json bench(Arguments arguments, const std::vector<std::string>& environment = {}) {
  arguments.insert(arguments.begin(), "bench");
  for (const char* more : {"--seconds", "0.01", "--json"}) arguments.push_back(more);
  const test::Outcome outcome = test::lorikeet(arguments, {}, environment);
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const json answer = json::parse(outcome.out);
  CHECK_FALSE(answer["device"].get<std::string>().empty());
  for (const json& line : answer["lines"]) CHECK(line["milliseconds"].get<double>() > 0);
  return answer["lines"];
}

std::set<std::string> names(const json& lines) {
  std::set<std::string> names;
  for (const json& line : lines) names.insert(line["what"]);
  return names;
}

}  // namespace

#define NEED_DEVICE() \
  if (!test::test_device()) LK_SKIP(no_device, "the program")

TEST_CASE("bench --op: every op, each choice verified and timed") {
  NEED_DEVICE();
  const std::vector<std::pair<Arguments, std::vector<std::string>>> table = {
      {{"--op", "matmul", "--shape", "40x64", "--rows", "1", "5"}, {"matmul plain, 1 row", "matmul plain, 5 rows"}},
      {{"--op", "experts", "--experts", "5", "--used", "2", "--shape", "64x96", "--type", "q4_0", "--rows", "1", "9"},
       {"expert_matmul tile, 1 row", "expert_matmul plain, 9 rows", "one matmul of 18 rows",
        "route to combine, 9 rows"}},
      {{"--op", "experts", "--experts", "3", "--used", "3", "--share", "7", "--shape", "32x44", "--type", "f16"},
       {"expert_matmul tile, 7 rows", "one matmul of 21 rows", "route to combine, 7 rows"}},
      {{"--op", "route", "--experts", "20", "--used", "3", "--rows", "4"}, {"route plain, 4 rows"}},
      {{"--op", "attention", "--heads", "4", "--kv-heads", "2", "--head-dim", "32", "--context", "70", "--rows", "3",
        "--kv", "f16"},
       {"attention plain, 3 rows"}},
  };
  for (const auto& [arguments, expected] : table) {
    INFO(arguments[1]);
    const json lines = bench(arguments);
    CHECK(lines[0]["what"] == "register-only multiply-add");
    for (const std::string& what : expected) {
      INFO(what);
      CHECK(names(lines).contains(what));
    }
    for (const json& line : lines) {
      CHECK(line["gflops"].get<double>() > 0);
      CHECK(line["percent_of_peak"].get<double>() > 0);
      const std::string what = line["what"];
      if (what.starts_with("route plain") || what.starts_with("attention"))
        CHECK(line["gbytes_per_second"].get<double>() > 0);
    }
  }
}

TEST_CASE("bench --op: what makes no sense is one sentence") {
  const std::vector<Arguments> table = {{"bench"},
                                        {"bench", "-m", "x", "--op", "matmul"},
                                        {"bench", "--op", "sing"},
                                        {"bench", "--op", "matmul", "--type", "q3"},
                                        {"bench", "--op", "matmul", "--shape", "64"},
                                        {"bench", "--op", "matmul", "--shape", "64x64x2"},
                                        {"bench", "--op", "matmul", "--rows", "0"},
                                        {"bench", "--op", "experts", "--experts", "4", "--used", "5"},
                                        {"bench", "--op", "experts", "--share", "3", "--rows", "7"},
                                        {"bench", "--op", "attention", "--heads", "many"}};
  for (const Arguments& arguments : table) {
    std::string line;
    for (const std::string& argument : arguments) line += argument + " ";
    INFO(line);
    CHECK_FALSE(test::failure(test::lorikeet(arguments), 2).empty());
  }
  NEED_DEVICE();
  for (const Arguments& arguments :
       {Arguments{"bench", "--op", "matmul", "--shape", "64x44", "--seconds", "0.01"},
        Arguments{"bench", "--op", "attention", "--context", "4", "--rows", "5", "--seconds", "0.01"},
        Arguments{"bench", "--op", "attention", "--heads", "5", "--kv-heads", "2", "--seconds", "0.01"}})
    CHECK_FALSE(test::failure(test::lorikeet(arguments), 1).empty());
}

TEST_CASE("bench --profile: the kernels of both plans") {
  NEED_DEVICE();
  if (!test::test_device()->profile().timestamps) LK_SKIP(no_capability, "bench --profile");
  const std::string model = test::write_tiny_model("lorikeet-tiny-profile").string();
  const json lines = bench({"-m", model, "--profile", "--prompt", "5", "--generate", "3"});
  size_t prompt = 0, generate = 0;
  for (const json& line : lines) {
    const std::string what = line["what"];
    prompt += what.starts_with("prompt ");
    generate += what.starts_with("generate ");
    if (what.find(' ') != what.npos && !what.starts_with("register"))
      CHECK(line["note"].get<std::string>().find(" dispatch") != std::string::npos);
  }
  CHECK(prompt > 3);
  CHECK(generate > 3);
}

TEST_CASE("bench --tune: a choice for each product") {
  NEED_DEVICE();
  const std::string model = test::write_tiny_model("lorikeet-tiny-tune").string();
  const test::TemporaryFolder cache;  // where it writes what it found
  const json lines = bench({"-m", model, "--tune"}, {"LORIKEET_CACHE=" + cache.path().string()});
  CHECK_FALSE(std::filesystem::is_empty(cache.path()));
  REQUIRE(lines.size() >= 4);
  for (const json& line : lines) {
    const std::string what = line["what"];
    CHECK(what.starts_with("matmul"));
    CHECK(what.ends_with(" -> " + line["note"].get<std::string>()));
    CHECK(line["gflops"].get<double>() > 0);
  }
}
