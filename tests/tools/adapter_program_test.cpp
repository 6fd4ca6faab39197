// Adapters and files of prompts as a user meets them.
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

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

Arguments operator+(Arguments a, const Arguments& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

test::Outcome done(const Arguments& arguments, const std::string& input = {}) {
  test::Outcome outcome = test::lorikeet(arguments, input);
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  return outcome;
}

json answer(const Arguments& arguments) { return json::parse(done(arguments).out); }

std::vector<json> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<json> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
  return lines;
}

struct Shared {
  std::string base, adapters;
  std::string adapter(const char* name) const { return adapters + "/" + name; }
};

std::optional<Shared> shared() {
  const auto folder = test::shared_golden("dynmole");
  if (!folder) return std::nullopt;
  return Shared{(*folder / "base").string(), (*folder / "adapters").string()};
}

constexpr const char* kPrompts[] = {"Which sailor pepper", "the glacier seed", "Please choose the correct answer",
                                    "wood", "The harbor otter carries marble to the"};

}  // namespace

#define NEED_DEVICE() \
  if (!test::test_device()) LK_SKIP(no_device, "adapters in the program")
#define NEED_SHARED(name)     \
  const auto name = shared(); \
  if (!name) LK_SKIP(no_shared_goldens, "dynmole")

TEST_CASE("generate --adapter: another answer, scaled and added up; a scale is told from a path") {
  NEED_DEVICE();
  NEED_SHARED(s);
  const Arguments base = {"generate", "-m", s->base, kPrompts[0], "--max-tokens", "8", "--ignore-eos", "--json"};
  const json plain = answer(base)["token_ids"];
  const json lora = answer(base + Arguments{"--adapter", s->adapter("lora")})["token_ids"];
  CHECK(lora != plain);
  CHECK(answer(base + Arguments{"--adapter", s->adapter("lora") + ":0"})["token_ids"] == plain);
  CHECK(answer(base + Arguments{"--adapter", s->adapter("lora") + ":0.5", "--adapter",
                                s->adapter("lora") + ":0.5"})["token_ids"] == lora);
  const auto dynmole = done(base + Arguments{"--adapter", s->adapter("dynmole") + ":1.0"});
  CHECK(json::parse(dynmole.out)["token_ids"] != plain);
  CHECK(dynmole.err.find("adapters 227.3 kB)") != std::string::npos);

  // A folder whose own name looks like one with a scale.
  const test::TemporaryFolder folder;
  std::filesystem::copy(s->adapter("lora"), folder / "lora:2", std::filesystem::copy_options::recursive);
  const std::string odd = (folder / "lora:2").string();
  CHECK(answer(base + Arguments{"--adapter", odd})["token_ids"] == lora);
  CHECK(answer(base + Arguments{"--adapter", odd + ":0"})["token_ids"] == plain);
  CHECK(failure(test::lorikeet(base + Arguments{"--adapter", odd + ":loud"}), 1).find("lora:2:loud") !=
        std::string::npos);
}

TEST_CASE("generate --adapter: logits; warnings on stderr; what does not fit is a sentence") {
  NEED_DEVICE();
  NEED_SHARED(s);
  const test::TemporaryFolder folder;
  const Arguments base = {"generate", "-m", s->base, "--tokens", "1,346,347", "--max-tokens", "0"};
  done(base + Arguments{"--adapter", s->adapter("dynmole"), "--logits", (folder / "l.safetensors").string()});
  CHECK(std::filesystem::file_size(folder / "l.safetensors") > 3 * 512 * 4);
  const auto says = [&](const Arguments& more, const std::string& part) {
    const std::string sentence = failure(test::lorikeet(base + more), 1);
    INFO(sentence);
    CHECK(sentence.find(part) != std::string::npos);
  };
  says({"--adapter", (folder / "none").string()}, "none");
  says({"--adapter", s->adapter("dynmole"), "--adapter", s->adapter("mola")},
       "a conversation has one adapter with routers, 2 were given.");
  const auto other = test::write_tiny_model("lorikeet-tiny-other-base").string();
  const std::string unfit =
      failure(test::lorikeet({"generate", "-m", other, "--tokens", "1", "--adapter", s->adapter("lora")}), 1);
  CHECK(unfit.find("[adapter] ") != std::string::npos);

  std::filesystem::copy(s->adapter("lora"), folder / "renamed");
  json config = json::parse(std::ifstream(folder / "renamed/adapter_config.json"));
  config["base_model_name_or_path"] = "somebody/else";
  folder.write("renamed/adapter_config.json", config.dump());
  CHECK(done(base + Arguments{"--adapter", (folder / "renamed").string()})
            .err.find("The adapter was made for the base somebody/else") != std::string::npos);
}

TEST_CASE("chat --adapter: another answer") {
  NEED_DEVICE();
  NEED_SHARED(s);
  const Arguments base = {"chat", "-m", s->base, "--once", "Which?", "--max-tokens", "8", "--json"};
  CHECK(answer(base)["token_ids"] != answer(base + Arguments{"--adapter", s->adapter("mixlora")})["token_ids"]);
}

TEST_CASE("generate --prompts: answers in order, those of each prompt alone when reproducible") {
  NEED_DEVICE();
  NEED_SHARED(s);
  const test::TemporaryFolder folder;
  // By turns without an adapter, with a routed one, with both that add up, and with what the line leaves open.
  const std::vector<json> uses = {nullptr, "dynmole", json({"lora", s->adapter("mixlora")}), json::array()};
  std::string lines;
  std::vector<json> alone;
  for (size_t i = 0; i < std::size(kPrompts); ++i) {
    const json use = uses[i % uses.size()];
    lines += json{{"prompt", kPrompts[i]}, {"adapter", use}, {"max_tokens", 4 + i * 3}, {"id", i}}.dump() + "\n\n";
    Arguments one = {"generate",      "-m", s->base, kPrompts[i], "--max-tokens", std::to_string(4 + i * 3), "--json",
                     "--reproducible"};
    if (use.is_string()) one = one + Arguments{"--adapter", s->adapter("dynmole")};
    if (use.is_array() && !use.empty())
      one = one + Arguments{"--adapter", s->adapter("lora"), "--adapter", s->adapter("mixlora")};
    alone.push_back(answer(one));
  }
  folder.write("p.jsonl", lines);
  const Arguments all = {"generate",
                         "-m",
                         s->base,
                         "--adapter",
                         s->adapter("dynmole"),
                         "--adapter",
                         s->adapter("lora"),
                         "--adapter",
                         s->adapter("mixlora"),
                         "--reproducible"};
  for (const char* parallel : {"1", "3", "8"}) {
    const auto together =
        done(all + Arguments{"--prompts", (folder / "p.jsonl").string(), "--parallel", parallel, "--json"});
    const std::vector<json> answers = lines_of(together.out);
    REQUIRE(answers.size() == alone.size());
    for (size_t i = 0; i < answers.size(); ++i) {
      CHECK(answers[i]["id"] == i);
      for (const char* key : {"text", "token_ids", "prompt_token_ids", "stop_reason"})
        CHECK(answers[i][key] == alone[i][key]);
      CHECK(answers[i]["tokens"] == alone[i]["token_ids"].size());
      CHECK(answers[i]["prompt_tokens"] == alone[i]["prompt_token_ids"].size());
    }
    CHECK(answers[1]["adapter"] == json({"dynmole"}));
    CHECK(together.err.find("[5 prompts, ") != std::string::npos);
  }
}

TEST_CASE("generate --prompts: messages, ids, stdin; all adapters where a line names none") {
  NEED_DEVICE();
  const auto model = test::write_tiny_model("lorikeet-tiny-prompts", {.layers = 1, .vocabulary = test::kTinyTokens});
  test::write_tiny_tokenizer(model);
  const Arguments base = {"generate", "-m", model.string(), "--max-tokens", "6", "--prompts", "-"};
  const auto answers =
      lines_of(done(base,
                    "{\"messages\": [{\"role\": \"user\", \"content\": \"Hi\"}]}\n{\"tokens\": [1, 2, 3]}\n"
                    "{\"prompt\": \"Hello\", \"max_tokens\": 2, \"temperature\": 9, \"seed\": 4}\n")
                   .out);
  REQUIRE(answers.size() == 3);
  const json chat = answer({"chat", "-m", model.string(), "--once", "Hi", "--max-tokens", "6", "--json"});
  CHECK(answers[0]["text"] == chat["text"]);
  CHECK(answers[0]["prompt_tokens"] == chat["prompt_token_ids"].size());
  CHECK(answers[1]["prompt_tokens"] == 3);
  CHECK(answers[2]["tokens"].get<int>() <= 2);
  CHECK(answers[2]["seed"] == 4);
  CHECK_FALSE(answers[0].contains("adapter"));
  CHECK_FALSE(answers[0].contains("token_ids"));

  NEED_SHARED(s);
  const Arguments with = {
      "generate",         "-m",        s->base, "--max-tokens", "3", "--adapter", s->adapter("dynmole"), "--adapter",
      s->adapter("lora"), "--prompts", "-"};
  const auto both = lines_of(done(with, "{\"prompt\": \"a\"}\n{\"prompt\": \"a\", \"adapter\": \"lora\"}").out);
  CHECK(both[0]["adapter"] == json({"dynmole", "lora"}));
  CHECK(both[1]["adapter"] == json({"lora"}));
}

TEST_CASE("generate --prompts: a bad line is a sentence with file and line; options that exclude each other") {
  NEED_DEVICE();
  const auto model = test::write_tiny_model("lorikeet-tiny-prompts-bad", {.layers = 1});
  const test::TemporaryFolder folder;
  const auto says = [&](const std::string& lines, const std::string& part) {
    folder.write("p.jsonl", lines);
    const std::string sentence = failure(test::lorikeet({"generate", "-m", model.string(), "--context", "16",
                                                         "--prompts", (folder / "p.jsonl").string()}),
                                         1);
    INFO(sentence);
    CHECK(sentence.find(part) != std::string::npos);
  };
  says("{\"tokens\": [1]}\n{\"tokens\": 1}\n", "p.jsonl line 2: expected a list in the field tokens, given a number.");
  says("{\"tokens\": [1]}\n{\"tokens\": [1], \"adapter\": \"x\"}\n",
       "p.jsonl line 2: \"x\" is none of the adapters that were given with --adapter: there are none.");
  says("{\"tokens\": [1]}\n{\"tokens\": [1, 99]}\n", "p.jsonl line 2: token 99 is not in the vocabulary of 97.");
  says("{\"tokens\": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}\n",
       "p.jsonl line 1: the text has 17 tokens, the context holds 16.");
  says("{\"prompt\": \"a\"}\n", "tokenizer");
  says("", "p.jsonl: expected at least one prompt, given none.");
  for (const Arguments& more : std::vector<Arguments>{{"--tokens", "1"}, {"Hello"}, {"--logits", "x"}})
    CHECK_FALSE(failure(test::lorikeet(Arguments{"generate", "-m", "x", "--prompts", "p"} + more), 2).empty());
  CHECK_FALSE(failure(test::lorikeet({"generate", "-m", "x", "--prompts", "p", "--parallel", "0"}), 2).empty());
}

TEST_CASE("inspect --adapter: what it is, without a device; whether it fits") {
  NEED_SHARED(s);
  const auto nowhere = test::lorikeet({"inspect", "-m", s->base, "--adapter", s->adapter("mixlora-dynamic")}, {},
                                      {"LORIKEET_DEVICE=no such device"});
  INFO(nowhere.err);
  CHECK(nowhere.status == 0);
  for (const char* part :
       {"kind: MixLoRA (dynamic)\n", "attention: rank 4, alpha 8, scaling 2\n",
        "experts: 6, each rank 6, alpha 12, scaling 2\n", "policy: the likeliest experts", "targets: q_proj, k_proj",
        "fits: yes\n", "tensors: 135, 3 of them routers\n", "  mlp in 3 layers: router (6, 64)\n",
        "  mlp.gate_proj in 3 layers: 6 experts of A (6, 64) and B (172, 6)\n", "on the device: 332.5 kB in f32\n"})
    CHECK(nowhere.out.find(part) != std::string::npos);
  const json report = answer({"inspect", "-m", s->base, "--adapter", s->adapter("dynmole") + ":0.5", "--adapter",
                              s->adapter("lora"), "--json"});
  REQUIRE(report["adapters"].size() == 2);
  CHECK(report["adapters"][0]["kind"] == "DynMoLE");
  CHECK(report["adapters"][0]["scale"] == 0.5);
  CHECK(report["adapters"][0]["tensors"] == 117);
  CHECK(report["adapters"][0]["bytes"] == 227328);
  CHECK(report["adapters"][1]["fits"] == true);

  const auto other = test::write_tiny_model("lorikeet-tiny-unfit").string();
  const auto unfit = test::lorikeet({"inspect", "-m", other, "--adapter", s->adapter("lora")});
  CHECK(unfit.status == 1);
  CHECK(unfit.out.find("rank 8, alpha 16") != std::string::npos);
  CHECK(unfit.out.ends_with("fits: no\n"));
  CHECK(unfit.err.starts_with("lorikeet: [adapter] "));
}

TEST_CASE("inspect --routing: a table, JSON of the same, a drawing") {
  NEED_DEVICE();
  NEED_SHARED(s);
  const test::TemporaryFolder folder;
  std::string lines, text;
  for (const char* prompt : kPrompts) {
    lines += json{{"prompt", prompt}}.dump() + "\n";
    text += std::string(prompt) + "\n";
  }
  folder.write("p.jsonl", lines);
  folder.write("p.txt", text);
  const Arguments base = {"inspect", "-m", s->base, "--adapter", s->adapter("dynmole"), "--routing"};
  const std::string file = (folder / "p.jsonl").string(), svg = (folder / "r.svg").string();
  const json report = answer(base + Arguments{file, "--json", "--svg", svg})["adapters"][0];
  CHECK(report["texts"] == 5);
  const int rows = report["rows"];
  CHECK(rows > 5);
  REQUIRE(report["routers"].size() == 9);
  for (const json& router : report["routers"]) {
    CHECK(router["active_histogram"].size() == 7);
    int counted = 0;
    double active = 0, shares = 0;
    for (size_t i = 0; i < 7; ++i) {
      counted += router["active_histogram"][i].get<int>();
      active += double(i) * router["active_histogram"][i].get<double>() / rows;
    }
    for (const json& share : router["share_of_weights"]) shares += share.get<double>();
    CHECK(counted == rows);
    CHECK(router["active"].get<double>() == Approx(active));
    CHECK(shares == Approx(1.0));
    CHECK(router["entropy"].get<double>() > 0.5);
  }
  std::ifstream drawing(svg);
  CHECK(std::string(std::istreambuf_iterator<char>(drawing), {}).starts_with("<svg "));
  const auto table = done(base + Arguments{file});
  CHECK(table.out.find("(DynMoLE), " + std::to_string(rows) + " positions of 5 texts\nall routers: entropy ") !=
        std::string::npos);
  CHECK(table.out.find("    2  mlp.up_proj") != std::string::npos);
  // One at a time, and the same numbers but for rounding.
  const json single = answer(base + Arguments{file, "--json", "--parallel", "1"})["adapters"][0];
  CHECK(single["all"]["entropy"].get<double>() == Approx(report["all"]["entropy"].get<double>()));
  CHECK(answer(base + Arguments{(folder / "p.txt").string(), "--json"})["adapters"][0]["texts"] == 1);
  const json mixlora = answer({"inspect", "-m", s->base, "--adapter", s->adapter("mixlora"), "--adapter",
                               s->adapter("lora"), "--routing", file, "--json"})["adapters"];
  REQUIRE(mixlora.size() == 1);
  CHECK(mixlora[0]["routers"][0]["projection"] == "mlp");
  CHECK(mixlora[0]["all"]["active"] == 2.0);
  CHECK(mixlora[0]["all"]["entropy"].get<double>() > 0);

  CHECK(failure(test::lorikeet({"inspect", "-m", s->base, "--adapter", s->adapter("lora"), "--routing", file}), 1) ==
        "none of the adapters has routers: there is no routing to show.");
  CHECK_FALSE(failure(test::lorikeet({"inspect", "-m", "x", "--routing", file}), 2).empty());
  CHECK_FALSE(failure(test::lorikeet({"inspect", "-m", "x", "--adapter", "y", "--svg", "z"}), 2).empty());
  CHECK_FALSE(failure(test::lorikeet({"inspect", "-m", "x", "--json"}), 2).empty());
}
