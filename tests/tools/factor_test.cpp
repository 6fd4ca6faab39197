// lorikeet factor as a user meets it: a dense model goes in, and one with experts comes out.
#include <nlohmann/json.hpp>

#include "frontend/training/loss_curve.h"
#include "runtime/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/device.h"
#include "tests/support/skip.h"
#include "tests/support/temporary.h"
#include "tests/support/tiny_model.h"
#include "tests/tools/program.h"

using namespace lorikeet;
using test::failure;

namespace {

using Arguments = std::vector<std::string>;

Arguments operator+(Arguments a, const Arguments& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string tiny_model() {
  const auto path = test::write_tiny_model("lorikeet-tiny-factor", {.hidden = 32, .vocabulary = test::kTinyTokens});
  test::write_tiny_tokenizer(path);
  return path.string();
}

std::string bytes(const std::filesystem::path& file) {
  const auto text = read_text(file);
  REQUIRE(text);
  return *text;
}

void write_text(const test::TemporaryFolder& folder) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "The sky is blue, and grass number " + std::to_string(i) + " is green.\n";
  folder.write("text.txt", text);
}

}  // namespace

#define NEED_DEVICE() \
  if (!test::test_device()) LK_SKIP(no_device, "factor")

TEST_CASE("factor: a model is cut, its routers and experts are trained, killed, resumed, and it answers") {
  NEED_DEVICE();
  const test::TemporaryFolder folder;
  write_text(folder);
  const auto call = [&](const std::string& out) {
    return Arguments{"factor",       "-m",
                     tiny_model(),   (folder / out).string(),
                     "--experts",    "4",
                     "--active",     "2",
                     "--data",       (folder / "text.txt").string(),
                     "--split",      "clustered",
                     "--stage",      "both",
                     "--tokens",     "400",
                     "--batch",      "2",
                     "--max-tokens", "20",
                     "--lr",         "1e-2",
                     "--save-every", "1"};
  };
  const auto whole = test::lorikeet(call("whole.gguf"));
  INFO(whole.err);
  REQUIRE(whole.status == 0);
  CHECK(says(whole.err, "watching which neurons fire together"));
  CHECK(says(whole.err, "training the routers; memory: "));
  CHECK(says(whole.out, "wrote "));
  for (const char* stage : {"routers", "experts"}) {
    const auto losses = read_loss_csv(bytes(folder / "whole.gguf.training" / stage / "loss.csv"), 1000);
    REQUIRE(losses.size() == 10);
    const bool routers = stage == std::string("routers");
    CHECK((routers ? losses.back().aux < losses.front().aux
                   : losses.back().cross_entropy < losses.front().cross_entropy));
    CHECK((routers ? losses.front().aux > 0 : losses.front().aux == 0));
    CHECK_FALSE(std::filesystem::exists(folder / "whole.gguf.training" / stage / "checkpoint.safetensors"));
  }
  for (const char* active : {"1", "2", "4"})
    CHECK(test::lorikeet(
              {"generate", "-m", (folder / "whole.gguf").string(), "The sky", "--max-tokens", "2", "--active", active})
              .status == 0);

  test::killed_when_there(call("cut.gguf"), folder / "cut.gguf.training" / "experts" / "checkpoint.safetensors");
  CHECK(says(failure(test::lorikeet(call("cut.gguf")), 1), "is there already; give --resume to go on in it"));
  Arguments other = call("cut.gguf") + Arguments{"--resume"};
  other[5] = "2";  // experts
  CHECK(says(failure(test::lorikeet(other), 1), "was cut with other options"));
  const auto resumed = test::lorikeet(call("cut.gguf") + Arguments{"--resume"});
  INFO(resumed.err);
  REQUIRE(resumed.status == 0);
  CHECK(says(resumed.err, "the routers are trained already"));
  const bool same_bits = bytes(folder / "cut.gguf") == bytes(folder / "whole.gguf");
  CHECK(same_bits);

  Arguments drawn = call("drawn.gguf");
  drawn[11] = "permutation:1";  // split
  test::killed_when_there(drawn, folder / "drawn.gguf.training" / "split.gguf");
  drawn[11] = "permutation:2";
  CHECK(says(failure(test::lorikeet(drawn + Arguments{"--resume"}), 1), "was cut with other options"));
  drawn[11] = "permutation:1";
  CHECK(test::lorikeet(drawn + Arguments{"--resume"}).status == 0);

  // A model that is cut already is only trained.
  const auto more =
      test::lorikeet({"factor", "-m", (folder / "whole.gguf").string(), (folder / "more.gguf").string(), "--data",
                      (folder / "text.txt").string(), "--tokens", "40", "--batch", "2", "--max-tokens", "20"});
  INFO(more.err);
  CHECK(more.status == 0);
  CHECK_FALSE(says(more.err, "cut into"));
  CHECK(says(failure(test::lorikeet({"factor", "-m", (folder / "whole.gguf").string(), (folder / "other.gguf").string(),
                                     "--data", (folder / "text.txt").string(), "--active", "3"}),
                     1),
             "is cut into 4 experts, 2 of them active, and is only trained; --active is for a dense model."));
}

TEST_CASE("factor: what cannot be done is a sentence") {
  NEED_DEVICE();
  const test::TemporaryFolder folder;
  write_text(folder);
  folder.write("short.txt", "Hi there");
  const std::string out = (folder / "out.gguf").string(), text = (folder / "text.txt").string();
  const Arguments call = {"factor", "-m", tiny_model(), out};
  CHECK(says(failure(test::lorikeet(call + Arguments{"--split", "clustered"}), 1), "give one with --data"));
  CHECK(says(failure(test::lorikeet(call + Arguments{"--stage", "both"}), 1), "give one with --data"));
  CHECK(says(failure(test::lorikeet(call + Arguments{"--split", "odd"}), 1),
             "--split is odd; contiguous, permutation:SEED or clustered was expected."));
  CHECK(says(failure(test::lorikeet(call + Arguments{"--split", "permutation:x"}), 1), "was expected."));
  CHECK(says(failure(test::lorikeet(call + Arguments{"--experts", "7", "--data", text}), 1),
             "the feed-forward layers have 96 rows, which 7 experts cannot share equally"));
  CHECK(says(failure(test::lorikeet(call + Arguments{"--active", "5", "--data", text}), 1), "1 to 4 experts"));
  CHECK(says(failure(test::lorikeet({"factor", "-m", tiny_model(), (folder / "o2.gguf").string(), "--split",
                                     "clustered", "--data", (folder / "short.txt").string()}),
                     1),
             "at least 64 were expected"));
  folder.write("odd.json", "[1, \"x\"]");
  folder.write("few.json", "[1, 0]");
  CHECK(says(failure(test::lorikeet(call + Arguments{"--order", (folder / "odd.json").string()}), 1), "holds no list"));
  CHECK(says(failure(test::lorikeet(call + Arguments{"--order", (folder / "few.json").string()}), 1),
             "has 2 entries, 2 layers of 96 rows were expected"));
  CHECK_FALSE(std::filesystem::exists(out));
}

TEST_CASE("factor: layers may be kept whole, and the model be written as a state dict") {
  NEED_DEVICE();
  const test::TemporaryFolder folder;
  const std::string model = tiny_model(), cut = (folder / "cut.gguf").string(), dict = (folder / "dict").string();
  CHECK(says(failure(test::lorikeet({"factor", "-m", model, cut, "--whole-layers", "2"}), 1), "from 0 to 1"));
  REQUIRE(test::lorikeet({"factor", "-m", model, cut, "--active", "1", "--whole-layers", "1,0"}).status == 0);
  CHECK(says(test::lorikeet({"inspect", "-m", cut}).out, "all experts in layers 0, 1"));
  const auto answer = [](const std::string& path) {
    return test::lorikeet({"generate", "-m", path, "The sky", "--max-tokens", "4"});
  };
  CHECK(answer(cut).out == answer(model).out);

  CHECK(says(failure(test::lorikeet({"convert", "-m", cut, dict, "--to", "pytorch", "--type", "q8_0"}), 1),
             "f32, f16 or bf16 was expected"));
  REQUIRE(test::lorikeet({"convert", "-m", cut, dict, "--to", "pytorch", "--type", "f32", "--dense-copies"}).status ==
          0);
  CHECK(says(failure(answer(dict), 1), "tokenizer"));
  std::filesystem::copy_file(std::filesystem::path(model) / "tokenizer.json", folder / "dict" / "tokenizer.json");
  CHECK(answer(dict).out == answer(model).out);
}

TEST_CASE("factor: a split may be given") {
  NEED_DEVICE();
  const test::TemporaryFolder folder;
  std::string order;
  for (int row = 95; row >= 0; --row) order += (order.empty() ? "[" : ", ") + std::to_string(row);
  folder.write("order.json", order + "]");
  const std::string out = (folder / "out.gguf").string();
  REQUIRE(test::lorikeet({"factor", "-m", tiny_model(), out, "--order", (folder / "order.json").string()}).status == 0);
  CHECK(says(test::lorikeet({"inspect", "-m", out}).out, "permutation"));
}

TEST_CASE("factor-report: every number of experts is measured beside the dense model") {
  NEED_DEVICE();
  const test::TemporaryFolder folder;
  write_text(folder);
  const std::string model = tiny_model(), cut = (folder / "cut.gguf").string(), out = (folder / "report").string();
  REQUIRE(test::lorikeet({"factor", "-m", model, cut, "--experts", "4"}).status == 0);
  const Arguments call = {"factor-report",
                          "-m",
                          cut,
                          "--dense",
                          model,
                          "--data",
                          (folder / "text.txt").string(),
                          "--tokens",
                          "200",
                          "--window",
                          "64",
                          "--prompt",
                          "16",
                          "--generate",
                          "4",
                          "--rounds",
                          "1",
                          "--out",
                          out};
  const auto made = test::lorikeet(call);
  INFO(made.err);
  REQUIRE(made.status == 0);
  CHECK(says(made.out, "4 of 4 "));
  const auto report = nlohmann::json::parse(bytes(folder / "report" / "report.json"));
  const auto& points = report.at("points");
  REQUIRE(points.size() == 5);
  CHECK(report.at("tokens") == 196);  // four pieces, of which the first tokens are not scored
  CHECK(points[0].at("agreement") == 1.0);
  CHECK(points[4].at("agreement") == 1.0);
  CHECK(points[4].at("perplexity").get<double>() == Approx(points[0].at("perplexity").get<double>()).epsilon(1e-4));
  for (int k = 1; k <= 4; ++k) {
    const auto& point = points[size_t(k)];
    CHECK(point.at("active") == k);
    CHECK(point.at("generate_tokens_per_second").get<double>() > 0);
    REQUIRE(point.at("layers").size() == 2);
    double load = 0;
    for (const auto& share : point.at("layers")[0].at("load")) load += share.get<double>();
    CHECK(load == Approx(k));
  }
  CHECK(points[1].at("ffn_bytes").get<double>() < points[2].at("ffn_bytes").get<double>());
  CHECK(bytes(folder / "report" / "report.svg").starts_with("<svg"));

  CHECK(says(failure(test::lorikeet(call), 1), "is there already"));
  Arguments other = call;
  other.back() = (folder / "other").string();
  other[2] = model;
  CHECK(says(failure(test::lorikeet(other), 1), "is not factored; give what `factor` wrote."));
}
