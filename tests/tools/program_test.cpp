// The program as a user meets it, on a tiny random model.
#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

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
using test::failure;

namespace {

using Arguments = std::vector<std::string>;

json answer(const Arguments& arguments, const std::string& input = {}) {
  const test::Outcome outcome = test::lorikeet(arguments, input);
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  return json::parse(outcome.out);
}

Arguments operator+(Arguments a, const Arguments& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// With a tokenizer of one token a byte.
std::filesystem::path talking_model(const std::string& folder) {
  const auto path = test::write_tiny_model(folder, {.layers = 1, .hidden = 32, .vocabulary = test::kTinyTokens});
  test::write_tiny_tokenizer(path);
  return path;
}

}  // namespace

#define NEED_DEVICE() \
  if (!test::test_device()) LK_SKIP(no_device, "the program")

TEST_CASE("devices: a list, a choice, and JSON of the same") {
  NEED_DEVICE();
  const auto text = test::lorikeet({"devices"});
  CHECK(text.status == 0);
  CHECK(text.out.find("chosen: ") != std::string::npos);
  const json all = answer({"devices", "--json"});
  REQUIRE(all["devices"].size() >= 1);
  size_t chosen = 0;
  for (const json& device : all["devices"]) {
    chosen += device["chosen"].get<bool>();
    CHECK_FALSE(device["reason"].get<std::string>().empty());
  }
  CHECK(chosen == 1);
}

TEST_CASE("help names every option with an example; version") {
  for (const char* command :
       {"devices", "generate", "chat", "inspect", "convert", "factor", "finetune", "bench", "doctor"}) {
    const auto help = test::lorikeet({command, "--help"});
    INFO(command);
    CHECK(help.status == 0);
    CHECK(help.err.empty());
    CHECK(help.out.find("--") != std::string::npos);
  }
  const auto generate = test::lorikeet({"generate", "--help"}).out;
  for (const char* option :
       {"--temperature", "--top-k",   "--top-p",   "--min-p",    "--repeat-penalty", "--seed",    "--max-tokens",
        "--stop",        "--json",    "--logits",  "--tokens",   "--device",         "--context", "--kv",
        "--threads",     "--adapter", "--prompts", "--parallel", "--reproducible",   "--active"})
    CHECK(generate.find(option) != std::string::npos);
  CHECK(test::lorikeet({"--version"}).out.starts_with("lorikeet "));
}

TEST_CASE("a command line that makes no sense is one sentence and status 2") {
  const std::vector<Arguments> table = {{},
                                        {"sing"},
                                        {"generate"},
                                        {"generate", "-m", "x"},
                                        {"generate", "-m", "x", "text", "--frobnicate"},
                                        {"generate", "-m", "x", "text", "--tokens", "1,2"},
                                        {"generate", "-m", "x", "text", "--max-tokens", "many"},
                                        {"generate", "-m", "x", "--tokens", "1,two"},
                                        {"generate", "-m", "x", "text", "--kv", "f8"},
                                        {"generate", "-m", "x", "text", "--top-p", "2"},
                                        {"generate", "-m", "x", "text", "--temperature", "-1"},
                                        {"generate", "-m", "x", "text", "--context", "-5"},
                                        {"convert", "-m", "x"},
                                        {"convert", "-m", "x", "y", "--type", "q3"},
                                        {"eval"},
                                        {"eval", "perplexity", "-m", "x"},
                                        {"inspect"},
                                        {"inspect", "--kernels", "--plan"}};
  for (const Arguments& arguments : table) {
    std::string line;
    for (const std::string& argument : arguments) line += argument + " ";
    INFO(line);
    CHECK_FALSE(failure(test::lorikeet(arguments), 2).empty());
  }
  if (!lorikeet::default_model()) CHECK_FALSE(failure(test::lorikeet({"chat"}), 1).empty());
}

TEST_CASE("generate: ids without a tokenizer, JSON and plain, repeatable sampling, logits") {
  NEED_DEVICE();
  const test::TemporaryFolder folder;
  const auto model = test::write_tiny_model("lorikeet-tiny-program").string();
  const Arguments base = {"generate", "-m", model, "--tokens", "5,6,7,8", "--max-tokens", "12"};
  const json first = answer(base + Arguments{"--json", "--logits", (folder / "logits.safetensors").string()});
  CHECK(first["prompt_token_ids"] == json({5, 6, 7, 8}));
  CHECK(first["token_ids"].size() == 12);
  CHECK(first["stop_reason"] == "length");
  CHECK(first["text"] == "");
  CHECK(first["timings"]["generated_tokens"] == 12);
  CHECK(first["timings"]["prompt_tokens"].get<int>() >= 0);

  std::ostringstream ids;
  for (size_t i = 0; i < 12; ++i) ids << (i ? "," : "") << first["token_ids"][i];
  CHECK(test::lorikeet(base).out == ids.str() + "\n");

  const auto file = open_tensors(folder / "logits.safetensors");
  REQUIRE(file.ok());
  const TensorInfo* logits = file->find("logits");
  REQUIRE(logits);
  CHECK(logits->shape == std::vector<uint64_t>{4, 97});
  const auto bytes = file->data(*logits);
  REQUIRE(bytes.ok());
  std::vector<float> row(97);
  std::memcpy(row.data(), bytes->data() + 3 * 97 * 4, 97 * 4);
  CHECK(std::max_element(row.begin(), row.end()) - row.begin() == first["token_ids"][0].get<ptrdiff_t>());

  const Arguments sampled = base + Arguments{"--json", "--temperature", "60", "--seed", "3"};
  CHECK(answer(sampled)["token_ids"] == answer(sampled)["token_ids"]);
  CHECK(answer(sampled)["token_ids"] != first["token_ids"]);
  CHECK(answer(base + Arguments{"--json", "--temperature", "0", "--seed", "3"})["token_ids"] == first["token_ids"]);
  CHECK(answer({"generate", "-m", model, "--tokens", "5", "--max-tokens", "0", "--json"})["token_ids"].empty());
  CHECK(answer(base + Arguments{"--json", "--kv", "f16", "--context", "64"})["token_ids"].size() == 12);
}

TEST_CASE("generate: text streams as it is in JSON; a stop string over several tokens is never printed") {
  NEED_DEVICE();
  const auto model = talking_model("lorikeet-tiny-text").string();
  const Arguments greedy = {"generate", "-m", model, "--max-tokens", "40", "--ignore-eos"};
  const json whole = answer(greedy + Arguments{"Hello there", "--json"});
  CHECK(whole["prompt_token_ids"].size() == 11);
  CHECK(test::lorikeet(greedy + Arguments{"Hello there"}).out == whole["text"].get<std::string>() + "\n");
  CHECK(test::lorikeet(greedy + Arguments{"-"}, "Hello there").out == whole["text"].get<std::string>() + "\n");

  // A random model's text, drawn until two neighbouring letters are in its later part: the stop.
  std::string text, stop;
  Arguments base;
  for (int seed = 1; seed <= 20 && stop.empty(); ++seed) {
    base = greedy + Arguments{"--temperature", "20", "--seed", std::to_string(seed)};
    text = answer(base + Arguments{"Hello there", "--json"})["text"];
    for (size_t i = text.size() / 3; i + 1 < text.size() && stop.empty(); ++i)
      if (std::isalnum(uint8_t(text[i])) && std::isalnum(uint8_t(text[i + 1]))) stop = text.substr(i, 2);
  }
  REQUIRE_FALSE(stop.empty());
  const json stopped = answer(base + Arguments{"Hello there", "--json", "--stop", "not in the text", "--stop", stop});
  CHECK(stopped["stop_reason"] == "stop");
  CHECK(stopped["text"] == text.substr(0, text.find(stop)));
  CHECK(test::lorikeet(base + Arguments{"Hello there", "--stop", stop}).out == text.substr(0, text.find(stop)) + "\n");
}

TEST_CASE("chat: one question, several turns through a pipe, reset") {
  NEED_DEVICE();
  const auto model = talking_model("lorikeet-tiny-chat").string();
  const Arguments base = {"chat", "-m", model, "--max-tokens", "8", "--json"};
  const json once = answer(base + Arguments{"--once", "Hi"});
  CHECK(once["prompt_token_ids"].front() == 256);
  CHECK(once["prompt_token_ids"].size() ==
        5 + 1 + 2 + 2 + 1 + 10);  // <|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n

  const auto piped = test::lorikeet(base, "Hi\n\nAnd again\n/reset\nHi\n/exit\nnever\n");
  REQUIRE(piped.status == 0);
  std::istringstream lines(piped.out);
  std::vector<json> turns;
  for (std::string line; std::getline(lines, line);) turns.push_back(json::parse(line));
  REQUIRE(turns.size() == 3);
  CHECK(turns[0]["token_ids"] == once["token_ids"]);
  CHECK(turns[1]["prompt_token_ids"].size() > turns[0]["prompt_token_ids"].size());
  CHECK(turns[1]["timings"]["prompt_tokens"].get<size_t>() < turns[1]["prompt_token_ids"].size());
  CHECK(turns[2]["token_ids"] == once["token_ids"]);
  CHECK(answer(base + Arguments{"--once", "Hi", "--system", "Be brief."})["prompt_token_ids"].size() >
        once["prompt_token_ids"].size());
}

TEST_CASE("eval perplexity: windows, halves and overlaps") {
  NEED_DEVICE();
  const test::TemporaryFolder folder;
  const auto model = talking_model("lorikeet-tiny-eval").string();
  std::string text;
  for (int i = 0; i < 100; ++i) text += char('a' + i * 7 % 26);
  folder.write("text.txt", text);
  const auto eval = [&](const Arguments& more) {
    return answer(Arguments{"eval", "perplexity", "-m", model, (folder / "text.txt").string(), "--json"} + more);
  };
  const json halves = eval({"--window", "32"});
  CHECK(halves["windows"] == 3);
  CHECK(halves["scored"] == 3 * 15);
  const json whole = eval({"--window", "100", "--whole"});
  CHECK(whole["scored"] == 99);
  CHECK(whole["perplexity"].get<double>() == Approx(std::exp(whole["mean_nll"].get<double>())));
  const json overlapping = eval({"--window", "100", "--stride", "50"});
  CHECK(overlapping["perplexity"].get<double>() == Approx(whole["perplexity"].get<double>()));
  CHECK(eval({"--window", "40", "--stride", "20"})["scored"] == 99);
}

TEST_CASE("convert and inspect: the converted model says the same") {
  NEED_DEVICE();
  const test::TemporaryFolder folder;
  const auto model = talking_model("lorikeet-tiny-convert").string();
  const std::string out = (folder / "tiny.gguf").string();
  CHECK(test::lorikeet({"convert", "-m", model, out, "--type", "f32", "--dry-run"}).status == 0);
  CHECK_FALSE(std::filesystem::exists(out));
  REQUIRE(test::lorikeet({"convert", "-m", model, out, "--type", "f32"}).status == 0);
  const Arguments rest = {"Hello", "--max-tokens", "10", "--json"};
  CHECK(answer(Arguments{"generate", "-m", out} + rest)["token_ids"] ==
        answer(Arguments{"generate", "-m", model} + rest)["token_ids"]);

  const auto file = test::lorikeet({"inspect", "-m", out});
  CHECK(file.status == 0);
  for (const char* part : {"general.architecture = llama", "blk.0.attn_q.weight", "config: llama, 1 layers, hidden 32"})
    CHECK(file.out.find(part) != std::string::npos);
  const auto plan = test::lorikeet({"inspect", "-m", model, "--plan", "--rows", "4"});
  CHECK(plan.status == 0);
  for (const char* part : {"attention", "choice=", "bytes=", "totals of one run: "})
    CHECK(plan.out.find(part) != std::string::npos);
}

TEST_CASE("factor: all experts say what the dense model says, and what does not fit is a sentence") {
  NEED_DEVICE();
  const test::TemporaryFolder folder;
  const auto model = talking_model("lorikeet-tiny-factor").string();
  const std::string out = (folder / "cut.gguf").string();
  const auto made = test::lorikeet({"factor", "-m", model, out, "--experts", "4", "--split", "permutation:3"});
  REQUIRE(made.status == 0);
  CHECK(made.out.starts_with("wrote " + out + ": 4 experts a layer, 2 active, "));
  CHECK(made.err.find("The routers have not learnt") != std::string::npos);
  const Arguments rest = {"Hello", "--max-tokens", "10", "--json"};
  CHECK(answer(Arguments{"generate", "-m", out, "--active", "4"} + rest)["token_ids"] ==
        answer(Arguments{"generate", "-m", model} + rest)["token_ids"]);
  CHECK(test::lorikeet({"inspect", "-m", out}).out.find("factored: 4 experts of ") != std::string::npos);
  CHECK(test::failure(test::lorikeet({"generate", "-m", out, "Hello", "--active", "5"}), 1) ==
        "a row goes through 1 to 4 experts of this model, 5 were asked for.");
  CHECK(test::failure(test::lorikeet({"factor", "-m", model, out, "--split", "clustered"}), 1) ==
        "--split clustered looks at a text: give one with --data.");
}

TEST_CASE("convert and inspect: a model that sees shows its parts, and where its tower is can be said") {
  const auto golden = test::shared_golden("parrot");
  if (!golden) LK_SKIP(no_shared_goldens, "parrot");
  const test::TemporaryFolder folder;
  const std::string out = (folder / "m.gguf").string(), alone = (folder / "m").string(),
                    tower = (*golden / "openai/clip-vit-tiny-patch14-56").string();
  std::filesystem::copy(*golden / "model-fp32", alone);
  CHECK(failure(test::lorikeet({"convert", "-m", alone, out}), 1).find("with --vision.") != std::string::npos);
  const auto dry = test::lorikeet({"convert", "-m", alone, "--vision", tower, out, "--type", "q8_0", "--dry-run"});
  CHECK(dry.status == 0);
  for (const char* part : {"decoder: ", "projector: ", "vision tower: ", "visual experts: ", "would write "})
    CHECK(dry.out.find(part) != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(out));
  REQUIRE(test::lorikeet({"convert", "-m", alone, "--vision", tower, out}).status == 0);
  const Arguments directory = {"inspect", "-m", alone, "--vision", tower}, file = {"inspect", "-m", out};
  for (const Arguments& arguments : {directory, file}) {
    const auto shown = test::lorikeet(arguments);
    CHECK(shown.status == 0);
    CHECK(shown.out.find("vision tower: 3 layers, hidden 64, heads 4, feed-forward 160, pictures of 56 x 56 in patches "
                         "of 14, 17 visual tokens\nvisual experts: 6, feed-forward 128, residual weight 0.1\n") !=
          std::string::npos);
  }
}

TEST_CASE("inspect --kernels shows every kernel's interface, with no device as well") {
  const auto kernels = test::lorikeet({"inspect", "--kernels"}, {}, {"LORIKEET_DEVICE=no such device"});
  CHECK(kernels.status == 0);
  for (const char* part : {"rms_norm/float", "matmul/q4_1", "workgroup", "binding 0:"})
    CHECK(kernels.out.find(part) != std::string::npos);
}
